"""The command line: examples in the help, exit statuses, imports and printed output."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from engagement_ml import drivers
from engagement_ml.cli import main
from engagement_ml.errors import NothingToActOnError
from tests.conftest import with_responses

COMMANDS = [
    "demo", "init", "train", "register", "evaluate", "audit", "promote", "score", "predict",
    "act", "sql", "monitor", "report", "features", "check", "scorecard",
]  # fmt: skip
HEAVY = {
    "duckdb", "lightgbm", "matplotlib", "mlflow", "narwhals", "numpy", "pandas", "pydantic",
    "pyfixest", "scipy", "shap", "sklearn",
}  # fmt: skip
SCRIPT = "import sys; from engagement_ml.cli import main; sys.argv[0] = 'engagement-ml'; main()"


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["engagement-ml", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


def examples(monkeypatch, capsys, *command: str) -> list[str]:
    assert run(monkeypatch, *command, "--help") == 0
    text = capsys.readouterr().out.partition("Example:\n")[2]
    return re.findall(r"^ +(engagement-ml .+)$", text, flags=re.MULTILINE)


def test_every_example_in_help_runs(here, quick_drivers, small_shop, monkeypatch, capsys):
    monkeypatch.setattr(
        "engagement_ml.datasets.shop.make_shop", lambda *_args, **_settings: small_shop
    )
    search = drivers.find_drivers
    monkeypatch.setattr(drivers, "find_drivers", lambda *a, **k: with_responses(search(*a, **k)))
    shown = [example for name in COMMANDS for example in examples(monkeypatch, capsys, name)]
    assert len(shown) >= len(COMMANDS)
    views = small_shop.events.loc[lambda t: t["event_type"] == "page_view"]
    month = views["timestamp"].dt.strftime("%Y-%m-28").rename("date")
    counts = views.groupby(["customer_id", month]).size().rename("score").reset_index()
    counts.to_csv(here / "health.csv", index=False)
    for example in [*shown, *examples(monkeypatch, capsys)]:
        if "--preset" in example:
            # It takes long: tests/cli/test_preset_demo.py and tests/workflow/test_presets.py.
            continue
        # The gate may say no to a version that was trained on few customers.
        allowed = (0, 1) if " promote " in example else (0,)
        assert run(monkeypatch, *shlex.split(example)[1:]) in allowed, example
    for file in (
        "runs/demo/metric.json", "runs/demo/shop.yaml", "runs/demo/data/events.parquet",
        "runs/shop/drivers.csv", "runs/demo-evaluation/evaluation.json", "scores.parquet",
        "shop.duckdb", "predictions.parquet", "report.html", "features/features.parquet",
        "runs/audit/audit.html",
    ):  # fmt: skip
        assert (here / file).is_file(), file


DIALECT = re.compile(
    r"\b(foretells?|nought|whoever|whom|liking|anew|attack(s|ed)|learnt|besides|entit(y|ies)|steers"
    r"|worlds?|nobody|everybody|everyone|so many|in all|of its own|tells?|told)\b",
    flags=re.IGNORECASE,
)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_uses_the_words_of_the_field(monkeypatch, capsys, name):
    assert run(monkeypatch, *filter(None, [name]), "--help") == 0
    assert not DIALECT.search(capsys.readouterr().out)


def test_help_explains_the_exit_statuses(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Exit status 0: done" in text
    assert "1: a quality gate failed, or an alarm; 2: invalid input" in text


def test_help_and_version_load_nothing_heavy():
    for argument in ("--help", "--version"):
        code = f"import sys; sys.argv.append({argument!r})\ntry:\n    {SCRIPT}\nfinally:\n" + (
            "    print(*sys.modules, file=sys.stderr)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        loaded = {name.partition(".")[0] for name in ran.stderr.split()}
        assert "typer" in loaded
        assert not loaded & HEAVY


COUNT_CALLS = """
import sys
calls = 0
def count(frame, event, argument):
    global calls
    calls += 1
code, *sys.argv[1:] = sys.argv[1:]
sys.setprofile(count)
try:
    exec(code)
except SystemExit:
    pass
sys.setprofile(None)
print(calls, file=sys.stderr)
"""


def function_calls(code: str, *arguments: str) -> int:
    """Return the number of function calls and returns in a fresh process: work without a clock."""
    ran = subprocess.run(
        [sys.executable, "-c", COUNT_CALLS, code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stderr)


def test_help_takes_little_more_work_than_importing_its_libraries():
    libraries = function_calls("import typer, rich")
    assert libraries > 50_000
    # typer reads the options of every command; the share of one is bounded.
    assert function_calls(SCRIPT, "--help") <= (0.5 + 2 * len(COMMANDS) / 15) * libraries


def test_a_run_without_a_driver_is_no_error_of_act(here, write_yaml, monkeypatch, capsys):
    def act(*_: object, **__: object) -> None:
        raise NothingToActOnError("the run in runs/x: no behaviour is a driver: nothing passed")

    monkeypatch.setattr("engagement_ml.workflow.act", act, raising=False)
    assert run(monkeypatch, "act", str(write_yaml())) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "No list was made. The run in runs/x: no behaviour is a driver: nothing passed." in said


def test_training_prints_the_result_and_the_next_command(
    here, write_yaml, quick_drivers, monkeypatch, capsys
):
    file = write_yaml()
    assert run(monkeypatch, "train", str(file), "--output", "out") == 0
    said = capsys.readouterr()
    assert said.err == ""
    for part in ("Tutorial finished", "60.0", "Total events", "out/report.html", "version 1"):
        assert part in said.out
    following = next(line for line in said.out.splitlines() if line.startswith("Next"))
    command = shlex.split(following.removeprefix("Next"))
    assert run(monkeypatch, *command[1:]) == 0
    assert (here / "scores.parquet").is_file()


def test_the_next_command_names_a_program_that_exists(trained, monkeypatch, capsys):
    from engagement_ml.cli.results import show_train

    monkeypatch.setattr(sys, "argv", [".venv/bin/engagement-ml", "demo"])
    for path, expected in (("", ".venv/bin/engagement-ml score"), (None, "engagement-ml score")):
        if path is not None:
            monkeypatch.setenv("PATH", path)
        else:
            monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
        show_train(trained.result)
        assert f"Next    {expected} " in capsys.readouterr().out


def test_quiet_prints_errors_only(here, write_yaml, quick_drivers, monkeypatch, capsys):
    file = write_yaml(tracking={"uri": None})
    assert run(monkeypatch, "train", str(file), "--output", "out", "--quiet") == 0
    assert run(monkeypatch, "score", "out", str(here / "nothing"), "--quiet") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_an_abstention_exits_with_status_zero(here, write_yaml, quick_drivers, monkeypatch, capsys):
    quick_drivers()
    file = write_yaml(tracking={"uri": None})
    assert run(monkeypatch, "train", str(file), "--output", "out") == 0
    assert "require: indicator" in capsys.readouterr().out
    assert run(monkeypatch, "score", "out", "events.parquet") == 2
    assert "abstained and cannot score" in capsys.readouterr().err


def test_evaluate_prints_the_metric_and_its_baselines(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "evaluate", str(trained.folder)) == 0
    out = capsys.readouterr().out
    measured = trained.result.evaluation["metric"]["across"]["metric"]["spearman"]
    assert f"{measured['value']:.2f} ({measured['low']:.2f} to {measured['high']:.2f})" in out
    for part in (
        "This metric",
        "Total events",
        "Full profit model",
        "ROC AUC",
        "The same rate for everyone",
    ):
        assert part in out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_writes_a_definition_that_runs_again(
    here, quick_drivers, small_shop, monkeypatch, capsys
):
    calls: list[dict[str, object]] = []

    def make(customers: int, **settings: object) -> object:
        calls.append({"customers": customers, **settings})
        return small_shop

    monkeypatch.setattr("engagement_ml.datasets.shop.make_shop", make)
    arguments = ("demo", "--output", "demo", "--customers", "300", "--no-effects", "--seed", "5")
    assert run(monkeypatch, *arguments) == 0
    assert calls == [{"customers": 300, "seed": 5, "effects": False}]
    assert "simulated" in (here / "demo" / "report.html").read_text()
    text = (here / "demo" / "shop.yaml").read_text()
    assert yaml.safe_load(text)["sources"]["events"] == "data/events.parquet"
    again = next(line for line in text.splitlines() if line.startswith("# Run it again: "))
    assert run(monkeypatch, *shlex.split(again.partition("engagement-ml ")[2])) == 0
    first, second = (
        json.loads((folder / "metric.json").read_text())
        for folder in (here / "demo", next(iter((here / "runs" / "shop-engagement").iterdir())))
    )
    assert first == second


@pytest.mark.parametrize("dataset", ["complete-journey", "online-retail"])
def test_the_demo_on_real_data_states_how_margin_was_derived(
    here, quick_drivers, small_shop, monkeypatch, dataset
):
    from engagement_ml.datasets import Dataset

    def load(*_: object) -> Dataset:
        tables = (small_shop.events, small_shop.transactions, small_shop.customers)
        return Dataset(dataset, *tables, assumptions=("Margin is assumed, not known.",))

    module = dataset.replace("-", "_")
    monkeypatch.setattr(f"engagement_ml.datasets.{module}.load_{module}", load)
    given = ["--path", "lines.parquet"] if dataset == "online-retail" else []
    monkeypatch.setattr(
        "engagement_ml.cli.demo.definition",
        lambda name: (
            f"name: x\nsources:\n  events: ../data/{name}/events.parquet\n"
            f"  transactions: ../data/{name}/transactions.parquet\n"
            "windows: {observation_days: 28, outcome_days: 28}\n"
        ),
    )
    assert run(monkeypatch, "demo", "--dataset", dataset, *given, "--output", "out") == 0
    assert "Margin is assumed, not known." in (here / "out" / "report.html").read_text()
    assert len(pd.read_parquet(here / "out" / "data" / "events.parquet")) == len(small_shop.events)
