"""Feature cache: features are copied from an earlier run only if nothing they need changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.features import panel
from engagement_ml.ledger.cache import batches, events
from engagement_ml.workflow import write_features

START = pd.Timestamp("2024-02-20")
DAYS = 40
CUTOFFS = ["2024-03-10", "2024-03-14"]


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MIN_CACHED_BYTES", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    for day in range(DAYS):
        write_day(tmp_path, day)
    write_transactions(tmp_path)
    return tmp_path


def write_day(folder: Path, day: int, seed: int = 0) -> None:
    rng = np.random.default_rng([seed, day + 1])
    moments = START + pd.Timedelta(days=day) + pd.to_timedelta(rng.integers(0, 24, 20), unit="h")
    pd.DataFrame(
        {
            "customer_id": rng.integers(1, 6, 20),
            "timestamp": moments,
            "event_type": rng.choice(["visit", "like", "cancelled"], 20, p=[0.6, 0.38, 0.02]),
        }
    ).to_parquet(folder / "events" / f"day-{day:02}.parquet", index=False)


def write_transactions(folder: Path, last: int = DAYS, margin: float = 2.5) -> None:
    moments = [START + pd.Timedelta(days=d, hours=7) for d in range(0, last, 3)]
    moments.append(START + pd.Timedelta(days=last - 1, hours=8))
    ids = [1 + i % 5 for i in range(len(moments))]
    frame = pd.DataFrame({"customer_id": ids, "timestamp": moments, "margin": margin})
    frame.to_parquet(folder / "transactions.parquet", index=False)


def config(folder: Path, keep: bool = True, **more: Any) -> PipelineConfig:
    return parse_config(
        {
            "name": "cached",
            "sources": {"events": str(folder / "events"),
                        "transactions": str(folder / "transactions.parquet")},
            "windows": {"observation_days": 7, "outcome_days": 5, "every_days": 7,
                        "cutoffs": CUTOFFS},
            "engine": {"keep": str(folder / "keep") if keep else None},
            **more,
        }
    )  # fmt: skip


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> bool:
    """Write the features with and without the cache; return whether the cache missed."""
    computed = []
    original = panel.panel_blocks

    def note(*arguments: Any) -> Any:
        computed.append(1)
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(panel, "panel_blocks", note)
        write_features(config(folder, **more), folder / "out")
    write_features(config(folder, keep=False, **more), folder / "fresh")
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "out" / "features.parquet"),
        pd.read_parquet(folder / "fresh" / "features.parquet"),
        check_exact=True,
    )
    return bool(computed)


def test_exact_cutoffs_hit_the_cache_after_one_more_day(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, monkeypatch)
    assert not run(folder, monkeypatch)
    write_day(folder, DAYS)
    write_transactions(folder, DAYS + 1)
    assert not run(folder, monkeypatch)


CHANGES = {
    "a day before the first cutoff": lambda folder: write_day(folder, 10, seed=1),
    "an earlier first day": lambda folder: write_day(folder, -1),
    "margins": lambda folder: write_transactions(folder, margin=3.5),
}


def test_damaged_files_are_named_and_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A byte changed in each file of the cache, which leaves its size as it was."""
    assert run(folder, monkeypatch, features={"sessions": True})
    manifests = set((folder / "keep").rglob("manifest.json"))
    files = [p for p in (folder / "keep").rglob("*-*.*") if p.is_file()]
    assert {p.name.partition("-")[0] for p in files} == {"features", "ledger", "sessions"}
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    # `run` compares the features with those that are made without a cache.
    assert run(folder, monkeypatch, features={"sessions": True})
    assert {message.partition(": is damaged")[0] for message in caplog.messages} == {
        str(file) for file in files
    }
    caplog.clear()
    for manifest in manifests:
        manifest.write_text(manifest.read_text()[:-40])
    assert run(folder, monkeypatch, features={"sessions": True})
    assert len(caplog.messages) == len(manifests) == 3
    assert not run(folder, monkeypatch, features={"sessions": True})


@pytest.mark.parametrize("change", CHANGES)
def test_changed_data_misses_the_cache(
    change: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, monkeypatch)
    CHANGES[change](folder)
    assert run(folder, monkeypatch)


@pytest.mark.seldom
def test_changed_settings_miss_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = {"observation_days": 7, "outcome_days": 5, "every_days": 7}
    assert run(folder, monkeypatch)
    assert run(folder, monkeypatch, windows=windows)
    assert run(folder, monkeypatch, windows={**windows, "outcome_days": 6})
    assert run(folder, monkeypatch, behaviours={"like": {"role": "ignore"}})
    churn = {"kind": "event", "event_type": "cancelled"}
    assert run(folder, monkeypatch, churn=churn)


@pytest.mark.seldom
def test_changed_sessions_and_ratios_miss_the_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratio = {"name": "like_rate", "numerator": "like", "denominator": "visit"}
    settings: list[dict[str, Any]] = [
        {},
        {"sessions": True},
        {"sessions": {"gap_minutes": 90}},
        {"sessions": {"gap_minutes": 90}, "ratios": [ratio]},
    ]
    for features in settings:
        assert run(folder, monkeypatch, features=features)
    assert not run(folder, monkeypatch, features=settings[-1])


def test_with_a_churn_event_outcomes_depend_on_later_events(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    churn = {"kind": "event", "event_type": "cancelled"}
    assert run(folder, monkeypatch, churn=churn)
    write_day(folder, 24, seed=3)
    assert run(folder, monkeypatch, churn=churn)
