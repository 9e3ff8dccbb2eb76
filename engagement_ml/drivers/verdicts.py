"""From the evidence on a behaviour to its verdict."""

from __future__ import annotations

import numpy as np

from engagement_ml.drivers.finding import FailedTest, Finding, Verdict
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds

_DECLARED = {
    "consequence": Verdict("consequence", "declared"),
    "negative_control": Verdict("inert", "declared control"),
}


def judge(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> Verdict:
    """Give a behaviour its verdict.

    The rules apply in order: a declared consequence; no identified effect; a fit that did not
    converge; evidence that passes every test (`driver`, `harmful`, or `unverifiable` if a hidden
    cause, preparation of a purchase or a check objects); reverse causality; a hidden cause; an
    association with churn in the notice period only; a correlation without an effect (`vanity`); an
    interval within the smallest effect of interest (`inert`); otherwise `unverifiable`.

    Parameters
    ----------
    finding : Finding
    thresholds : Thresholds

    Returns
    -------
    Verdict
    """
    declared = _DECLARED.get(finding.role)
    if declared is not None:
        return declared
    if finding.within is None or not np.isfinite(finding.within.high - finding.within.low):
        return Verdict("unverifiable", "not identified")
    if not finding.converged:
        return Verdict("unverifiable", "not converged")
    verdict = _of_passing(finding, thresholds) if passes_tests(finding, thresholds) else None
    return verdict or _of_biased(finding, thresholds) or _of_failing(finding, thresholds)


def hidden_cause(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether evidence that would do is not enough once a hidden cause is allowed for."""
    within = finding.within
    if within is None or finding.factor is None:
        return False
    return abs(finding.uncorrected_z) >= thresholds.min_z > abs(within.z)


def may_prepare(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether the timing is that of preparing a purchase, which ends with it.

    Margin is lower before the behaviour than usual: it is rare after a purchase. Or its lag profile
    has no shape that an effect has, as preparation begins and ends at certain times before a
    purchase. A sequence is how a purchase is prepared, so margin must be higher after the first two
    weeks, too. An act of the company is no preparation.
    """
    within, leads = finding.within, finding.leads
    if within is None or finding.outbound:
        return False
    if within.misfit >= thresholds.max_misfit:
        return True
    sign = np.sign(within.z)
    if finding.lasting_z is not None and sign * finding.lasting_z < thresholds.min_lasting_z:
        return True
    if leads is None or finding.purchase_response.increase_z >= thresholds.preparing_increase_z:
        return False
    return any(
        ratio <= -thresholds.preparing_share and sign * z <= -thresholds.preparing_z
        for ratio, z in zip(leads.ratios, leads.before_z, strict=True)
    )


def passes_tests(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether the within-customer evidence passes every test of its own.

    It must be strong enough over all customers and in each random half, keep its sign over the
    lags, and be more than twice as strong after the event as before it.
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
    if finding.leads is not None and not _leads_are_small(finding, sign, thresholds):
        return "leads"
    return None


def _leads_are_small(finding: Finding, sign: float, thresholds: Thresholds) -> bool:
    """Return whether the association after the event clearly exceeds the one before it."""
    leads, response = finding.leads, finding.purchase_response
    assert leads is not None
    following = thresholds.min_lead_z_following
    least = (
        (following, following)
        if response.responds or finding.apart
        else (thresholds.min_lead_z, thresholds.min_lead_z_opposite)
    )
    differences = (sign * leads.z_difference, sign * leads.z_sum)
    if not all(z >= bound for z, bound in zip(differences, least, strict=True)):
        return False
    excess = thresholds.min_lead_excess
    if response.follows and not response.responds:
        excess = thresholds.min_lead_excess_following
    return all(sign * z >= excess for z in leads.excess_z)


def _of_passing(finding: Finding, thresholds: Thresholds) -> Verdict | None:
    low, high = finding.bounds
    worth = finding.effect * finding.association.std
    if worth > 0 and may_prepare(finding, thresholds):
        return Verdict("unverifiable", "preparing")
    if finding.vetoes:
        return Verdict("unverifiable", "vetoed")
    if low > 0 and worth >= finding.min_effect:
        if finding.frequency < thresholds.min_bootstrap_share:
            return Verdict("unverifiable", "unstable")
        return Verdict("driver", "passed")
    if high < 0 and -worth >= finding.min_effect and not _only_earlier(finding, thresholds):
        return Verdict("harmful", "passed")
    return None


def _only_earlier(finding: Finding, thresholds: Thresholds) -> bool:
    """Return whether margin of the same period makes up for lower margin after it.

    After an order there are fewer for a while, so what happens at the order seems to lower margin.
    """
    within, total_z = finding.within, finding.total_z
    if within is None or total_z is None or within.effect >= 0:
        return False
    return total_z > -thresholds.may_act_z


def _of_biased(finding: Finding, thresholds: Thresholds) -> Verdict | None:
    """Return the verdict of what follows purchases or shares a hidden cause; None otherwise."""
    response = finding.purchase_response
    if response.responds:
        if finding.outbound or (response.strength < 0 and not response.follows):
            return Verdict("unverifiable", "targeted")
        return Verdict("consequence", "follows purchases")
    if hidden_cause(finding, thresholds):
        return Verdict("unverifiable", "hidden cause")
    if finding.notice_days:
        return Verdict("unverifiable", "notice period")
    return None


def _of_failing(finding: Finding, thresholds: Thresholds) -> Verdict:
    std = finding.association.std
    low, high = (bound * std for bound in finding.bounds)
    correlated = finding.association.z >= thresholds.vanity_z and finding.association.slope > 0
    naive = finding.association.slope * std
    small = finding.effect * std < thresholds.vanity_effect * finding.min_effect
    silent = abs(finding.within.z) < thresholds.hint_z if finding.within is not None else True
    refuted = high < max(thresholds.vanity_share * naive, finding.min_effect)
    if finding.turning is None and silent and correlated and small and refuted:
        return Verdict("vanity", "correlated only")
    if std > 0 and -finding.min_effect <= low and high <= finding.min_effect:
        return Verdict("inert", "below smallest effect")
    return Verdict("unverifiable", "inconclusive", failed_test(finding, thresholds))
