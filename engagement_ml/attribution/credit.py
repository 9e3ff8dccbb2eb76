"""From the tables to the credit of each touchpoint by all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml.attribution.evidence import RULES as NAMES
from engagement_ml.attribution.evidence import AttributionEvidence, CreditRow
from engagement_ml.attribution.paths import PathCounts, count_paths
from engagement_ml.attribution.rules import RULES, shares
from engagement_ml.attribution.touches import (
    DAY_MICROS,
    MOST_TOUCHPOINTS,
    OTHERS,
    Touches,
    read_conversions,
    read_touches,
)
from engagement_ml.config import AttributionConfig, PipelineConfig
from engagement_ml.formatting import day, percent, quantity
from engagement_ml.inputs import Tables

TRANSACTION = "transaction"
_MANY = 0.05


@dataclass(frozen=True)
class CreditData:
    """What credit is computed from, in memory.

    Attributes
    ----------
    touchpoints : tuple of str
    n_touches : tuple of int
        Of each touchpoint, consecutive ones counted singly.
    counts : PathCounts
    n_conversions : int
    notes : tuple of str
        What was left out or merged.
    """

    touchpoints: tuple[str, ...]
    n_touches: tuple[int, ...]
    counts: PathCounts
    n_conversions: int
    notes: tuple[str, ...] = ()


def read_credit_data(tables: Tables, config: PipelineConfig) -> CreditData:
    """Read touches and conversions, and count their paths in the engine.

    Raises
    ------
    InputError
        See `read_touches`.
    """
    settings = config.attribution or AttributionConfig()
    touches = read_touches(tables, config)
    conversions = tables.engine.persist(read_conversions(tables, config, touches))
    counts = count_paths(
        tables.engine,
        touches.frame,
        conversions,
        lookback=settings.lookback_days * DAY_MICROS,
        end=touches.end,
    )
    total = conversions.select(n=nw.len().cast(nw.Int64))
    n_conversions = int(tables.engine.rows(total, source="conversions")[0]["n"])
    return CreditData(
        touches.touchpoints,
        touches.counts,
        counts,
        n_conversions,
        _notes(touches, counts, settings),
    )


def divide_credit(
    data: CreditData, config: PipelineConfig, more_notes: Sequence[str] = ()
) -> AttributionEvidence:
    """Divide the conversions among the touchpoints by all rules; effects are left empty."""
    settings = config.attribution or AttributionConfig()
    counts, k = data.counts, len(data.touchpoints)
    ends = counts.ends
    converting = ends.converted == 1
    n_converting = int(ends.n[converting].sum())
    margin = float(ends.value[converting].sum()) if settings.conversion is None else None
    by_rule: dict[str, Any] = {}
    for name in NAMES:
        by_rule[name] = shares(RULES[name](counts, k))
        paid = margin is not None and margin > 0
        by_rule[f"{name}_margin"] = shares(RULES[name](counts, k, by_value=True)) if paid else None
    paths, with_conversion = _paths(counts, k)
    rows = [
        CreditRow(
            touchpoint=touchpoint,
            n_paths=int(paths[code]),
            n_touches=data.n_touches[code],
            n_converting=int(with_conversion[code]),
            **_shares_of(by_rule, code),
        )
        for code, touchpoint in enumerate(data.touchpoints)
    ]
    notes = [*data.notes, *more_notes]
    if margin is not None and n_converting and margin <= 0:
        notes.append(
            "the conversions with a touchpoint have no positive margin together, so shares of "
            "margin are not given"
        )
    if not n_converting:
        notes.append(
            f"no conversion had a touchpoint in the {quantity(settings.lookback_days, 'day')} "
            "before it, so there is no credit to divide"
        )
    return AttributionEvidence(
        conversion=settings.conversion or TRANSACTION,
        touchpoint=settings.touchpoint,
        lookback_days=settings.lookback_days,
        n_conversions=data.n_conversions,
        n_without_touch=data.n_conversions - n_converting,
        n_paths=int(ends.n.sum()),
        rows=tuple(sorted(rows, key=lambda row: (-(row.shapley or 0.0), row.touchpoint))),
        notes=tuple(notes),
        margin=margin,
    )


def _shares_of(by_rule: dict[str, Any], code: int) -> dict[str, Any]:
    return {name: None if by is None else float(by[code]) for name, by in by_rule.items()}


def _paths(counts: PathCounts, k: int) -> tuple[Any, Any]:
    members = counts.members
    converted = members.converted == 1
    every = np.bincount(members.code, weights=members.n, minlength=k)
    converting = np.bincount(members.code[converted], weights=members.n[converted], minlength=k)
    return every, converting


def _notes(touches: Touches, counts: PathCounts, settings: AttributionConfig) -> tuple[str, ...]:
    """Say what was left out, merged or cannot be known."""
    notes = []
    n_touches = sum(touches.counts)
    if touches.n_unnamed:
        share = percent(touches.n_unnamed / (touches.n_unnamed + n_touches), 1)
        notes.append(
            f"{quantity(touches.n_unnamed, 'event')} ({share}) without a {settings.touchpoint} "
            "left out"
        )
    if touches.n_early:
        notes.append(
            f"{quantity(touches.n_early, 'event')} before {day(touches.since)} left out, as no "
            "conversions are known so early"
        )
    if touches.n_merged:
        notes.append(
            f"{quantity(touches.n_merged, 'touchpoint')} beyond the {MOST_TOUCHPOINTS} most "
            f"frequent are one, {OTHERS}"
        )
    n_open, n_paths = int((counts.ends.n * counts.ends.by).sum()), int(counts.ends.n.sum())
    if n_open > _MANY * n_paths:
        notes.append(
            f"{percent(n_open / n_paths)} of the paths count as paths without a conversion though "
            f"the history ends within {quantity(settings.lookback_days, 'day')} of their last "
            "touch; the Markov rule credits touchpoints of the last weeks too little"
        )
    if counts.n_same_moment > _MANY * int(counts.steps.n.sum()):
        notes.append(
            f"{percent(counts.n_same_moment / int(counts.steps.n.sum()))} of the touches have the "
            "same moment as another touch before them; their order is that of their names, so "
            "first, last and Markov depend on it"
        )
    return tuple(notes)
