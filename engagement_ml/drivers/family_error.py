"""Error of all behaviours together: with many of them, evidence must be stronger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.multiple_testing import bonferroni_z
from engagement_ml.drivers.thresholds import Thresholds


def with_family_error(
    thresholds: Thresholds, behaviours: Sequence[str], config: PipelineConfig
) -> tuple[Thresholds, tuple[str, ...]]:
    """Raise ``min_z`` until chance shows any driver with at most ``family_error``.

    Up to 79 candidates nothing changes, as ``min_z`` is large enough.

    Returns
    -------
    thresholds : Thresholds
    notes : tuple of str
        A sentence, if ``min_z`` was raised.
    """
    n = sum(config.behaviour(b).role in ("behaviour", "mediator") for b in behaviours)
    z = bonferroni_z(n * thresholds.profile_tests, thresholds.family_error)
    if z <= thresholds.min_z:
        return thresholds, ()
    note = (
        f"with {n} candidates, evidence must reach z {z:.2f}, not {thresholds.min_z:g}, so that "
        "chance alone is unlikely to show a driver"
    )
    return replace(thresholds, min_z=z), (note,)
