"""The next best behaviour: whose next event is worth the most margin on its response curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.evidence import Choice, DriverRow
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.workflow.scored.table import ScoreTable, counts_of

BEHAVIOUR, GAIN, EVIDENCE = "next_best", "next_best_gain", "next_best_evidence"
MAX_COUNT = 100_000
_SAME = 1e-6
_NAMES = {"observation": "observational", "experiment": "experiment"}


@dataclass(frozen=True)
class NextGains:
    """What one more event of each driver is worth, by the number of events there are.

    Attributes
    ----------
    gains : dict of behaviour to array
        In currency over the outcome window, net of the cost of serving the event, for 0, 1, 2, …
        events; averages over customers with this count, not promises for one.
    evidence : dict of behaviour to str
        ``"observational"``, or ``"experiment"`` if a randomised test settled the behaviour.
    note : str or None
        Why there are none.
    """

    gains: dict[str, FloatArray]
    evidence: dict[str, str]
    note: str | None = None


def next_gains(metric: EngagementMetric, record: RunRecord | None) -> NextGains:
    """Return the gains of a metric's drivers from the evidence of its run."""
    if metric.evidence != "driver":
        kind = "were set by hand" if metric.evidence != "indicator" else "only predict margin"
        return _none(f"the behaviours of metric '{metric.name}' {kind}")
    if record is None:
        return _none("the response curves are in run.json; give the folder of the run")
    if record.metric.get("definition_hash") != metric.definition_hash:
        return _none("run.json is that of another metric")
    rows = {row.behaviour: row for row in record.drivers}
    choices = {choice.behaviour: choice for choice in record.evidence.choices}
    gains, evidence = {}, {}
    for behaviour in metric.behaviours:
        name = behaviour.behaviour
        row, curve = rows.get(name), record.evidence.responses.get(name)
        if row is None or curve is None or row.verdict != "driver" or not row.converged:
            continue
        gains[name] = _gains(curve, choices.get(name), row)
        evidence[name] = _NAMES[row.basis]
    note = None if gains else "no behaviour of the metric has a response curve"
    return NextGains(gains, evidence, note and _without(note))


def _none(why: str) -> NextGains:
    return NextGains({}, {}, _without(why))


def _without(why: str) -> str:
    return f"{BEHAVIOUR} and {GAIN} are empty: {why}"


def _gains(curve: ResponseCurve, choice: Choice | None, row: DriverRow) -> FloatArray:
    """Return the gain of one more event after 0, 1, 2, … events, up to where the curve ends."""
    x, effect = np.asarray(curve.x), np.asarray(curve.effect)
    last = min(math.floor(x[-1] + _SAME), MAX_COUNT)
    counts = np.arange(last + 1, dtype=np.float64)
    values = np.interp(counts, x, effect)
    scale = None if choice is None or curve.kind != "log1p" else choice.scale
    if scale:
        exact = effect[-1] / np.log1p(x[-1] / scale) * np.log1p(x / scale)
        # The curve's own formula, as points far apart would flatten its first events.
        if np.allclose(exact, effect, rtol=_SAME, atol=_SAME * max(abs(effect[-1]), 1e-9)):
            values = effect[-1] / np.log1p(x[-1] / scale) * np.log1p(counts / scale)
    return np.asarray(np.diff(values) - row.cost_per_event)


def with_next_behaviour(table: ScoreTable, record: RunRecord | None) -> ScoreTable:
    """Add ``next_best``, ``next_best_gain`` and ``next_best_evidence``.

    They are null if no further event has a positive gain, and where the count lies beyond the
    response curve, on which nothing was observed.
    """
    found = next_gains(table.metric, record)
    names = {
        b.behaviour: c
        for b, c in zip(table.metric.behaviours, counts_of(table.metric), strict=True)
    }
    frame, columns = table.frame, []
    for behaviour, gains in found.gains.items():
        if gains.size:
            column = names[behaviour].replace("n_", "gain_")
            frame = _joined(table, frame, names[behaviour], column, gains)
            columns.append((behaviour, column))
    # Spark compares no single value.
    values = [nw.lit(0.0), *(nw.col(c) for _, c in columns), nw.lit(0.0)]
    frame = frame.with_columns(nw.max_horizontal(*values).alias(GAIN))
    chosen = {BEHAVIOUR: nw.lit(None, dtype=nw.String()), EVIDENCE: nw.lit(None, dtype=nw.String())}
    for behaviour, column in reversed(columns):
        here = (nw.col(column) == nw.col(GAIN)) & (nw.col(GAIN) > 0)
        texts = {BEHAVIOUR: behaviour, EVIDENCE: found.evidence[behaviour]}
        chosen = {
            name: nw.when(here).then(nw.lit(texts[name])).otherwise(value)
            for name, value in chosen.items()
        }
    gain = nw.when(nw.col(GAIN) > 0).then(nw.col(GAIN))
    frame = frame.with_columns(
        gain.alias(GAIN), *(value.alias(name) for name, value in chosen.items())
    ).drop(*(c for _, c in columns))
    added = {name: name for name in (BEHAVIOUR, GAIN, EVIDENCE)}
    return table.extended(frame, added, *([found.note] if found.note else _said(found)))


def _joined(
    table: ScoreTable, frame: nw.LazyFrame[Any], count: str, column: str, gains: FloatArray
) -> nw.LazyFrame[Any]:
    """Join the gain at each count; a customer without events has a null count, which is 0."""
    rows = {"events_": np.arange(len(gains), dtype=np.int64), column: gains}
    keyed = frame.with_columns(nw.col(count).fill_null(0).cast(nw.Int64()).alias("events_"))
    return keyed.join(table.engine.small(rows), on="events_", how="left").drop("events_")


def _said(found: NextGains) -> Sequence[str]:
    basis = sorted(set(found.evidence.values()))
    return (
        f"{GAIN} is the average gain of one more event at this count, from {' and '.join(basis)} "
        "evidence; it is no promise for one customer",
    )
