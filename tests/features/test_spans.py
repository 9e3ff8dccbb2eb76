"""The same expressions on Polars, lazily; long windows; the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from engagement_ml.engine import Engine
from engagement_ml.features import behaviours, history
from engagement_ml.features.catalogue import catalogue, catalogue_markdown
from engagement_ml.features.spans import Span, Total, span_totals
from engagement_ml.windows import DAY, Window


class PolarsEngine:
    """What span_totals needs of an engine, on Polars."""

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.LazyFrame(dict(columns)))


def daily(seed: int, days: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    start = dt.date(2024, 1, 1)
    chosen = sorted({(int(rng.integers(3)), int(rng.integers(days))) for _ in range(80)})
    return {
        "entity_": [entity for entity, _ in chosen],
        "day": [start + day * DAY for _, day in chosen],
        "n": [int(x) for x in rng.integers(1, 9, len(chosen))],
        "last": [dt.datetime.combine(start + d * DAY, dt.time(7)) for _, d in chosen],
    }


def plan(observation: int, cutoffs: list[int]) -> list[Span]:
    start = dt.date(2024, 1, 1)
    spans = []
    for i, cutoff in enumerate(cutoffs):
        end = start + cutoff * DAY
        spans.append(Span(i, "observation", Window(end - observation * DAY, end)))
        before = Window(end - 2 * observation * DAY, end - observation * DAY)
        spans.append(Span(i, "before", before))
    return spans


TOTALS = (*behaviours.totals_of([f for f in behaviours.FEATURES if f.needs is None]),)


@pytest.mark.parametrize(
    ("observation", "cutoffs"),
    [(1, [3, 4]), (10, [40, 47, 55]), (84, [168, 196]), (150, [301, 302]), (400, [800])],
)
@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_totals_on_every_engine(kind: str, observation: int, cutoffs: list[int]) -> None:
    table = daily(observation, cutoffs[-1] + 5)
    spans = plan(observation, cutoffs)
    with Engine.duckdb() as opened:
        engine: Any = opened if kind == "duckdb" else PolarsEngine()
        totals = span_totals(engine, engine.small(table), ["entity_"], spans, TOTALS)
        found = {
            (row["entity_"], row["cutoff_"]): row
            for row in totals.collect("polars").to_native().to_dicts()
        }
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    expected_keys = set()
    for i in range(len(cutoffs)):
        now, before = spans[2 * i].window, spans[2 * i + 1].window
        for entity in range(3):
            own = [r for r in rows if r["entity_"] == entity]
            inside = [r for r in own if now.start <= r["day"] < now.end]
            earlier = [r for r in own if before.start <= r["day"] < before.end]
            if not inside and not earlier:
                continue
            expected_keys.add((entity, i))
            row = found[entity, i]
            assert row["n"] == sum(r["n"] for r in inside)
            assert row["n_before"] == sum(r["n"] for r in earlier)
            assert row["active_days"] == len(inside)
            assert row["last"] == max((r["last"] for r in inside), default=None)
            whole = observation // 7
            ages = {(now.end - r["day"] - DAY).days // 7 for r in inside}
            assert row["active_weeks"] == len({age for age in ages if age < whole})
    assert set(found) == expected_keys


def test_overlapping_words_do_not_overflow() -> None:
    start = dt.date(2024, 1, 1)
    days = [start + i * DAY for i in range(130)]
    spans = [Span(0, "observation", Window(start, start + 130 * DAY))]
    weeks = (Total("weeks", "", "weeks", "observation"),)
    with Engine.duckdb() as engine:
        table = engine.small({"entity_": [0] * 130, "day": days})
        found = span_totals(engine, table, ["entity_"], spans, weeks).collect().to_native()
    assert found["weeks"].to_pylist() == [18]


def test_every_feature_has_a_line_in_the_catalogue() -> None:
    lines = catalogue()
    names = [line["name"] for line in lines]
    assert len(names) == len(set(names)) == len(behaviours.FEATURES) + len(history.FEATURES)
    assert all(value for line in lines for value in line.values())
    assert catalogue_markdown().count("\n") == len(lines) + 2
