"""Fixtures: a small shop, a stand-in for the driver search, a tracking store for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import yaml
from hypothesis import HealthCheck, settings

from engagement_ml.config import PipelineConfig, parse_config, read_config

# No test depends on how fast the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what runs seldom."""
    left_out = pytest.mark.skip(reason="takes long; set ALL_TESTS=1 to run it as well")
    for item in items:
        if item.get_closest_marker("seldom") and "ALL_TESTS" not in os.environ:
            item.add_marker(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Keep each file on one worker, and the tests of engines together: Spark then starts once."""
    from xdist.scheduler import LoadFileScheduling

    class OneSparkScheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            engines = nodeid.startswith("tests/engines/")
            return "engines" if engines else str(super()._split_scope(nodeid))

    return OneSparkScheduling(config, log)


collect_ignore = ["killing_preload.py"]
"""A module that loads MLflow, for the processes of `tests.killing`."""
SETTINGS: dict[str, Any] = {
    "name": "small-shop",
    "windows": {"observation_days": 28, "outcome_days": 28, "every_days": 28},
    "segments": ["plan"],
    "behaviours": {
        "tutorial_done": {"label": "Tutorial finished", "stage": "consideration"},
        "coupon_use": {"cost_per_event": 1.5},
    },
    # The shop is too small for the gate, and a stand-in runs no checks.
    "gate": {
        "min_customers": None,
        "min_correlation": None,
        "min_gain_on_vanity": None,
        "min_selection_frequency": None,
        "placebos": False,
    },
}


@pytest.fixture(scope="session")
def small_shop() -> Any:
    """300 customers over 40 weeks: quick to train on, too few to find much."""
    from engagement_ml.datasets import make_shop

    return make_shop(300, 40, seed=1)


@pytest.fixture(scope="session")
def shop_files(small_shop, tmp_path_factory) -> Path:
    """The small shop's tables as Parquet files."""
    from engagement_ml.datasets import write_dataset

    folder = tmp_path_factory.mktemp("shop")
    write_dataset(small_shop, folder)
    return folder


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory) -> Path:
    """A tracking database that was migrated once."""
    from engagement_ml.tracking.session import tracking_session

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    with tracking_session(f"sqlite:///{file}"):
        pass
    return file


@pytest.fixture
def here(tmp_path, migrated_store, monkeypatch) -> Path:
    """An empty working folder with a tracking store in its usual place."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(migrated_store, tmp_path / "mlruns" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def write_yaml(shop_files, tmp_path) -> Callable[..., Path]:
    """Write the small shop's pipeline definition, keys replaced or added."""

    def write(**changes: Any) -> Path:
        sources = {name: str(shop_files / f"{name}.parquet") for name in ("events", "transactions")}
        sources["customers"] = str(shop_files / "customers.parquet")
        file = tmp_path / "small-shop.yaml"
        file.write_text(yaml.safe_dump({**SETTINGS, "sources": sources, **changes}))
        return file

    return write


@pytest.fixture
def config(write_yaml) -> PipelineConfig:
    """The small shop's configuration, read from its YAML file."""
    return read_config(write_yaml())


@pytest.fixture
def small_files() -> Callable[[], Any]:
    """A context in which the system refuses files beyond 20 kB, as it would on a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


def stand_in_evidence(behaviours: tuple[str, ...], chosen: tuple[str, ...]) -> Any:
    """Evidence as the search gives it, made by arithmetic."""
    from engagement_ml.drivers.evidence import Choice, DriverEvidence, DriverRow

    weights = {1: (100.0,), 2: (60.0, 40.0)}.get(len(chosen), ())
    choices = tuple(
        Choice(name, weight, weight - 10, min(weight + 10, 100), "log1p", 2.0, None, 6.0)
        for name, weight in zip(chosen, weights, strict=True)
    )
    others = sorted(set(behaviours) - set(chosen))
    rows = [
        DriverRow(
            behaviour=name,
            verdict="driver" if name in chosen else "vanity",
            selected=name in chosen,
            shap_rank=rank,
            mean_abs_shap=10 / rank / 3,
            effect=2 / 3 if name in chosen else 0.0,
            effect_low=1 / 3,
            effect_high=1.0,
            selection_frequency=1.0 if name in chosen else 0.0,
            saturation_point=None,
            reason="made up, for a test",
            label=name,
            naive_rank=rank,
        )
        for rank, name in enumerate([*chosen, *others], start=1)
    ]
    return DriverEvidence(
        evidence="driver",
        choices=choices,
        reason=None if choices else "no behaviour's changes are followed by changes of margin",
        drivers=tuple(rows),
        notes=("a stand-in searched",),
    )


def with_responses(evidence: Any) -> Any:
    """Return made-up evidence with a response curve for each of its drivers."""
    import dataclasses

    from engagement_ml.drivers.response_evidence import ResponseCurve

    x = tuple(float(n) for n in range(13))
    curve = ResponseCurve(x, x, x, x, None, 1.0, 3.0, "linear")
    drivers = [row.behaviour for row in evidence.drivers if row.verdict == "driver"]
    return dataclasses.replace(evidence, responses=dict.fromkeys(drivers, curve))


def stand_in_search(*chosen: str) -> Callable[..., Any]:
    """Return a stand-in for the driver search, which is slow."""

    def find_drivers(periods, panel, windows, config, *, experiments=(), on_step=None):
        assert periods.until == windows.fit_until
        if on_step is not None:
            on_step("searching")
        return stand_in_evidence(periods.behaviours, chosen)

    return find_drivers


@pytest.fixture
def quick_drivers(monkeypatch) -> Callable[..., None]:
    """Replace the driver search by a stand-in; call it to choose other behaviours."""
    from engagement_ml import drivers

    def choose(*chosen: str) -> None:
        monkeypatch.setattr(drivers, "find_drivers", stand_in_search(*chosen), raising=False)

    choose("tutorial_done", "wishlist_add")
    return choose


@pytest.fixture(scope="session")
def trained(tmp_path_factory, migrated_store, shop_files) -> SimpleNamespace:
    """The small shop, trained on and registered once, with a stand-in for the search."""
    from engagement_ml import drivers
    from engagement_ml.workflow import train

    folder = tmp_path_factory.mktemp("trained")
    shutil.copy(migrated_store, folder / "mlflow.db")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    sources = {n: str(shop_files / f"{n}.parquet") for n in ("events", "transactions", "customers")}
    config = parse_config({**SETTINGS, "sources": sources, "tracking": {"uri": store}})
    search = stand_in_search("tutorial_done", "wishlist_add")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers, "find_drivers", search, raising=False)
        result = train(config, output=folder / "run")
    return SimpleNamespace(
        result=result, folder=result.folder, store=store, events=sources["events"]
    )
