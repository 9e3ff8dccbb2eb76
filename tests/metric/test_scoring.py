from __future__ import annotations

import dataclasses
import datetime as dt
import math

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour, round_weights
from engagement_ml.metric.scoring import score_with_equal_weights

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
TRANSFORMS = st.one_of(
    st.builds(Transform, st.just("linear"), st.none(), st.none(), st.floats(0.5, 1e4)),
    st.builds(Transform, st.just("log1p"), st.floats(0.1, 1e3), st.none(), st.floats(0.5, 1e4)),
    st.builds(
        Transform, st.just("hill"), st.floats(0.1, 1e3), st.floats(0.2, 6), st.floats(0.5, 1e4)
    ),
)
COUNTS = st.one_of(
    st.none(),
    st.integers(0, 200).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -0.0, 1e300]),
)


@st.composite
def metrics(draw: st.DrawFn) -> EngagementMetric:
    # DuckDB takes no two columns whose names differ in case alone.
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=lambda n: n.casefold().lower()))
    shares = draw(st.lists(st.floats(0.01, 1), min_size=len(names), max_size=len(names)))
    behaviours = tuple(
        WeightedBehaviour(name, weight, None, None, "frequency", "events", draw(TRANSFORMS))
        for name, weight in zip(names, round_weights(shares), strict=True)
    )
    return EngagementMetric("generated", "driver", 84, 84, behaviours)


def by_hand(metric: EngagementMetric, counts: dict[str, float | None]) -> float:
    score = 0.0
    for behaviour in metric.behaviours:
        count = counts.get(behaviour.behaviour)
        count = 0.0 if count is None or math.isnan(count) or count < 0 else count
        t = behaviour.transform
        x = min(count, t.cap)
        if t.kind == "linear":
            share = x / t.cap
        elif t.kind == "log1p":
            share = math.log1p(x / t.scale) / math.log1p(t.cap / t.scale)
        else:
            share = (x**t.shape / (x**t.shape + t.scale**t.shape)) / (
                t.cap**t.shape / (t.cap**t.shape + t.scale**t.shape)
            )
        score += behaviour.weight * share
    return score


def columns_of(metric: EngagementMetric, rows: list[list[float | None]]) -> dict[str, list]:
    names = [behaviour.behaviour for behaviour in metric.behaviours]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def scores(frame: object) -> list[float]:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        frame = frame.to_arrow_table()
    return list(frame["score"].to_pylist() if isinstance(frame, pa.Table) else frame["score"])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_score_is_the_formula_and_lies_in_range_on_every_engine(data):
    metric = data.draw(metrics())
    width = len(metric.behaviours)
    rows = data.draw(
        st.lists(st.lists(COUNTS, min_size=width, max_size=width), min_size=1, max_size=6)
    )
    columns = columns_of(metric, rows)
    table = pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})
    names = list(columns)
    expected = [by_hand(metric, dict(zip(names, row, strict=True))) for row in rows]

    with duckdb.connect() as connection:
        keyed = table.append_column("customer_id", pa.array(range(len(rows))))
        connection.register("features", keyed)
        results = {
            "pyarrow": scores(metric.score(table)),
            "pandas": scores(metric.score(table.to_pandas())),
            "polars": scores(metric.score(pl.from_arrow(table))),
            "polars lazy": scores(metric.score(pl.from_arrow(table).lazy())),
            "duckdb": scores(metric.score(connection.from_arrow(table))),
            "sql": [row[1] for row in sorted(connection.execute(metric.to_sql()).fetchall())],
        }
    for engine, found in results.items():
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), engine
        assert all(0 <= score <= 100 for score in found), engine


@pytest.fixture
def counts() -> dict[str, list]:
    return {
        "customer_id": ["a", "b", "c"],
        "tutorial done": [0, 12, None],
        "review": [3, 20, 1],
        "visit": [4, 41, -2],
        "other": ["x", "y", "z"],
    }


class TestScore:
    @pytest.mark.parametrize("kind", [pd.DataFrame, pa.table, pl.DataFrame, pl.LazyFrame])
    def test_the_result_is_of_the_same_kind_and_keeps_all_columns(self, metric, counts, kind):
        scored = metric.score(kind(counts))
        assert isinstance(scored, pa.Table if kind is pa.table else kind)
        if isinstance(scored, pl.LazyFrame):
            scored = scored.collect()
        names = scored.column_names if isinstance(scored, pa.Table) else list(scored.columns)
        assert names == [*counts, "score"]
        assert scores(scored)[1] == 100.0

    def test_an_index_of_pandas_is_kept(self, metric, counts):
        frame = pd.DataFrame(counts, index=[7, 3, 5])
        assert metric.score(frame).index.tolist() == [7, 3, 5]

    def test_a_behaviour_without_a_column_counts_as_no_events(self, metric):
        whole = metric.score(pa.table({"review": [4], "visit": [0], "tutorial done": [0]}))
        assert scores(metric.score(pa.table({"review": [4]}))) == scores(whole)

    def test_a_table_without_any_of_its_behaviours_is_refused(self, metric):
        with pytest.raises(InputError, match=r"none of its behaviours .* found reviews"):
            metric.score(pa.table({"reviews": [4]}))

    def test_text_in_a_count_is_refused(self, metric):
        with pytest.raises(InputError, match="column 'review' holds String, not numbers"):
            metric.score(pa.table({"review": ["4"]}))

    def test_a_value_that_is_not_a_frame_is_refused(self, metric):
        with pytest.raises(InputError, match="a dict is not a table"):
            metric.score({"review": [4]})

    @pytest.mark.parametrize("dtype", ["int8", "uint64", "float32", "Int64", "boolean", "bool"])
    def test_counts_of_any_numeric_type_score_alike(self, metric, dtype):
        frame = pd.DataFrame({"review": pd.Series([0, 1], dtype=dtype)})
        expected = metric.score(pd.DataFrame({"review": [0.0, 1.0]}))["score"]
        assert metric.score(frame)["score"].tolist() == expected.tolist()

    def test_an_empty_table_has_no_scores(self, metric):
        assert scores(metric.score(pa.table({"review": pa.array([], pa.int64())}))) == []

    def test_more_events_never_lower_a_score(self, metric):
        frame = pd.DataFrame({"review": np.arange(60), "visit": 3})
        assert np.all(np.diff(metric.score(frame)["score"]) >= 0)

    def test_an_abstained_metric_gives_its_reason_and_the_alternative(self, abstained):
        for use in (
            lambda: abstained.score(pa.table({"review": [1]})),
            lambda: abstained.score_events(pa.table({"a": [1]}), "2024-01-01"),
            abstained.expression,
            abstained.to_sql,
            abstained.plot,
        ):
            with pytest.raises(
                InputError, match=r"No behaviour passed every check.*require: indicator"
            ) as caught:
                use()
            assert "\n" not in str(caught.value)


class TestEqualWeights:
    def test_only_the_weights_differ(self, metric, counts):
        scored = score_with_equal_weights(metric, pd.DataFrame(counts))
        shares = [b.transform(counts_of(counts, b.behaviour)) for b in metric.behaviours]
        np.testing.assert_allclose(scored["score"], 100 / 3 * np.sum(shares, axis=0), rtol=1e-12)
        assert scored["score"].tolist()[1] == 100.0

    def test_a_metric_whose_weights_are_equal_scores_the_same(self, metric, counts):
        halves = tuple(dataclasses.replace(b, weight=50.0) for b in metric.behaviours[:2])
        equal = dataclasses.replace(metric, behaviours=halves)
        frame = pd.DataFrame(counts)
        assert scores(score_with_equal_weights(equal, frame)) == scores(equal.score(frame))

    def test_an_abstained_metric_has_none(self, abstained):
        with pytest.raises(InputError, match="abstained"):
            score_with_equal_weights(abstained, pa.table({"review": [1]}))


def counts_of(counts: dict[str, list], behaviour: str) -> np.ndarray:
    return np.array([np.nan if n is None else n for n in counts[behaviour]], dtype=np.float64)


class TestExplain:
    def test_points_add_up_to_the_score(self, metric, counts):
        explained = metric.explain(pd.DataFrame(counts))
        points = [f"{b.behaviour}__points" for b in metric.behaviours]
        assert list(explained.columns) == ["customer_id", *points, "score"]
        np.testing.assert_allclose(explained[points].sum(axis=1), explained["score"], atol=1e-12)
        np.testing.assert_allclose(
            explained["score"], metric.score(pd.DataFrame(counts))["score"], atol=0
        )
        assert explained.loc[1, points].tolist() == [41.2, 33.3, 25.5]


AS_OF = dt.datetime(2024, 4, 1)
START = AS_OF - dt.timedelta(days=84)
MOMENTS = st.sampled_from(
    [
        START - dt.timedelta(microseconds=1),
        START,
        START + dt.timedelta(days=40),
        AS_OF - dt.timedelta(microseconds=1),
        AS_OF,
        AS_OF + dt.timedelta(days=1),
    ]
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        MOMENTS,
        st.sampled_from(["tutorial done", "review", "visit", "other"]),
        st.sampled_from([None, 1, 2, 3, 4, 5]),
    ),
    min_size=1,
    max_size=25,
)


def event_table(rows: list[tuple]) -> pa.Table:
    # Rows with the same event_id are the same event.
    first: dict[int, tuple] = {}
    rows = [row if row[3] is None else first.setdefault(row[3], row) for row in rows]
    customer, stamp, kind, event = zip(*rows, strict=True)
    return pa.table(
        {
            "customer_id": pa.array(customer, pa.string()),
            "timestamp": pa.array(stamp, pa.timestamp("us")),
            "event_type": pa.array(kind, pa.string()),
            "event_id": pa.array(event, pa.int64()),
        }
    )


def expected_scores(metric, table, customers=None) -> dict[str, float]:
    seen: set[int] = set()
    counts: dict[str, dict[str, int]] = {name: {} for name in customers or ()}
    for row in table.to_pylist():
        customer, event = row["customer_id"], row["event_id"]
        if event is not None and event in seen:
            continue
        if event is not None:
            seen.add(event)
        if customer is None or row["timestamp"] >= AS_OF:
            continue
        if customers is not None and customer not in counts:
            continue
        mine = counts.setdefault(customer, {})
        if row["timestamp"] >= START:
            mine[row["event_type"]] = mine.get(row["event_type"], 0) + 1
    return {customer: by_hand(metric, mine) for customer, mine in counts.items()}


def as_dict(frame: object) -> dict[str, float]:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        frame = frame.to_arrow_table()
    return dict(zip(list(map(str, frame["customer_id"])), scores(frame), strict=True))


def as_dict_arrow(metric: EngagementMetric, events: pa.Table) -> dict[str, float]:
    scored = metric.score_events(events, AS_OF)
    return dict(zip(scored["customer_id"].to_pylist(), scored["score"].to_pylist(), strict=True))


class TestScoreEvents:
    @settings(max_examples=20, deadline=None)
    @given(rows=EVENTS, only=st.sampled_from([None, ["a", "z"]]))
    def test_events_in_the_half_open_window_are_counted_on_every_engine(self, rows, only):
        straight = Transform("linear", None, None, 3.0)
        metric = EngagementMetric(
            "m", "driver", 84, 84,
            (
                WeightedBehaviour("tutorial done", 60, None, None, "frequency", "", straight),
                WeightedBehaviour("review", 40, None, None, "frequency", "", straight),
            ),
        )  # fmt: skip
        events = event_table(rows)
        customers = None if only is None else pa.table({"customer_id": only})
        expected = pytest.approx(expected_scores(metric, events, only), abs=1e-9)

        def on(make):
            other = None if customers is None else make(customers)
            return as_dict(metric.score_events(make(events), AS_OF, other))

        assert on(lambda t: t.to_pandas()) == expected
        assert on(pl.from_arrow) == expected
        assert on(lambda t: pl.from_arrow(t).lazy()) == expected
        if customers is None:
            assert {str(k): v for k, v in as_dict_arrow(metric, events).items()} == expected
        with duckdb.connect() as connection:
            assert on(connection.from_arrow) == expected
            connection.register("events", events)
            if customers is not None:
                connection.register("customers", customers)
            sql = metric.to_sql_events(
                "events",
                AS_OF,
                customers_table=None if customers is None else "customers",
                event_id="event_id",
            )
            assert dict(connection.execute(sql).fetchall()) == expected

    def test_time_zones_and_dates_are_read_as_utc(self, metric):
        naive = pd.DataFrame(
            {
                "customer_id": ["a", "b"],
                "timestamp": pd.to_datetime(["2024-03-31 23:30", "2024-04-01 00:30"]),
                "event_type": ["review", "review"],
            }
        )
        expected = as_dict(metric.score_events(naive, "2024-04-01"))
        assert list(expected) == ["a"]
        aware = naive.assign(
            timestamp=naive["timestamp"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        )
        assert as_dict(metric.score_events(aware, "2024-04-01")) == expected
        arrow = pa.Table.from_pandas(naive, preserve_index=False)
        stamps = arrow["timestamp"].cast(pa.timestamp("us", "UTC"))
        arrow = arrow.set_column(1, "timestamp", stamps.cast(pa.timestamp("us", "Europe/Berlin")))
        assert as_dict(metric.score_events(pl.from_arrow(arrow), "2024-04-01")) == expected
        assert as_dict(metric.score_events(naive, "2024-04-01T02:00:00+02:00")) == expected
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'America/New_York'")
            relation = connection.from_arrow(arrow)
            assert as_dict(metric.score_events(relation, "2024-04-01")) == expected
        days = pl.from_arrow(pa.Table.from_pandas(naive)).with_columns(
            pl.col("timestamp").cast(pl.Date)
        )
        assert as_dict(metric.score_events(days, dt.date(2024, 4, 1))) == expected

    def test_eager_results_are_sorted_by_customer(self, metric):
        frame = pd.DataFrame(
            {
                "customer_id": [3, 1, 2],
                "timestamp": pd.to_datetime(["2024-03-01"] * 3),
                "event_type": ["review"] * 3,
            }
        )
        assert metric.score_events(frame, "2024-04-01")["customer_id"].tolist() == [1, 2, 3]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda f: f.drop(columns="event_type"), "column 'event_type' is missing"),
            (lambda f: f.assign(timestamp="2024-03-01"), "column 'timestamp' holds"),
        ],
    )
    def test_unusable_events_are_refused(self, metric, change, message):
        frame = pd.DataFrame(
            {
                "customer_id": [1],
                "timestamp": pd.to_datetime(["2024-03-01"]),
                "event_type": ["review"],
            }
        )
        with pytest.raises(InputError, match=message):
            metric.score_events(change(frame), "2024-04-01")

    def test_frames_of_two_libraries_are_refused(self, metric):
        events = event_table([("a", START, "review", None)])
        with pytest.raises(InputError, match="same library"):
            metric.score_events(events, AS_OF, pl.DataFrame({"customer_id": ["a"]}))

    @pytest.mark.parametrize("moment", ["soon", 5, None])
    def test_a_value_that_is_not_a_date_is_refused(self, metric, moment):
        with pytest.raises(InputError, match="as_of"):
            metric.score_events(event_table([("a", START, "review", None)]), moment)
