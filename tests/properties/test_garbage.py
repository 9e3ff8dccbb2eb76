"""Whatever the tables hold: a result, or an error of one line; never a traceback.

The drawn tables are the same in every run. To search for more, raise ``max_examples`` and leave
out ``derandomize``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import engagement_ml as em
from engagement_ml.cli.app import app
from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import EngagementError
from engagement_ml.inputs import read_tables
from engagement_ml.metric import Transform, WeightedBehaviour
from tests.properties.garbage import (
    BASE,
    FRAME_KINDS,
    csv_files,
    pandas_frame,
    polars_frame,
    sources,
)

WINDOWS = {"observation_days": 7, "outcome_days": 7, "every_days": 7}
SETTINGS: dict[str, Any] = {
    "name": "garbage", "windows": WINDOWS, "engine": {"threads": 1, "keep": None},
    "tracking": {"uri": None},
}  # fmt: skip
CONFIG = parse_config(SETTINGS)
STRAIGHT = Transform("linear", scale=None, shape=None, cap=4)
VISIT = WeightedBehaviour("visit", 100, None, None, "frequency", "events", STRAIGHT)
METRIC = em.EngagementMetric("garbage", "driver", 84, 84, (VISIT,))


def drawn(examples: int) -> Any:
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture,
              HealthCheck.data_too_large, HealthCheck.filter_too_much]  # fmt: skip
    # Shrinking a failure would take minutes.
    return settings(
        max_examples=examples, derandomize=True, deadline=None, suppress_health_check=checks,
        phases=[Phase.generate],
    )  # fmt: skip


def result_or_one_line(call: Callable[[], object]) -> None:
    try:
        call()
    except EngagementError as error:
        problem: EngagementError | None = error
    else:
        problem = None
    assert problem is None or len(str(problem).splitlines()) == 1
    assert problem is None or problem.exit_status == 2


def read(frames: dict[str, Any]) -> None:
    with open_duckdb(threads=1) as engine:
        read_tables(CONFIG, engine, frames)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop before models are fitted: only what was read and built so far is tested."""

    def stop(*_: object) -> None:
        raise EngagementError("no training here")

    monkeypatch.setattr("engagement_ml.workflow.fitting._fit", stop)


@drawn(20)
@given(sources(), st.sampled_from(FRAME_KINDS))
def test_pandas_frames(given_tables: dict[str, Any], kind: str) -> None:
    frames = {name: pandas_frame(table, kind) for name, table in given_tables.items()}
    result_or_one_line(lambda: read(frames))


@drawn(12)
@given(sources())
def test_polars_frames(given_tables: dict[str, Any]) -> None:
    frames = {name: polars_frame(table) for name, table in given_tables.items()}
    if all(frame is not None for frame in frames.values()):
        result_or_one_line(lambda: read(frames))


@pytest.mark.usefixtures("no_training")
@drawn(6)
@given(sources(), st.sampled_from(FRAME_KINDS))
def test_python_functions(given_tables: dict[str, Any], kind: str) -> None:
    frames = {name: pandas_frame(table, kind) for name, table in given_tables.items()}
    places = tuple(frames.get(name) for name in BASE)
    result_or_one_line(lambda: em.features(*places, config=CONFIG))
    result_or_one_line(lambda: em.train(CONFIG, frames=frames, progress=False))
    result_or_one_line(lambda: em.EngagementModel(CONFIG).fit(*places, progress=False))


@drawn(10)
@given(sources(), st.sampled_from(FRAME_KINDS))
def test_scores(given_tables: dict[str, Any], kind: str) -> None:
    events = given_tables["events"]
    for frame in (pandas_frame(events, kind), polars_frame(events)):
        if frame is not None:
            result_or_one_line(lambda f=frame: METRIC.score_events(f, "2024-04-01"))
            result_or_one_line(lambda f=frame: em.score(METRIC, f, as_of="2024-03-20"))


@pytest.mark.usefixtures("no_training")
@drawn(12)
@given(st.sampled_from(sorted(BASE)), st.sampled_from(["features", "train"]), st.data())
def test_csv_files_at_the_command_line(
    tmp_path: Path, spoiled: str, command: str, data: Any
) -> None:
    for name in BASE:
        content = pd.DataFrame(BASE[name]).to_csv(index=False).encode()
        (tmp_path / f"{name}.csv").write_bytes(content)
    (tmp_path / f"{spoiled}.csv").write_bytes(data.draw(csv_files(spoiled)))
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump({**SETTINGS, "sources": {n: f"{n}.csv" for n in BASE}}))
    ran = CliRunner().invoke(app, [command, str(file), "--output", str(tmp_path / "out")])
    assert ran.exit_code in (0, 2), ran.output
    assert ran.exit_code == 0 or ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == int(ran.exit_code == 2)
