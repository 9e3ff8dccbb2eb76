"""What a measure is: one entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals as nw

from engagement_ml.config.scorecard import Better, MeasureConfig
from engagement_ml.formatting import listed
from engagement_ml.measures.context import SIGNUP, TOUCHPOINT, TRANSACTION, MeasureContext
from engagement_ml.measures.kinds.kind import Estimate, Kind

Unit = Literal["percent", "points", "score", "currency", "count", "rate", "minutes", "hours"]
"""``percent`` is from 0 to 100, ``points`` from −100 to 100; ``rate`` is events per 1,000."""

WITHIN = ("within_days", "within_hours")
"""Settings of one time, in two units."""


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
    splits : mapping of str to callable
        Further columns of text by which the values are split, as by ``touchpoint``, and what makes
        the rows with that column, which take the place of `frame`.
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
    splits: Mapping[str, Callable[[], nw.LazyFrame[Any]]] = field(default_factory=dict)
    kind: Kind | None = None

    def split_rows(self) -> dict[str, nw.LazyFrame[Any]]:
        """Return the rows for each column by which the values are split."""
        frame = self.frame()
        touched = {TOUCHPOINT: frame} if TOUCHPOINT in frame.collect_schema().names() else {}
        return touched | {column: make() for column, make in self.splits.items()}


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
    remark : callable or None
        From the values of all customers by period, and the settings, to what people must know
        beside them; empty for nothing.

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
    remark: Callable[[Sequence[Estimate], MeasureConfig], str] | None = None

    def settings(self, given: MeasureConfig | None) -> MeasureConfig:
        """Return the settings: those given, and the defaults for the rest."""
        chosen = MeasureConfig() if given is None else given
        lacking = {k: v for k, v in self.defaults.items() if getattr(chosen, k) is None}
        if any(getattr(chosen, key) is not None for key in WITHIN):
            # A time that is given in days takes the place of a default in hours.
            lacking = {k: v for k, v in lacking.items() if k not in WITHIN}
        return chosen.model_copy(update=lacking)

    def of_behaviours(self, settings: MeasureConfig) -> tuple[str, ...]:
        """Return the event types that the measure is made of, in the order of its keys."""
        names = [name for each in self._event_types(settings).values() for name in each]
        return tuple(dict.fromkeys(names))

    def missing_types(self, settings: MeasureConfig, known: Container[str]) -> tuple[str, ...]:
        """Return a note on each setting that names event types which the data lacks.

        Types of the measure's own defaults are alternatives, of which not all need be there.
        """
        notes = []
        for key, names in self._event_types(settings).items():
            lacking = [n for n in names if n not in known and n not in (TRANSACTION, SIGNUP)]
            if lacking and getattr(settings, key) != self.defaults.get(key):
                notes.append(f"no event of type {listed(lacking)} (setting '{key}')")
        return tuple(notes)

    def _event_types(self, settings: MeasureConfig) -> dict[str, tuple[str, ...]]:
        found = {}
        for key in ("event", "start", "goal", "cancelled"):
            value = getattr(settings, key) if key in self.keys else None
            found[key] = (value,) if isinstance(value, str) else tuple(value or ())
        return found
