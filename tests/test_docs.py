"""README and docs: what they show is true of the code, and their examples run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import typer
import yaml

from engagement_ml.config import (
    BehaviourConfig,
    ExperimentConfig,
    PipelineConfig,
    RatioConfig,
    SessionsConfig,
    parse_config,
)
from engagement_ml.workflow.results import DRIVER_COLUMNS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OWN = [
    page for page in PAGES
    if page.name in ("README.md", "configuration.md", "outputs.md", "python.md", "architecture.md")
]  # fmt: skip
SCRIPTS = {
    "python -m engagement_ml.datasets",
    "python -m benchmarks.real_data",
    "python -m benchmarks.shop_seeds",
    "python -m benchmarks.recovery.run",
    "python -m benchmarks.scale.run",
    "python -m benchmarks.cost",
}


def blocks(language: str, pages: list[Path] = PAGES) -> list:
    """Return the fenced blocks of a language, each with page and line for its name."""
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S):
            line = text[: match.start()].count("\n") + 1
            found.append(pytest.param(match[1], id=f"{page.name}:{line}"))
    return found


def commands() -> list:
    """Return the command lines of the shell blocks, one each."""
    found = []
    for block in blocks("(?:sh|shell|bash|console)"):
        for line in block.values[0].replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            if command and not command.startswith("#"):
                found.append(pytest.param(command, id=f"{block.id} {command[:40]}"))
    return found


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_yaml_example_is_a_configuration(text):
    config = parse_config(yaml.safe_load(text), origin="example")
    assert config.sources.events
    assert config.sources.transactions


def test_the_defaults_shown_are_the_defaults():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(page.split("## All keys")[1].split("```yaml\n")[1].split("```")[0])
    assert set(shown) == set(PipelineConfig.model_fields)
    given = {key: shown.pop(key) for key in ("name", "sources")}
    assert parse_config({**given, **shown}) == parse_config(given)


def test_every_key_is_explained():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    models = [PipelineConfig, BehaviourConfig, ExperimentConfig, SessionsConfig, RatioConfig]
    models += [
        field.annotation
        for field in PipelineConfig.model_fields.values()
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
    ]
    for model in models:
        for name, field in model.model_fields.items():
            assert re.search(rf"\b{field.alias or name}\b", page), f"{name} is not explained"


def test_every_column_and_file_is_explained():
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
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
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    rows = page.split("## ")[0].splitlines()
    named = {name for row in rows if row.startswith("| `") for name in row.split("|")[1].split("`")}
    named = {name for name in named if "." in name}
    left = {p.relative_to(trained.folder).as_posix() for p in trained.folder.rglob("*.*")}
    assert named == left


@pytest.mark.parametrize("text", blocks("python", OWN))
def test_a_python_example_runs(text, here, small_shop, quick_drivers, monkeypatch, capsys):
    import engagement_ml as em

    quick_drivers("tutorial_done", "wishlist_add")
    if "load_model" in text:
        pytest.importorskip("mlflow")
        _train_a_champion(em, small_shop)
    example = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", example)
    monkeypatch.setattr(em, "make_shop", lambda *_, **__: small_shop, raising=False)
    small_shop.events.to_parquet("events.parquet")
    small_shop.transactions.to_parquet("transactions.parquet")
    exec(compile(text, "example", "exec"), vars(example))
    if "except em.EngagementError" in text:
        assert "did you mean 'windows'" in capsys.readouterr().out


def _train_a_champion(em: ModuleType, shop: SimpleNamespace) -> None:
    frames = {"events": shop.events, "transactions": shop.transactions}
    result = em.train(em.PipelineConfig(name="shop-engagement"), frames=frames, output="run")
    assert result.registered["alias"] == "champion"


def _options(command: typer.core.TyperCommand) -> set[str]:
    return {opt for p in command.params for opt in (*p.opts, *p.secondary_opts) if opt[0] == "-"}


@pytest.mark.parametrize("line", commands())
def test_a_command_shown_exists(line):
    from engagement_ml.cli.app import app

    words = shlex.split(line, comments=True)
    if words[0] == "engagement-ml":
        known = typer.main.get_command(app).commands
        assert words[1] in known
        command = known[words[1]]
        options = [word for word in words[2:] if word.startswith("-")]
        assert set(options) <= _options(command) | {"--help"}
        context = command.make_context(words[1], list(words[2:]))
        assert context.params
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert {w for w in words[1:] if "=" not in w} <= set(targets)
    elif words[:2] == ["python", "-m"]:
        assert any(line.startswith(script) for script in SCRIPTS), f"what is {line}?"
        assert (ROOT / words[2].replace(".", "/")).with_suffix(".py").exists() or (
            ROOT / words[2].replace(".", "/") / "__main__.py"
        ).exists()
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
    else:
        assert words[0] in ("pip", "git", "cd", "QUICK=1"), f"what is {line}?"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{page.name} links to {target}"


def test_every_folder_is_on_the_map():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {
        path.stem
        for path in (ROOT / "engagement_ml").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[0] != "_"
    }
    assert {part for part in parts if not re.search(rf"\b{part}\b", page)} == set()


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").glob("*"):
        assert picture.stat().st_size < 300_000
