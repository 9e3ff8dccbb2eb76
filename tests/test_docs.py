"""README and documentation site: their statements are true of the code, and their examples run."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.results import DRIVER_COLUMNS
from tests.conftest import SETTINGS, stand_in_search, with_responses
from tests.pages import DOCS, PAGES, ROOT, blocks, commands_of, name_of, text_of

SCRIPTS = {
    "python -m engagement_ml.datasets",
    "python -m engagement_ml.features.catalogue",
    "python -m engagement_ml.config.schema",
    "python -m benchmarks.real_data",
    "python -m benchmarks.shop_seeds",
    "python -m benchmarks.recovery.run",
    "python -m benchmarks.scale.run",
    "python -m benchmarks.cost",
    "python -m pytest",
}
TABLES = ("events", "transactions", "customers")
NOT_RUN = ("promote", "act")
"""Commands that need a version that passes, or a driver."""
SELDOM = (
    "cli.md",
    "track.md",
    "install.md",
    "schedule.md",
    "monitor.md",
    "audit.md",
    "score.md",
    "scorecard.md",
    "act.md",
    "evaluate.md",
    "first-metric.md",
    "partners-and-accounts.md",
)
"""Pages whose commands other tests run as well: examples of ``--help``, the README, tracking."""


SELDOM_EXAMPLES = ("audit.md", "evaluate.md", "schedule.md")
"""Pages whose Python examples take long, and which tests of the same functions run as well."""


def pages_with_commands() -> list:
    return [
        pytest.param(page, id=name_of(page), marks=[pytest.mark.seldom] * (page.name in SELDOM))
        for page in PAGES
        if commands_of(page)
    ]


@pytest.fixture
def shop_folder(here, small_shop, write_yaml, quick_drivers, monkeypatch) -> Path:
    """A folder with a small shop's tables and configuration, as the pages assume."""
    import engagement_ml as em
    from engagement_ml import datasets

    quick_drivers("tutorial_done", "wishlist_add")
    monkeypatch.setattr(em, "make_shop", lambda *_, **__: small_shop, raising=False)
    monkeypatch.setattr(datasets, "make_shop", lambda *_, **__: small_shop, raising=False)
    for name in TABLES:
        getattr(small_shop, name).to_parquet(f"{name}.parquet")
    write_scores_by_hand(small_shop)
    write_links(small_shop)
    raw = yaml.safe_load(write_yaml().read_text(encoding="utf-8"))
    raw |= {"name": "shop-engagement", "sources": {name: f"{name}.parquet" for name in TABLES}}
    raw["tracking"] = {"uri": None}
    Path("shop.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return here


def write_scores_by_hand(shop: SimpleNamespace) -> None:
    """Write a score of a vendor, and weights by hand."""
    views = shop.events.loc[lambda t: t["event_type"] == "page_view"]
    month = views["timestamp"].dt.to_period("M").dt.end_time.dt.floor("D") + pd.Timedelta(days=1)
    scores = views.groupby(["customer_id", month.rename("date")]).size().rename("score")
    scores.reset_index().to_csv("health.csv", index=False)
    weights = {"page_view": 60, "tutorial_done": 40}
    Path("weights.yaml").write_text(yaml.safe_dump({"weights": weights}), encoding="utf-8")


def write_links(shop: SimpleNamespace) -> None:
    """Write a table of links in which the first customer acts for the second."""
    actor, customer = sorted(shop.events["customer_id"].unique())[:2]
    Path("account_reps.csv").write_text(f"actor_id,customer_id\n{actor},{customer}\n")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_yaml_example_is_a_configuration_or_weights_by_hand(text, tmp_path):
    if "weights" in yaml.safe_load(text):
        (tmp_path / "example.yaml").write_text(text, encoding="utf-8")
        assert EngagementMetric.from_yaml(tmp_path / "example.yaml").behaviours
        return
    config = parse_config(yaml.safe_load(text), origin="example")
    assert config.sources.events
    assert config.sources.transactions


def test_the_defaults_shown_are_the_defaults():
    page = text_of(DOCS / "reference" / "configuration.md")
    shown = yaml.safe_load(page.split("## All keys")[1].split("```yaml\n")[1].split("```")[0])
    assert set(shown) == set(PipelineConfig.model_fields)
    given = {key: shown.pop(key) for key in ("name", "sources")}
    assert parse_config({**given, **shown}) == parse_config(given)


def models_of(model: type) -> Iterator[type]:
    """Yield a pydantic model and the models of its fields."""
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and hasattr(part, "model_fields"):
                yield from models_of(part)


def test_every_key_is_in_the_reference():
    page = text_of(DOCS / "reference" / "configuration.md")
    for model in models_of(PipelineConfig):
        for name, field in model.model_fields.items():
            assert re.search(rf"^\| `{field.alias or name}` \|", page, re.M), f"{name} is missing"


@pytest.mark.parametrize("name", ["configuration", "metric-json"])
def test_every_key_has_a_meaning(name):
    rows = re.findall(r"^\| `[^`]+` \|.*\|$", text_of(DOCS / "reference" / f"{name}.md"), re.M)
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_column_is_explained():
    page = text_of(DOCS / "reference" / "outputs.md")
    for name in (
        *DRIVER_COLUMNS,
        "label",
        "role",
        "stage",
        "effect_gross",
        "naive_rank",
        "basis",
        "observed_verdict",
    ):
        assert f"`{name}`" in page


def test_the_files_named_are_those_that_training_leaves(trained):
    page = text_of(DOCS / "reference" / "outputs.md")
    rows = page.split("## ")[0].splitlines()
    named = {name for row in rows if row.startswith("| `") for name in row.split("|")[1].split("`")}
    named = {name for name in named if "." in name}
    left = {p.relative_to(trained.folder).as_posix() for p in trained.folder.rglob("*.*")}
    # written only if a behaviour may act and segments are configured
    optional = {"segments.csv", "attribution.csv", "contacts.csv"}
    assert named - optional == left - optional
    assert optional <= named


@pytest.mark.parametrize("text", blocks("python", seldom=SELDOM_EXAMPLES))
def test_a_python_example_runs(text, shop_folder, small_shop, monkeypatch, capsys):
    import engagement_ml as em

    if "load_model" in text:
        pytest.importorskip("mlflow")
        assert train_a_version(em, small_shop, gate=SETTINGS["gate"]) == "champion"
    if "em.promote(" in text:
        assert train_a_version(em, small_shop) == "challenger"
    example = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", example)
    code = compile(text, "example", "exec")
    if "em.act(" in text:
        search = stand_in_search("tutorial_done", "wishlist_add")
        found = lambda *a, **k: with_responses(search(*a, **k))  # noqa: E731
        monkeypatch.setattr("engagement_ml.drivers.find_drivers", found, raising=False)
        # A list is read back once its days are over.
        with pytest.raises(NotEnoughDataError, match="the outcome is complete when"):
            exec(code, vars(example))
        assert vars(example)["made"].plan.detectable > 0
        return
    exec(code, vars(example))
    if "except em.EngagementError" in text:
        assert "did you mean 'windows'" in capsys.readouterr().out


def train_a_version(em: ModuleType, shop: SimpleNamespace, **keys: Any) -> str:
    frames = {"events": shop.events, "transactions": shop.transactions}
    config = em.PipelineConfig(name="shop-engagement", **keys)
    alias: str = em.train(config, frames=frames, output="run").registered["alias"]
    return alias


@pytest.mark.parametrize("text", blocks("sql"))
def test_an_sql_example_runs(text, small_shop, tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    day = tmp_path / "events" / "day=2024-06-01.parquet"
    day.parent.mkdir()
    small_shop.events.to_parquet(day)
    assert 0 < duckdb.sql(text).fetchall()[0][0] <= 1


@pytest.mark.parametrize("page", pages_with_commands())
def test_the_commands_of_a_page_run_in_their_order(page, shop_folder, monkeypatch):
    """Each `engagement-ml` command runs; other commands exist."""
    from engagement_ml.cli.app import app

    lines = commands_of(page)
    if any("models:/" in line or " register " in line for line in lines):
        track(Path("shop.yaml"))
    train_what_is_assumed(lines, app)
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] != "engagement-ml":
            check_that_it_exists(line, words)
        elif needs_spark(words) or len(words) == 1 or words[1] in NOT_RUN or "--preset" in words:
            # What these say of the small shop is no error of a page; presets have own tests.
            check_that_options_exist(app, words)
        else:
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{line}: {result.output}"


def track(file: Path) -> None:
    """Switch tracking on, so that a run registers its model."""
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    del raw["tracking"]
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")


def train_what_is_assumed(lines: list[str], app: typer.Typer) -> None:
    """Train first if a page's commands read a run that an earlier page made."""
    reads = re.compile(r"engagement-ml (?:score|evaluate|report|monitor) (?:runs/(\w+)|models:/)")
    named = [match for line in lines if (match := reads.match(line))]
    folders = {match[1] or "registered" for match in named}
    for folder in sorted(folders):
        made = f"--output runs/{folder}"
        if not any(made in line for line in lines if " train " in line or " demo " in line):
            words = "demo" if folder == "demo" else "train shop.yaml"
            result = CliRunner().invoke(app, [*words.split(), *made.split()])
            assert result.exit_code == 0, result.output


def needs_spark(words: list[str]) -> bool:
    return "spark" in words


def check_that_options_exist(app: typer.Typer, words: list[str]) -> None:
    group = typer.main.get_command(app)
    if len(words) > 1:
        assert group.commands[words[1]].make_context(words[1], words[2:]).params


def check_that_it_exists(line: str, words: list[str]) -> None:
    """Check a command of another program: its target, module or file is there."""
    words = [word for word in words if "=" not in word]
    program = words[0].rsplit("/", 1)[-1]
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert set(words[1:]) <= set(re.findall(r"^([a-z-]+):", makefile, re.M))
    elif program == "python" and words[1] == "-m":
        assert f"python -m {words[2]}" in SCRIPTS, f"what is {line}?"
        if words[2] != "pytest":
            module = ROOT / words[2].replace(".", "/")
            assert module.with_suffix(".py").exists() or (module / "__main__.py").exists()
    elif program == "python":
        assert (ROOT / words[1]).is_file()
    else:
        assert program in ("pip", "git", "cd"), f"what is {line}?"
