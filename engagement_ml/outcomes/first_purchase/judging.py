"""From the evidence on a behaviour to its verdict on the first purchase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engagement_ml.drivers.finding import VerdictCode
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.outcomes.first_purchase.finding import Finding
from engagement_ml.outcomes.first_purchase.limits import Limits
from engagement_ml.outcomes.first_purchase.timing import Rise

Rule = Literal[
    "declared",
    "declared control",
    "not converged",
    "not identified",
    "passed",
    "hidden cause",
    "too few others",
    "prepared",
    "close",
    "step of buying",
    "checks",
    "unstable",
    "preparation only",
    "correlated only",
    "below smallest effect",
    "inconclusive",
]

ONE_SIDED_95 = 1.645
"""Standard errors of a one-sided 95% bound."""


@dataclass(frozen=True)
class Verdict:
    """A verdict and the rule that led to it."""

    verdict: VerdictCode
    rule: Rule


def judge(finding: Finding, thresholds: Thresholds, limits: Limits) -> Verdict:
    """Give a behaviour its verdict on the first purchase.

    Preparation is the rule: prospects who have decided to buy do more of many things. So `driver`
    and `harmful` need evidence of before the days of preparation that withstands every test; all
    else that precedes a purchase is `unverifiable`.
    """
    obstacle = _obstacle(finding)
    if obstacle is not None:
        return obstacle
    if abs(finding.z) >= thresholds.min_z:
        objection = _objection(finding, thresholds, limits)
        if objection is not None:
            return Verdict("unverifiable", objection)
        return _of_passing(finding) or _of_failing(finding, thresholds)
    if abs(finding.uncorrected_z) >= thresholds.min_z:
        return Verdict("unverifiable", "hidden cause")
    return _of_failing(finding, thresholds)


def _obstacle(finding: Finding) -> Verdict | None:
    """Return the verdict if the evidence does not matter or there is none."""
    if finding.role == "consequence":
        return Verdict("consequence", "declared")
    if finding.role == "negative_control":
        return Verdict("inert", "declared control")
    if not finding.converged:
        return Verdict("unverifiable", "not converged")
    if not np.isfinite(finding.size.high - finding.size.low):
        return Verdict("unverifiable", "not identified")
    return None


def _objection(finding: Finding, thresholds: Thresholds, limits: Limits) -> Rule | None:
    """Return the first reason why evidence that is strong enough is not enough; None without."""
    sign = np.sign(finding.z)
    near, error = finding.close
    further = limits.max_close_ratio * abs(finding.largest)
    ratio = max(abs(np.log(finding.ratio[0])), abs(finding.largest))
    stable = all(sign * z >= thresholds.min_half_z for z in finding.half_z)
    objections: tuple[tuple[Rule, bool], ...] = (
        ("too few others", finding.n_others < limits.min_others),
        ("prepared", has_risen(finding.rises, finding.z, finding.largest, limits)),
        ("close", bool(sign * near - further >= limits.max_close_z * error)),
        ("step of buying", bool(ratio >= np.log(limits.max_ratio))),
        ("checks", bool(finding.failed)),
        ("unstable", not stable or finding.frequency < thresholds.min_bootstrap_share),
    )
    return next((rule for rule, applies in objections if applies), None)


def _of_passing(finding: Finding) -> Verdict | None:
    low, high = finding.size.low, finding.size.high
    if abs(finding.size.effect) * finding.std < finding.min_effect:
        return None
    if finding.z > 0 and low > 0:
        return Verdict("driver", "passed")
    if finding.z < 0 and high < 0:
        return Verdict("harmful", "passed")
    return None


def has_risen(rises: Sequence[Rise], z: float, largest: float, limits: Limits) -> bool:
    """Return whether the chance to buy has risen before the event, or may have by much.

    Parameters
    ----------
    rises : sequence of Rise
    z : float
        Of the effect.
    largest : float
        Largest log hazard ratio of the event, which the rise is compared with.
    limits : Limits
    """
    size = abs(largest)
    for rise in rises:
        value = np.sign(z) * rise.value
        clear = value / max(rise.error, 1e-12) >= limits.max_rise_z
        if clear and value >= limits.max_rise_share * size:
            return True
        if value + ONE_SIDED_95 * rise.error >= limits.certain_rise_share * size:
            return True
    return False


def _of_failing(finding: Finding, thresholds: Thresholds) -> Verdict:
    std, least = finding.std, finding.min_effect
    within = max(abs(finding.z), abs(finding.uncorrected_z))
    if abs(finding.close_z) >= thresholds.min_z:
        return Verdict("unverifiable", "preparation only")
    low, high = finding.size.low * std, finding.size.high * std
    if std > 0 and -least <= low and high <= least:
        return Verdict("inert", "below smallest effect")
    correlated = finding.naive.z >= thresholds.vanity_z and finding.naive.slope > 0
    silent = within < thresholds.hint_z and abs(finding.close_z) < thresholds.hint_z
    refuted = np.log(finding.ratio[2]) < thresholds.vanity_share * finding.naive.slope
    if correlated and silent and refuted:
        return Verdict("vanity", "correlated only")
    return Verdict("unverifiable", "inconclusive")
