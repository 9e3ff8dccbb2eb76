"""From the evidence on a behaviour to its verdict."""

from __future__ import annotations

import numpy as np

from engagement_ml.drivers.finding import FailedTest, Finding, Verdict
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds


def judge(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> Verdict:
    """Give a behaviour its verdict.

    The rules apply in order: a declared consequence; no identified effect; evidence that passes
    every test (`driver`, `harmful`, or `unverifiable` if a check objects); reverse causality; an
    association with churn in the notice period only; a
    correlation without an effect (`vanity`); an interval within the smallest effect of interest
    (`inert`); otherwise `unverifiable`.

    Parameters
    ----------
    finding : Finding
    thresholds : Thresholds

    Returns
    -------
    Verdict
    """
    if finding.role == "consequence":
        return Verdict("consequence", "declared")
    if finding.within is None or not np.isfinite(finding.within.high - finding.within.low):
        return Verdict("unverifiable", "not identified")
    if passes_tests(finding, thresholds):
        verdict = _of_passing(finding, thresholds)
        if verdict is not None:
            return verdict
    if finding.purchase_response.responds:
        return Verdict("consequence", "follows purchases")
    if finding.notice_days and not passes_tests(finding, thresholds):
        return Verdict("unverifiable", "notice period")
    return _of_failing(finding, thresholds)


def passes_tests(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether the within-customer evidence passes every test of its own.

    It must be strong enough over all customers and in each random half, keep its sign over the
    lags, and be stronger after the event than before it.
    """
    return finding.within is not None and failed_test(finding, thresholds) is None


def failed_test(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> FailedTest | None:
    """Return the first test of the within-customer evidence that fails; None if all pass."""
    if finding.within is None:
        return None
    sign = np.sign(finding.within.z)
    if abs(finding.within.z) < thresholds.min_z:
        return "z"
    if sign != np.sign(finding.within.effect):
        return "sign"
    if not all(sign * z >= thresholds.min_half_z for z in finding.half_z):
        return "halves"
    following = thresholds.min_lead_z_following
    least = (
        (following, following)
        if finding.purchase_response.responds
        else (thresholds.min_lead_z, thresholds.min_lead_z_opposite)
    )
    if finding.lead_z is not None and not all(
        sign * z >= bound for z, bound in zip(finding.lead_z, least, strict=True)
    ):
        return "leads"
    return None


def _of_passing(finding: Finding, thresholds: Thresholds) -> Verdict | None:
    low, high = finding.bounds
    worth = finding.effect * finding.association.std
    if finding.vetoes:
        return Verdict("unverifiable", "vetoed")
    if low > 0 and worth >= finding.min_effect:
        if finding.frequency < thresholds.min_bootstrap_share:
            return Verdict("unverifiable", "unstable")
        return Verdict("driver", "passed")
    if high < 0 and -worth >= finding.min_effect and not finding.purchase_response.responds:
        return Verdict("harmful", "passed")
    return None


def _of_failing(finding: Finding, thresholds: Thresholds) -> Verdict:
    std = finding.association.std
    low, high = (bound * std for bound in finding.bounds)
    correlated = finding.association.z >= thresholds.vanity_z and finding.association.slope > 0
    naive = finding.association.slope * std
    small = finding.effect * std < thresholds.vanity_effect * finding.min_effect
    silent = abs(finding.within.z) < thresholds.hint_z if finding.within is not None else True
    refuted = high < max(thresholds.vanity_share * naive, finding.min_effect)
    if silent and correlated and small and refuted:
        return Verdict("vanity", "correlated only")
    if std > 0 and -finding.min_effect <= low and high <= finding.min_effect:
        return Verdict("inert", "below smallest effect")
    return Verdict("unverifiable", "inconclusive", failed_test(finding, thresholds))
