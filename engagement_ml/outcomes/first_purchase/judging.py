"""From the evidence on a behaviour to its verdict on the first purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engagement_ml.drivers.finding import VerdictCode
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.outcomes.first_purchase.finding import Finding
from engagement_ml.outcomes.first_purchase.limits import Limits

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


@dataclass(frozen=True)
class Verdict:
    """A verdict and the rule that led to it."""

    verdict: VerdictCode
    rule: Rule


def judge(finding: Finding, thresholds: Thresholds, limits: Limits) -> Verdict:
    """Give a behaviour its verdict on the first purchase.

    Preparation is the rule: whoever has decided to buy does more of many things. So `driver` and
    `harmful` need evidence of before the days of preparation that withstands every test; all else
    that precedes a purchase is `unverifiable`.
    """
    if finding.role == "consequence":
        return Verdict("consequence", "declared")
    if finding.role == "negative_control":
        return Verdict("inert", "declared control")
    if not finding.converged:
        return Verdict("unverifiable", "not converged")
    if not np.isfinite(finding.size.high - finding.size.low):
        return Verdict("unverifiable", "not identified")
    if abs(finding.z) >= thresholds.min_z:
        return _of_passing(finding, thresholds, limits)
    if abs(finding.uncorrected_z) >= thresholds.min_z:
        return Verdict("unverifiable", "hidden cause")
    return _of_failing(finding, thresholds)


def _of_passing(finding: Finding, thresholds: Thresholds, limits: Limits) -> Verdict:
    sign = np.sign(finding.z)
    if finding.n_others < limits.min_others:
        return Verdict("unverifiable", "too few others")
    if timing_is_not_its_own(finding, limits):
        return Verdict("unverifiable", "prepared")
    near, error = finding.close
    further = limits.max_close_ratio * abs(finding.largest)
    if sign * near - further >= limits.max_close_z * error:
        return Verdict("unverifiable", "close")
    if max(abs(np.log(finding.ratio[0])), abs(finding.largest)) >= np.log(limits.max_ratio):
        return Verdict("unverifiable", "step of buying")
    if finding.failed:
        return Verdict("unverifiable", "checks")
    stable = all(sign * z >= thresholds.min_half_z for z in finding.half_z)
    if not stable or finding.frequency < thresholds.min_bootstrap_share:
        return Verdict("unverifiable", "unstable")
    low, high = finding.size.low, finding.size.high
    worth = abs(finding.size.effect) * finding.std
    if sign > 0 and low > 0 and worth >= finding.min_effect:
        return Verdict("driver", "passed")
    if sign < 0 and high < 0 and worth >= finding.min_effect:
        return Verdict("harmful", "passed")
    return _of_failing(finding, thresholds)


def timing_is_not_its_own(finding: Finding, limits: Limits) -> bool:
    """Return whether the chance to buy has risen before the event, or may have by much."""
    rise, size = finding.rise, abs(finding.largest)
    value = np.sign(finding.z) * rise.value
    clear = value / max(rise.error, 1e-12) >= limits.max_rise_z
    if clear and value >= limits.max_rise_share * size:
        return True
    return bool(value + 1.645 * rise.error >= limits.certain_rise_share * size)


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
