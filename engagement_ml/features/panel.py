"""The panel: entities × cutoffs, what was done before each cutoff, what came of it after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import behaviours, history
from engagement_ml.features.behaviours import BEFORE, OBSERVATION, Feature
from engagement_ml.features.covariates import add_covariates
from engagement_ml.features.ledger import daily_events, daily_transactions, entities
from engagement_ml.features.spans import Span, span_totals, weeks_active
from engagement_ml.tables import Tables
from engagement_ml.windows import DAY, Window, Windows

KEYS = ("customer_id", "cutoff")


@dataclass(frozen=True)
class Panel:
    """One row per entity and cutoff.

    Attributes
    ----------
    frame : DataFrame
        Sorted by ``cutoff``, ``customer_id``; columns ``customer_id``, ``cutoff``
        (datetime64[us]), ``part`` (``"train"`` or ``"test"``), the features, and the outcomes:
        ``margin``, ``gain``, ``loss`` (float64, 0 where there is no transaction in the outcome
        window; margin = gain − loss), ``transactions`` (float64, their number) and ``churned``
        (1 or 0, NaN where not at risk).
    behaviours : tuple of str
    behaviour_features : dict of behaviour to its columns
    history_features, covariates, segments : tuple of str
        Column names; ``covariate__x`` numeric or categorical, ``segment__x`` text.
    """

    frame: pd.DataFrame
    behaviours: tuple[str, ...]
    behaviour_features: dict[str, tuple[str, ...]]
    history_features: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """All feature columns: of the behaviours, the history, the covariates."""
        of_behaviours = (c for b in self.behaviours for c in self.behaviour_features[b])
        return (*of_behaviours, *self.history_features, *self.covariates)

    def part(self, name: str) -> Panel:
        """Return the rows of one part, ``"train"`` or ``"test"``, renumbered from 0."""
        rows = self.frame.loc[self.frame["part"] == name].reset_index(drop=True)
        return replace(self, frame=rows)


def build_panel(tables: Tables, config: PipelineConfig, windows: Windows) -> Panel:
    """Build features and outcomes for every entity at every cutoff.

    An entity has a row from its entry (sign-up or, without one, first event or transaction)
    before the cutoff on, and none once a churn event lies before the cutoff. Nothing at or after
    a cutoff touches a feature of it; an event exactly at the cutoff belongs to the outcome.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        As ``plan_windows(tables.history, config.windows)`` gives them: mature outcomes only.

    Returns
    -------
    Panel

    Raises
    ------
    NotEnoughDataError
        Where no entity has any event in any observation window.
    """
    frame = lazy_panel(tables, config, windows).collect("pandas").to_native()
    frame = frame.sort_values(["cutoff", "customer_id"], ignore_index=True)
    frame["cutoff"] = frame["cutoff"].astype("datetime64[us]")
    part = {pd.Timestamp(c): "train" for c in windows.train}
    part |= {pd.Timestamp(c): "test" for c in windows.test}
    frame.insert(2, "part", frame["cutoff"].map(part).astype(object))
    names = {b: tuple(f"{b}__{f.name}" for f in _features_of(tables)) for b in tables.behaviours}
    for column in frame.columns[3:]:
        frame[column] = frame[column].astype("float64")
    _check_any_event(frame, names, windows)
    frame, covariates, segments = add_covariates(frame, tables, config)
    return Panel(
        frame=frame,
        behaviours=tables.behaviours,
        behaviour_features=names,
        history_features=tuple(f"history__{f.name}" for f in history.FEATURES),
        covariates=covariates,
        segments=segments,
    )


def lazy_panel(tables: Tables, config: PipelineConfig, windows: Windows) -> nw.LazyFrame[Any]:
    """Return the panel's numeric columns before anything is collected, rows in no order."""
    rows = _grid(tables, config, windows.cutoffs, windows.observation_days)
    rows = _join(rows, behaviour_features(tables, windows.cutoffs, windows.observation_days))
    rows = _join(rows, _transactions(tables, windows))
    filled = [
        expression.alias(f"{behaviour}__{feature.name}")
        for behaviour in tables.behaviours
        for feature in _features_of(tables)
        for expression in [_absent(feature, behaviour, windows.observation_days)]
    ]
    past = [
        _filled(feature.expression(windows.observation_days), feature.absent).alias(
            f"history__{feature.name}"
        )
        for feature in history.FEATURES
    ]
    return rows.select(*KEYS, *filled, *past, *_outcomes(config, windows))


def behaviour_features(
    tables: Tables, cutoffs: Sequence[dt.date], observation_days: int
) -> nw.LazyFrame[Any]:
    """Return the behaviours' features, wide: a row per entity and cutoff that has any event.

    Null where an entity did nothing of a behaviour; the panel fills in what absence means.
    """
    engine, keys = tables.engine, ("customer_id", "event_type")
    features = _features_of(tables)
    daily = daily_events(tables).filter(nw.col("event_type").is_in(tables.behaviours))
    observed = {c: Window(c - observation_days * DAY, c) for c in cutoffs}
    spans = [Span(c, OBSERVATION, window) for c, window in observed.items()]
    spans += [
        Span(c, BEFORE, Window(window.start - observation_days * DAY, window.start))
        for c, window in observed.items()
    ]
    totals = span_totals(engine, daily, keys, spans, behaviours.totals_of(features))
    weeks = weeks_active(engine, daily, keys, observed)
    long = (
        totals.join(weeks, on=[*keys, "cutoff"], how="left")
        .with_columns(nw.col("active_weeks").fill_null(0))
        .select(*keys, "cutoff", *(f.expression(observation_days).alias(f.name) for f in features))
    )
    wide = [
        nw.when(nw.col("event_type") == behaviour)
        .then(nw.col(feature.name))
        .max()
        .alias(f"{behaviour}__{feature.name}")
        for behaviour in tables.behaviours
        for feature in features
    ]
    return long.group_by(*KEYS).agg(*wide)


def count_frame(
    tables: Tables, config: PipelineConfig, as_of: dt.date
) -> nw.LazyFrame[Any]:
    """Return what a metric scores: each entity's count of each behaviour before `as_of`.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
        Its ``windows.observation_days`` says how far back events count.
    as_of : date
        The window is ``[as_of − observation_days, as_of)``.

    Returns
    -------
    LazyFrame
        ``customer_id`` and a float column per behaviour, 0 where nothing happened; a row for
        every entity that entered before `as_of` and had no churn event before it.
    """
    window = Window(as_of - config.windows.observation_days * DAY, as_of)
    daily = daily_events(tables).filter(
        nw.col("event_type").is_in(tables.behaviours)
        & (nw.col("day") >= window.start)
        & (nw.col("day") < window.end)
    )
    counts = daily.group_by("customer_id").agg(
        *(
            nw.when(nw.col("event_type") == b).then(nw.col("n")).sum().alias(b)
            for b in tables.behaviours
        )
    )
    known = _grid(tables, config, [as_of], config.windows.observation_days).select("customer_id")
    joined = known.join(counts, on="customer_id", how="left")
    filled = (nw.col(b).fill_null(0).cast(nw.Float64) for b in tables.behaviours)
    return joined.select("customer_id", *filled)


def _features_of(tables: Tables) -> tuple[Feature, ...]:
    present = tables.events.collect_schema().names()
    return tuple(f for f in behaviours.FEATURES if f.needs is None or f.needs in present)


def _grid(
    tables: Tables, config: PipelineConfig, cutoffs: Sequence[dt.date], observation_days: int
) -> nw.LazyFrame[Any]:
    """Entities × cutoffs at which they are in; `back` is null where history ends before it."""
    back = [c - 2 * observation_days * DAY for c in cutoffs]
    table = tables.engine.small(
        {
            "cutoff": [_midnight(c) for c in cutoffs],
            "back": [_midnight(b) if b >= tables.history.start else None for b in back],
        }
    )
    inside = (nw.col("entry") < nw.col("cutoff")) & (
        nw.col("exit").is_null() | (nw.col("exit") >= nw.col("cutoff"))
    )
    return entities(tables, config).join(table, how="cross").filter(inside)


def _transactions(tables: Tables, windows: Windows) -> nw.LazyFrame[Any]:
    spans = []
    first = min(tables.history.start, *(q.first.date() for q in tables.quality if q.first))
    for cutoff in windows.cutoffs:
        observation = windows.observation(cutoff)
        spans.append(Span(cutoff, OBSERVATION, observation))
        spans.append(Span(cutoff, history.PAST, Window(min(first, observation.start), cutoff)))
        spans.append(Span(cutoff, history.OUTCOME, windows.outcome(cutoff)))
    totals = (*behaviours.totals_of(history.FEATURES), *history.OUTCOME_TOTALS)
    return span_totals(
        tables.engine, daily_transactions(tables), ("customer_id",), spans, totals
    )


def _join(rows: nw.LazyFrame[Any], more: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return rows.join(more, on=list(KEYS), how="left")


def _absent(feature: Feature, behaviour: str, observation_days: int) -> nw.Expr:
    filled = _filled(nw.col(f"{behaviour}__{feature.name}"), feature.absent)
    if feature.name == "trend":
        return nw.when(nw.col("entry") <= nw.col("back")).then(filled)
    if feature.name == "regularity" and observation_days < 7:
        return nw.lit(None).cast(nw.Float64)
    return filled


def _filled(expression: nw.Expr, absent: float | None) -> nw.Expr:
    return expression if absent is None else expression.fill_null(absent)


def _outcomes(config: PipelineConfig, windows: Windows) -> list[nw.Expr]:
    gain = nw.col("gain").fill_null(0)
    loss = nw.col("loss").fill_null(0)
    return [
        ((gain - loss).cast(nw.Float64) / 1e6).alias("margin"),
        (gain.cast(nw.Float64) / 1e6).alias("gain"),
        (loss.cast(nw.Float64) / 1e6).alias("loss"),
        nw.col("transactions").fill_null(0).cast(nw.Float64),
        _churned(config, windows).alias("churned"),
    ]


def _churned(config: PipelineConfig, windows: Windows) -> nw.Expr:
    if config.churn.kind == "no_transaction":
        bought = nw.col("transactions").fill_null(0) > 0
        stopped = nw.when(bought).then(nw.lit(0.0)).otherwise(nw.lit(1.0))
        return nw.when(nw.col("n").fill_null(0) > 0).then(stopped)
    starts = nw.col("cutoff").dt.offset_by(f"{windows.gap_days}d")
    ends = nw.col("cutoff").dt.offset_by(f"{windows.gap_days + windows.outcome_days}d")
    left = nw.col("exit")
    stays = left.is_null() | (left >= ends)
    # Who left in the gap is no longer at risk when the outcome window opens.
    leaves = nw.when(left >= starts).then(nw.lit(1.0))
    return nw.when(stays).then(nw.lit(0.0)).otherwise(leaves)


def _check_any_event(
    frame: pd.DataFrame, names: dict[str, tuple[str, ...]], windows: Windows
) -> None:
    counts = [column for columns in names.values() for column in columns if "__frequency" in column]
    if counts and frame[counts].to_numpy().any():
        return
    first, last = windows.cutoffs[0], windows.cutoffs[-1]
    raise NotEnoughDataError(
        "no event of any behaviour lies in any observation window, the "
        f"{windows.observation_days} days before each of {len(windows.cutoffs)} cutoffs from "
        f"{first} to {last}; check that events and transactions cover the same time, and that "
        "not every behaviour has 'role: ignore'"
    )


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())
