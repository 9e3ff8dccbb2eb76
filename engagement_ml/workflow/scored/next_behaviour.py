"""The next best behaviour: whose next event is worth the most margin on its response curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.actions.gains import EventGains, driver_gains
from engagement_ml.formatting import Money
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.workflow.scored.table import ScoreTable, counts_of

BEHAVIOUR, GAIN, EVIDENCE = "next_best", "next_best_gain", "next_best_evidence"
LOW, HIGH, REASON = "next_best_low", "next_best_high", "next_best_reason"
COLUMNS = (BEHAVIOUR, GAIN, EVIDENCE, LOW, HIGH, REASON)


@dataclass(frozen=True)
class NextGains:
    """What one more event of each driver of a metric is worth, or a note why there are none."""

    gains: Mapping[str, EventGains] = field(default_factory=dict)
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
    gains = driver_gains(record.evidence, [each.behaviour for each in metric.behaviours])
    return NextGains(gains) if gains else _none("no behaviour of the metric has a response curve")


def _none(why: str) -> NextGains:
    return NextGains(note=f"{BEHAVIOUR} and {GAIN} are empty: {why}")


def with_next_behaviour(table: ScoreTable, record: RunRecord | None) -> ScoreTable:
    """Add the driver whose next event is worth most: its gain with interval, evidence and reason.

    They are null if no further event has a positive gain, from the saturation point or the optimum
    on, and where the count lies beyond the response curve, on which nothing was observed.
    """
    found = next_gains(table.metric, record)
    names = {
        b.behaviour: c
        for b, c in zip(table.metric.behaviours, counts_of(table.metric), strict=True)
    }
    money, days = Money(table.metric.currency), table.metric.observation_days
    frame, drivers = table.frame, []
    for behaviour, gains in found.gains.items():
        if gains.claimed.any():
            place = names[behaviour].removeprefix("n_")
            rows = _rows(gains, money, days, place)
            frame = _joined(table, frame, names[behaviour], rows)
            drivers.append((behaviour, gains.evidence, place))
    # Spark compares no single value.
    values = [nw.lit(0.0), *(nw.col(f"gain_{place}") for *_, place in drivers), nw.lit(0.0)]
    frame = frame.with_columns(nw.max_horizontal(*values).alias(GAIN))
    texts = dict.fromkeys((BEHAVIOUR, EVIDENCE, REASON), nw.lit(None, dtype=nw.String()))
    chosen = texts | dict.fromkeys((LOW, HIGH), nw.lit(None, dtype=nw.Float64()))
    for behaviour, evidence, place in reversed(drivers):
        here = (nw.col(f"gain_{place}") == nw.col(GAIN)) & (nw.col(GAIN) > 0)
        own = {
            BEHAVIOUR: nw.lit(behaviour),
            EVIDENCE: nw.lit(evidence),
            LOW: nw.col(f"low_{place}"),
            HIGH: nw.col(f"high_{place}"),
            REASON: nw.col(f"why_{place}"),
        }
        chosen = {n: nw.when(here).then(own[n]).otherwise(value) for n, value in chosen.items()}
    gain = nw.when(nw.col(GAIN) > 0).then(nw.col(GAIN))
    used = [f"{kind}_{place}" for *_, place in drivers for kind in ("gain", "low", "high", "why")]
    frame = frame.with_columns(
        gain.alias(GAIN), *(value.alias(name) for name, value in chosen.items())
    ).drop(*used)
    notes = [found.note] if found.note else _said(found)
    return table.extended(frame, {name: name for name in COLUMNS}, *notes)


def _rows(gains: EventGains, money: Money, days: int, place: str) -> dict[str, Any]:
    """Return the gain, its interval and the reason at each count at which something is claimed."""
    counts = np.flatnonzero(gains.claimed).astype(np.int64)
    return {
        "events_": counts,
        f"gain_{place}": gains.gain[counts],
        f"low_{place}": gains.low[counts],
        f"high_{place}": gains.high[counts],
        f"why_{place}": [gains.reason(int(count), money, days) for count in counts],
    }


def _joined(
    table: ScoreTable, frame: nw.LazyFrame[Any], count: str, rows: Mapping[str, Any]
) -> nw.LazyFrame[Any]:
    """Join the rows at each count; a customer without events has a null count, which is 0."""
    keyed = frame.with_columns(nw.col(count).fill_null(0).cast(nw.Int64()).alias("events_"))
    return keyed.join(table.engine.small(rows), on="events_", how="left").drop("events_")


def _said(found: NextGains) -> Sequence[str]:
    basis = sorted({each.evidence for each in found.gains.values()})
    return (
        f"{GAIN} is the average gain of one more event at this count, from {' and '.join(basis)} "
        "evidence; it is no promise for one customer",
    )
