"""Behaviours whose effects are compared between segments and in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds


def behaviours_to_test(
    candidates: Iterable[str],
    findings: Mapping[str, Finding],
    verdicts: Mapping[str, Verdict],
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[str, ...]:
    """Return the drivers and harmful behaviours, and others that may act.

    Parameters
    ----------
    candidates : iterable of str
        Behaviours of the main estimate.
    findings : mapping of behaviour to Finding
    verdicts : mapping of behaviour to Verdict
        Behaviours without one are left out.
    thresholds : Thresholds
        `may_act_z` is the |z| from which a behaviour may act. One that follows purchases counts
        only with a verdict of its own.
    """
    chosen = []
    for b in candidates:
        finding = findings[b]
        if b not in verdicts or finding.within is None:
            continue
        low, high, effect = finding.within.low, finding.within.high, finding.within.effect
        if not np.isfinite(high - low) or effect == 0.0:
            continue
        may_act = (
            abs(finding.within.z) >= thresholds.may_act_z
            and not finding.purchase_response.responds
            and verdicts[b].verdict != "consequence"
        )
        if may_act or verdicts[b].verdict in ("driver", "harmful"):
            chosen.append(b)
    return tuple(chosen)
