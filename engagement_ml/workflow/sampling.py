"""The training sample and the precision it gives."""

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

_WITH_EFFECT = ("driver", "harmful")


def draw_training_sample(
    tables: Tables, config: PipelineConfig, windows: Windows, progress: Progress
) -> tuple[Tables, Sample | None]:
    """Draw the customers that a run is trained on.

    Returns
    -------
    tables : Tables
        The tables of the drawn customers; all tables if there is no sample.
    sample : Sample or None
        None if there are at most ``config.sample.customers`` customers.
    """
    from engagement_ml.features.stratified_sample import draw_sample, sample_of

    progress.start("Drawing the training sample")
    sample = draw_sample(tables, config, before=windows.fit_until)
    return (tables, None) if sample is None else (sample_of(tables, sample), sample)


def sample_detail(sample: Sample | None, entity: str) -> str:
    """Return the detail of a step that works on a sample: ``"of 500 of 4,000 customers"``."""
    from engagement_ml.formatting import plural

    return "" if sample is None else f"of {len(sample.ids):,} of {sample.of:,} {plural(entity)}"


def sample_size(sample: Sample) -> dict[str, int]:
    """Return the numbers of drawn customers and of all customers, for ``evaluation.json``."""
    return {"customers": len(sample.ids), "of": sample.of}


def sample_summary(sample: Sample | None, drivers: Sequence[DriverRow]) -> DrawnSample | None:
    """Return the record of a run's sample; None if all customers were used.

    Returns
    -------
    DrawnSample
        ``customers`` and ``of``, the numbers of drawn and of all customers, and their ratio
        ``share``; ``by``, the stratification variables, and ``n_strata``; ``wider``, the factor by
        which sampling widens the part of an interval that is sampling error, √(of / customers);
        and ``half_widths``, from `relative_half_widths`.
    """
    if sample is None:
        return None
    share = len(sample.ids) / sample.of
    return DrawnSample(
        **sample_size(sample),
        share=share,
        by=tuple(sample.by),
        n_strata=sample.n_strata,
        wider=math.sqrt(1 / share),
        half_widths=relative_half_widths(drivers),
    )


def relative_half_widths(rows: Sequence[DriverRow]) -> dict[str, float]:
    """Return the half-width of each effect's 95% interval relative to the effect, by behaviour.

    Only drivers and harmful behaviours count. Effects from randomised experiments are left out, as
    a larger sample does not narrow their intervals.

    Examples
    --------
    >>> call = DriverRow("call", "driver", True, 1, 2.0, 4.0, 3.0, 5.0, 1.0, None, "it holds")
    >>> relative_half_widths([call])
    {'call': 0.25}
    """
    shares = {}
    for row in rows:
        effect, low, high = row.effect, row.effect_low, row.effect_high
        observed = row.verdict in _WITH_EFFECT and row.basis == "observation"
        if observed and effect and low is not None and high is not None:
            shares[row.behaviour] = (high - low) / 2 / abs(effect)
    return shares
