"""The panel's rows laid out by the engine that holds the tables: nothing of it comes here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features import ratios, rfm, sessions
from engagement_ml.features.aggregations import (
    SUMS,
    Asked,
    expressions,
    measured,
    micros_of,
    of_behaviours,
    of_history,
    of_sessions,
    totals_at,
)
from engagement_ml.features.behaviours import MICROS_PER_DAY, Feature
from engagement_ml.features.covariates import MOST_LEVELS
from engagement_ml.features.daily_totals import entities, present_at
from engagement_ml.inputs import Tables
from engagement_ml.ledger.daily import MICRO
from engagement_ml.windows import DAY, Windows


def wide_features(tables: Tables, config: PipelineConfig, windows: Windows) -> nw.LazyFrame[Any]:
    """Return a row per entity and cutoff, as ``Panel.frame`` has them, in no order.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows

    Returns
    -------
    LazyFrame
        The columns of ``Panel.frame``; null where that has NaN.
    """
    customers = _customers(tables, config)
    done, bought = of_behaviours(tables, windows), of_history(tables, windows)
    asked = (done, bought, of_sessions(tables, config, windows))
    return nw.concat(
        [_at(tables, config, windows, day, customers, asked) for day in windows.cutoffs]
    )


def _at(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    cutoff: dt.date,
    customers: tuple[nw.LazyFrame[Any], dict[str, str]] | None,
    asked: tuple[Asked, Asked, Asked | None],
) -> nw.LazyFrame[Any]:
    """Return the rows of one cutoff.

    Columns have plain names until the end: some engines take a dot in the name of a column they
    read for a field of a record.
    """
    engine = tables.engine
    done, bought, visited = asked
    days = windows.observation_days
    rows = engine.micros(present_at(entities(tables, config), cutoff), "entry")
    rows = rows.join(_behaviours(tables, done, days, cutoff), on="customer_id", how="left")
    rows = rows.join(_history(tables, bought, days, cutoff), on="customer_id", how="left")
    if visited is not None:
        rows = rows.join(_sessions(tables, visited, days, cutoff), on="customer_id", how="left")
    added: list[nw.Expr] = []
    if customers is not None:
        frame, names = customers
        rows = rows.join(frame, on="customer_id", how="left")
        added = [_covariate(column, name) for column, name in names.items()]
    part = "train" if cutoff in windows.train else "test"
    return rows.select(
        "customer_id",
        # A date, as a literal timestamp is read in the time zone of the session.
        nw.lit(cutoff).cast(nw.Datetime("us")).alias("cutoff"),
        nw.lit(part).alias("part"),
        *_behaviour_columns(tables, windows, done.features, cutoff),
        *(_session_columns() if visited is not None else ()),
        *_ratio_columns(tables, config),
        *_history_columns(cutoff),
        _churned(config, windows, cutoff).alias("churned"),
        *added,
    )


def _totals_at(tables: Tables, asked: Asked, cutoff: dt.date) -> nw.LazyFrame[Any]:
    """Return the totals of a cutoff; ``last`` and ``cutoff`` in microseconds since 1970."""
    totals = totals_at(tables.engine, asked, asked.cutoffs[cutoff])
    return totals.with_columns(cutoff=nw.lit(micros_of(cutoff)))


def _behaviours(tables: Tables, asked: Asked, days: int, cutoff: dt.date) -> nw.LazyFrame[Any]:
    """Return a row per entity, a column per feature and behaviour, null where nothing happened."""
    long = _totals_at(tables, asked, cutoff).select(*asked.keys, *expressions(asked.features, days))
    return long.group_by("customer_id").agg(
        nw.when(nw.col("event_type") == behaviour).then(nw.col(feature.name)).max().alias(name)
        for name, behaviour, feature in _named(tables, asked.features)
    )


def _named(tables: Tables, features: Sequence[Feature]) -> list[tuple[str, str, Feature]]:
    return [
        (f"b{i}_{feature.name}", behaviour, feature)
        for i, behaviour in enumerate(tables.behaviours)
        for feature in features
        if measured(tables, feature, behaviour)
    ]


def _behaviour_columns(
    tables: Tables, windows: Windows, features: Sequence[Feature], cutoff: dt.date
) -> list[nw.Expr]:
    days = windows.observation_days
    back = cutoff - 2 * days * DAY
    covered = nw.lit(back >= tables.history.start) & (nw.col("entry") <= micros_of(back))
    columns = []
    for name, behaviour, feature in _named(tables, features):
        column = nw.col(name)
        if feature.absent is not None and not (feature.name == "regularity" and days < 7):
            column = column.fill_null(feature.absent)
        if feature.name == "trend":
            column = nw.when(covered).then(column)
        columns.append(column.alias(f"{behaviour}__{feature.name}"))
    return columns


def _sessions(tables: Tables, asked: Asked, days: int, cutoff: dt.date) -> nw.LazyFrame[Any]:
    made = expressions(asked.features, days)
    at = _totals_at(tables, asked, cutoff)
    return at.select("customer_id", *(e.name.prefix("s_") for e in made))


def _session_columns() -> list[nw.Expr]:
    return [
        _present(f"s_{feature.name}", feature).alias(f"{sessions.GROUP}__{feature.name}")
        for feature in sessions.FEATURES
    ]


def _ratio_columns(tables: Tables, config: PipelineConfig) -> list[nw.Expr]:
    places = {behaviour: i for i, behaviour in enumerate(tables.behaviours)}

    def count(behaviour: str) -> nw.Expr:
        return nw.col(f"b{places[behaviour]}_frequency").fill_null(0.0)

    return [
        feature.expression(0).alias(f"{ratios.GROUP}__{feature.name}")
        for feature in ratios.ratio_features(config.features.ratios, count)
        if feature.expression is not None
    ]


def _present(name: str, feature: Feature) -> nw.Expr:
    column = nw.col(name)
    return column if feature.absent is None else column.fill_null(feature.absent)


def _history(tables: Tables, asked: Asked, days: int, cutoff: dt.date) -> nw.LazyFrame[Any]:
    made = expressions(asked.features, days)
    at = _totals_at(tables, asked, cutoff)
    return at.select("customer_id", *(e.name.prefix("h_") for e in made), *SUMS)


def _history_columns(cutoff: dt.date) -> list[nw.Expr]:
    columns = []
    for feature in rfm.FEATURES:
        if feature.expression is not None:
            column = _present(f"h_{feature.name}", feature)
            columns.append(column.alias(f"history__{feature.name}"))
    tenure = (nw.lit(micros_of(cutoff)) - nw.col("entry")) / MICROS_PER_DAY
    gain, loss, transactions = (nw.col(name).fill_null(0) for name in SUMS)
    return [
        *columns,
        tenure.alias(rfm.TENURE),
        ((gain - loss) / MICRO).alias("margin"),
        (gain / MICRO).alias("gain"),
        (loss / MICRO).alias("loss"),
        transactions.cast(nw.Float64).alias("transactions"),
    ]


def _churned(config: PipelineConfig, windows: Windows, cutoff: dt.date) -> nw.Expr:
    one, zero = nw.lit(1.0), nw.lit(0.0)
    if config.churn.kind == "no_transaction":
        stopped = nw.when(nw.col("transactions").fill_null(0) == 0).then(one).otherwise(zero)
        return nw.when(nw.col("h_frequency").fill_null(0.0) > 0).then(stopped)
    outcome = windows.outcome(cutoff)
    left = nw.col("exit").dt.date()
    stays = nw.col("exit").is_null() | (left >= outcome.end)
    # Who left in the gap is no longer at risk when the outcome window opens.
    gone = nw.when(left >= outcome.start).then(one)
    return nw.when(stays).then(zero).otherwise(gone)


def _customers(
    tables: Tables, config: PipelineConfig
) -> tuple[nw.LazyFrame[Any], dict[str, str]] | None:
    """Return the customers' usable columns, and the names they get, as ``Covariates`` does."""
    if tables.customers is None:
        return None
    schema = tables.customers.collect_schema()
    columns: dict[str, nw.Expr] = {}
    names: dict[str, str] = {}
    for column, of_type in sorted(schema.items()):
        if column in ("customer_id", "signup"):
            continue
        value = _value(tables, column, of_type)
        if value is not None:
            names[f"c{len(names)}"] = f"covariate__{column}"
            columns[f"c{len(columns)}"] = value
    for column in config.segments:
        names[f"c{len(names)}"] = f"segment__{column}"
        columns[f"c{len(columns)}"] = _text(tables, column, schema[column])
    if not names:
        return None
    frame = tables.customers.select(
        "customer_id", *(value.alias(name) for name, value in columns.items())
    )
    return frame, names


def _covariate(column: str, name: str) -> nw.Expr:
    value = nw.col(column)
    return (value.fill_null("") if name.startswith("segment__") else value).alias(name)


def _value(tables: Tables, column: str, of_type: Any) -> nw.Expr | None:
    if of_type.is_numeric() or of_type in (nw.Boolean, nw.Decimal):
        return nw.col(column).cast(nw.Float64)
    if of_type not in (nw.String, nw.Categorical, nw.Enum):
        return None
    assert tables.customers is not None
    levels = tables.customers.select(column).filter(~nw.col(column).is_null()).unique()
    found = len(tables.engine.rows(levels.head(MOST_LEVELS + 1), source="customers"))
    return nw.col(column).cast(nw.String) if 0 < found <= MOST_LEVELS else None


def _text(tables: Tables, column: str, of_type: Any) -> nw.Expr:
    """Return a column as text, whole numbers without decimals, as ``segment_text`` does."""
    value = nw.col(column)
    if of_type == nw.Boolean:
        said = nw.when(value).then(nw.lit("True")).otherwise(nw.lit("False"))
        return nw.when(~value.is_null()).then(said)
    if of_type.is_float():
        assert tables.customers is not None
        broken = tables.customers.filter(value % 1 != 0).select(column).head(1)
        if not tables.engine.rows(broken, source="customers"):
            return value.cast(nw.Int64).cast(nw.String)
    return value.cast(nw.String)
