"""Whom a run learns from, and what precision that gives, for people to decide on more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.inputs import Tables
from engagement_ml.progress import Progress
from engagement_ml.records import DrawnSample
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.stratified_sample import Sample

_FOUND = ("driver", "harmful")


def draw(
    tables: Tables, config: PipelineConfig, windows: Windows, progress: Progress
) -> tuple[Tables, Sample | None]:
    """Return the tables of those whom a run learns from; all of them, and None, where not drawn."""
    from engagement_ml.features.stratified_sample import draw_sample, sample_of

    progress.start("Choosing whom to learn from")
    sample = draw_sample(tables, config, before=windows.fit_until)
    return (tables, None) if sample is None else (sample_of(tables, sample), sample)


def in_words(sample: Sample | None, entity: str) -> str:
    """Return what stands beside the name of a step that works on a sample."""
    from engagement_ml.formatting import plural

    return "" if sample is None else f"of {len(sample.ids):,} of {sample.of:,} {plural(entity)}"


def size_of(sample: Sample) -> dict[str, int]:
    """Return how many were drawn, of how many: what ``evaluation.json`` holds of it."""
    return {"customers": len(sample.ids), "of": sample.of}


def stated(sample: Sample | None, rows: Sequence[DriverRow]) -> DrawnSample | None:
    """Return what a run's record holds of its sample; None where everybody was taken.

    Returns
    -------
    DrawnSample
        ``customers``, ``of``, ``share``; ``by`` and ``n_strata``; ``wider``, how many times as
        wide as from everybody the part of an interval is that luck in who was drawn makes:
        √(of / customers); and ``half_widths``, that of the 95% interval of each effect found, as
        a share of the effect.
    """
    if sample is None:
        return None
    share = len(sample.ids) / sample.of
    return DrawnSample(
        **size_of(sample),
        share=share,
        by=tuple(sample.by),
        n_strata=sample.n_strata,
        wider=math.sqrt(1 / share),
        half_widths=half_widths(rows),
    )


def half_widths(rows: Sequence[DriverRow]) -> dict[str, float]:
    """Return half the width of each found effect's 95% interval over the effect, by behaviour.

    Effects that randomised tests measured are left out: more customers here do not narrow them.

    Examples
    --------
    >>> call = DriverRow("call", "driver", True, 1, 2.0, 4.0, 3.0, 5.0, 1.0, None, "it holds")
    >>> half_widths([call])
    {'call': 0.25}
    """
    found = {}
    for row in rows:
        effect, low, high = row.effect, row.effect_low, row.effect_high
        observed = row.verdict in _FOUND and row.basis == "observation"
        if observed and effect and low is not None and high is not None:
            found[row.behaviour] = (high - low) / 2 / abs(effect)
    return found
