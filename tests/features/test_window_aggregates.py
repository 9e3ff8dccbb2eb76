"""Window aggregates: the same totals on DuckDB, on Polars and in NumPy arrays; long windows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.features import behaviours, rfm
from engagement_ml.features.catalogue import catalogue, catalogue_markdown
from engagement_ml.features.family import totals_of
from engagement_ml.features.numpy_aggregator import NEVER, aggregate_chunks
from engagement_ml.features.window_aggregates import Total, window_totals
from engagement_ml.windows import DAY, Window


class PolarsEngine:
    """The part of an engine that `window_totals` uses, on Polars."""

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


def plan(observation: int, cutoff: int) -> dict[str, Window]:
    end = dt.date(2024, 1, 1) + cutoff * DAY
    start = end - observation * DAY
    return {"observation": Window(start, end), "before": Window(start - observation * DAY, start)}


FEATURES = behaviours.FAMILY.features_for(PipelineConfig(name="totals"))
TOTALS = totals_of([feature for feature in FEATURES if feature.needs is None])


@pytest.mark.parametrize(
    ("observation", "cutoffs"),
    [(1, [3, 4]), (10, [40, 47, 55]), (84, [168, 196]), (150, [301, 302]), (400, [800])],
)
@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_totals_on_every_engine(kind: str, observation: int, cutoffs: list[int]) -> None:
    table = daily(observation, cutoffs[-1] + 5)
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    for cutoff in cutoffs:
        windows = plan(observation, cutoff)
        now, before = windows["observation"], windows["before"]
        with open_duckdb() as opened:
            engine: Any = opened if kind == "duckdb" else PolarsEngine()
            totals = window_totals(engine, engine.small(table), ["entity_"], windows, TOTALS)
            collected = totals.collect("polars").to_native().to_dicts()
        by_entity = {row["entity_"]: row for row in collected}
        expected_keys = set()
        for entity in range(3):
            entity_rows = [r for r in rows if r["entity_"] == entity]
            inside = [r for r in entity_rows if now.start <= r["day"] < now.end]
            earlier = [r for r in entity_rows if before.start <= r["day"] < before.end]
            if not inside and not earlier:
                continue
            expected_keys.add(entity)
            row = by_entity[entity]
            assert row["n"] == sum(r["n"] for r in inside)
            assert row["n_before"] == sum(r["n"] for r in earlier)
            assert row["active_days"] == len(inside)
            assert row["last"] == max((r["last"] for r in inside), default=None)
            whole = observation // 7
            ages = {(now.end - r["day"] - DAY).days // 7 for r in inside}
            assert row["active_weeks"] == len({age for age in ages if age < whole})
        assert set(by_entity) == expected_keys


@pytest.mark.parametrize(
    ("observation", "cutoffs"),
    [(1, [3, 4]), (10, [40, 47, 55]), (84, [168, 170, 196]), (150, [301, 302]), (400, [800])],
)
def test_arrays_equal_the_totals_of_the_engine(observation: int, cutoffs: list[int]) -> None:
    table = daily(observation, cutoffs[-1] + 5)
    spans = [plan(observation, cutoff) for cutoff in cutoffs]
    places = {0: 2, 1: 0, 2: 5}
    rows = {
        "place_": np.array([places[entity] for entity in table["entity_"]]),
        "day": np.array(table["day"], "datetime64[D]").astype(np.int64),
        "n": np.array(table["n"]),
        "last": np.array(table["last"], "datetime64[us]").astype(np.int64),
    }
    order = np.random.default_rng(1).permutation(len(rows["n"]))
    chunks = [{c: v[part] for c, v in rows.items()} for part in np.array_split(order, 3)]
    totals_by_cutoff = aggregate_chunks(chunks, 6, spans, TOTALS)
    with open_duckdb() as engine:
        ledger = engine.small(table)
        for windows, at_cutoff in zip(spans, totals_by_cutoff, strict=True):
            slices = at_cutoff.between(0, 2, TOTALS), at_cutoff.between(2, 6, TOTALS)
            arrays = {name: np.concatenate([part[name] for part in slices]) for name in slices[0]}
            totals = window_totals(engine, ledger, ["entity_"], windows, TOTALS)
            expected = {total.name: np.zeros(6, np.int64) for total in TOTALS}
            expected["last"][:] = NEVER
            for row in engine.micros(totals, "last").collect("polars").to_native().to_dicts():
                for name, values in expected.items():
                    values[places[row["entity_"]]] = NEVER if row[name] is None else row[name]
            for name, values in expected.items():
                np.testing.assert_array_equal(arrays[name], values, err_msg=name)


def test_sums_are_exact_from_a_few_to_many_bits() -> None:
    start = dt.date(2024, 1, 1)
    number = (start - dt.date(1970, 1, 1)).days
    spans = [{"observation": Window(start + i * DAY, start + (i + 3) * DAY)} for i in range(3)]
    values = [1, -5, 2**31 - 1, 7, -(2**40), 2**61, 3, 2**33]
    chunks = [
        {
            "place_": np.array([0, 2]),
            "day": np.full(2, number + i % 5),
            "worth": np.array([value, -value // 3]),
        }
        for i, value in enumerate(values)
    ]
    total = Total("worth", "worth", "sum", "observation")
    for i, at_cutoff in enumerate(aggregate_chunks(chunks, 3, spans, [total])):
        inside = [value for j, value in enumerate(values) if i <= j % 5 < i + 3]
        expected = [sum(inside), 0, sum(-value // 3 for value in inside)]
        assert at_cutoff.between(0, 3, [total])["worth"].tolist() == expected


@pytest.mark.parametrize("days", [139, 140, 147, 300])
def test_full_weeks_do_not_overflow(days: int) -> None:
    start = dt.date(2024, 1, 1)
    windows = {"observation": Window(start, start + days * DAY)}
    weeks = (Total("weeks", "", "weeks", "observation"),)
    with open_duckdb() as engine:
        table = engine.small({"entity_": [0] * days, "day": [start + i * DAY for i in range(days)]})
        totals = window_totals(engine, table, ["entity_"], windows, weeks).collect().to_native()
    assert totals["weeks"].to_pylist() == [days // 7]


def test_every_feature_has_a_line_in_the_catalogue() -> None:
    lines = catalogue()
    names = [line["name"] for line in lines]
    assert (
        len(names)
        == len(set(names))
        == sum(
            len(family.features_for(PipelineConfig(name="lines")))
            for family in (behaviours.FAMILY, rfm.FAMILY)
        )
    )
    assert all(value for line in lines for value in line.values())
    assert catalogue_markdown().count("\n") == len(lines) + 2
