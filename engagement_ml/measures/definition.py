"""What a measure is: one entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals as nw

from engagement_ml.config.scorecard import Better, MeasureConfig
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.kinds.kind import Kind

Unit = Literal["percent", "points", "score", "currency", "count", "rate", "minutes", "hours"]
"""``percent`` is from 0 to 100, ``points`` from −100 to 100; ``rate`` is events per 1,000."""


@dataclass(frozen=True)
class Rows:
    """The rows of a measure, and what is summed of them.

    Attributes
    ----------
    key : str
        Measures with the same key have the same frame, which is read once for all of them.
    frame : callable
        Makes the rows: ``customer_id``, ``day`` (date, UTC), ``touchpoint`` (text; only if the
        rows have one) and others. Days outside the periods are dropped by the caller.
    columns : mapping of str to Expr
        For each column of the measure's kind, an aggregate over the rows of one customer in one
        period, such as ``nw.col("margin").sum()``; a null counts as 0. Amounts in millionths.
        They may read ``period_days``, the days of the row's period.
    on_board : bool, default False
        Whether the kind's column ``on_board`` counts the customers who were there in the period,
        with or without a row: entry before its end, and no churn event before its start.
    notes : tuple of str
        What was left out or assumed, such as trials that are not mature yet.
    kind : Kind or None
        Takes the place of the definition's kind, if the settings change how it estimates.
    limit : int or None
        Only for kinds of durations: microseconds within which an answer is in time.

    Notes
    -----
    Kinds of durations (``kinds.durations.Durations``, which says how to show them) take rows of
    another form: one for each request, with ``customer_id``, ``day`` (of the request),
    ``micros`` (int64: from the request to its answer or, without one, to the end of the tables)
    and ``answered`` (int64: 1, or 0 without an answer); `columns` is then empty. Rows with a null
    or negative ``micros`` are dropped.
    """

    key: str
    frame: Callable[[], nw.LazyFrame[Any]]
    columns: Mapping[str, nw.Expr]
    on_board: bool = False
    notes: tuple[str, ...] = ()
    limit: int | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class MeasureDefinition:
    """One measure of the catalogue.

    Attributes
    ----------
    name, title : str
        Its key in the configuration, and what people read.
    kind : Kind
        Value and interval from totals.
    unit : Unit
    better : {"more", "less"} or None
    formula : str
        In words and operators, for the documentation.
    needs : str
        Tables, columns and event types, for the documentation.
    rows : callable
        From the context and the settings to the measure's rows.
    edge_cases : str
        What is not obvious, for the documentation.
    source : str
        Where the definition comes from; empty if it is common use.
    keys : tuple of str
        Keys of the settings that it reads, beside title, stage, owner, unit, better, target and
        warning.
    defaults : mapping of str to object
        Values of `keys` that the configuration leaves out.
    at_least : int, default 1
        People below which the value is not shown.

    Raises
    ------
    AbsentError
        By `rows`, if the tables lack what the measure needs.
    """

    name: str
    title: str
    kind: Kind
    unit: Unit
    better: Better | None
    formula: str
    needs: str
    rows: Callable[[MeasureContext, MeasureConfig], Rows]
    edge_cases: str = ""
    source: str = ""
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    at_least: int = 1

    def settings(self, given: MeasureConfig | None) -> MeasureConfig:
        """Return the settings: those given, and the defaults for the rest."""
        chosen = MeasureConfig() if given is None else given
        lacking = {k: v for k, v in self.defaults.items() if getattr(chosen, k) is None}
        return chosen.model_copy(update=lacking)

    def of_behaviours(self, settings: MeasureConfig) -> tuple[str, ...]:
        """Return the event types that the measure is made of, in the order of its keys."""
        names: list[str] = []
        for key in ("event", "start", "goal"):
            value = getattr(settings, key) if key in self.keys else None
            names += [value] if isinstance(value, str) else list(value or ())
        return tuple(dict.fromkeys(names))
