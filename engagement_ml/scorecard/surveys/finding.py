"""Evidence on one form of a score, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.scorecard.surveys.effect import ScoreEffect
from engagement_ml.scorecard.surveys.reverse import ScoreResponse

MIN_EXCESS_Z = 1.0
"""z by which what follows an answer must exceed twice what precedes it."""

MAX_BEFORE_SHARE = 0.2
"""Share of what follows an answer that what precedes it may reach, if that is beyond chance.

It is stricter than for behaviours: margin often follows a mood by some weeks.
"""

Rule = Literal[
    "few answers", "not converged", "no behaviours", "behaviours before", "behaviours explain",
    "unstable", "passed", "follows purchases", "correlated only", "below smallest effect",
    "before as after", "churn left out", "inconclusive",
]  # fmt: skip


@dataclass(frozen=True)
class Between:
    """What a comparison of customers says: later margin by the score.

    Attributes
    ----------
    spearman, z : float
    slope : float
        Currency per unit, over an outcome window.
    std : float
        Standard deviation of the value over answers.
    people : int
    """

    spearman: float
    z: float
    slope: float
    std: float
    people: int


@dataclass(frozen=True)
class ScoreFinding:
    """Evidence on one form of a score.

    Attributes
    ----------
    form : {"last", "change", "promoter", "detractor"}
    effect : ScoreEffect or None
        None if no customer has two answers.
    between : Between
    response : ScoreResponse
    smallest : float
        Smallest effect of interest, in currency over an outcome window.
    before : mapping of behaviour to float
        Behaviours that differ before the answer, with their z.
    pretrend : ScoreEffect or None
        Whose pre-trend tests count in place of the effect's own. A change of score has none of its
        own: in the weeks before it, the previous score still holds.
    n_behaviours : int
        Behaviours that were asked.
    left : float or None
        z that is left given them; None if that was not asked, or did not converge.
    without_churn : bool
        Whether margin ends with an event, so that the effect is that on customers who stay.
    """

    form: str
    effect: ScoreEffect | None
    between: Between
    response: ScoreResponse
    smallest: float
    before: Mapping[str, float] = field(default_factory=dict)
    pretrend: ScoreEffect | None = None
    n_behaviours: int = 0
    left: float | None = None
    without_churn: bool = False


@dataclass(frozen=True)
class ScoreVerdict:
    """A verdict in the words of the drivers, and the rule that gave it."""

    verdict: str
    rule: Rule


def passes(finding: ScoreFinding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether the evidence within customers passes its own tests."""
    effect = finding.effect
    if effect is None or not effect.converged or effect.people < thresholds.min_buyers:
        return False
    if abs(effect.z) < thresholds.min_z:
        return False
    sign = float(np.sign(effect.z))
    halves = all(sign * z >= thresholds.min_half_z for z in effect.half_z)
    return halves and leads_are_small(finding, thresholds)


def leads_are_small(finding: ScoreFinding, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Return whether what follows an answer clearly exceeds what precedes it (pre-trend test)."""
    effect = finding.effect
    if effect is None:
        return False
    sign = float(np.sign(effect.z))
    tested = finding.pretrend or effect
    follows = finding.response.follows
    strict = thresholds.min_lead_z_following
    difference = strict if follows else thresholds.min_lead_z
    opposite = strict if follows else thresholds.min_lead_z_opposite
    excess = thresholds.min_lead_excess_following if follows else MIN_EXCESS_Z
    for leads in tested.leads:
        if sign * leads.z_difference < difference or sign * leads.z_sum < opposite:
            return False
        if any(sign * z < excess for z in leads.excess_z):
            return False
        if any(
            abs(z) >= thresholds.before_z and abs(ratio) >= MAX_BEFORE_SHARE
            for z, ratio in zip(leads.before_z, leads.ratios, strict=True)
        ):
            return False
    return True


def judge(finding: ScoreFinding, thresholds: Thresholds = THRESHOLDS) -> ScoreVerdict:
    """Give a form of a score its verdict; the rules are in the order of `Rule`."""
    effect = finding.effect
    if effect is None or effect.people < thresholds.min_buyers:
        return ScoreVerdict("unverifiable", "few answers")
    if not effect.converged:
        return ScoreVerdict("unverifiable", "not converged")
    if passes(finding, thresholds):
        verdict = _of_passing(finding, effect, thresholds)
        if verdict is not None:
            return verdict
    if _only_follows(finding, effect):
        return ScoreVerdict("consequence", "follows purchases")
    return _of_failing(finding, effect, thresholds)


def _only_follows(finding: ScoreFinding, effect: ScoreEffect) -> bool:
    """Return whether purchases raise the score, and margin after it is not associated with it.

    A hidden mood that moves both shows before the answer as well as after it. Then the score
    follows nothing, so what precedes must exceed twice what follows.
    """
    side = -1.0 if finding.form == "detractor" else 1.0
    before = (finding.pretrend or effect).before_excess_z
    return finding.response.responds and side * before >= MIN_EXCESS_Z


def _of_passing(
    finding: ScoreFinding, effect: ScoreEffect, thresholds: Thresholds
) -> ScoreVerdict | None:
    low, high = effect.interval
    worth = abs(effect.effect) * finding.between.std >= finding.smallest
    if not worth or low <= 0 <= high:
        return None
    if not finding.n_behaviours:
        return ScoreVerdict("unverifiable", "no behaviours")
    if finding.before:
        return ScoreVerdict("unverifiable", "behaviours before")
    kept = max(thresholds.lost_share * abs(effect.z), thresholds.lost_min_z)
    if finding.left is None or np.sign(effect.z) * finding.left < kept:
        return ScoreVerdict("unverifiable", "behaviours explain")
    if effect.pass_share < thresholds.min_bootstrap_share:
        return ScoreVerdict("unverifiable", "unstable")
    return ScoreVerdict("driver" if low > 0 else "harmful", "passed")


def _of_failing(finding: ScoreFinding, effect: ScoreEffect, thresholds: Thresholds) -> ScoreVerdict:
    between = finding.between
    # A detractor is the mirror image of a score: what counts is the side of the correlation.
    side = float(np.sign(between.slope)) or 1.0
    low, high = sorted(side * bound * between.std for bound in effect.interval)
    naive = abs(between.slope) * between.std
    silent = abs(effect.z) < thresholds.hint_z
    correlated = abs(between.z) >= thresholds.vanity_z and between.z * side > 0
    small = side * effect.effect * between.std < thresholds.vanity_effect * finding.smallest
    refuted = high < max(thresholds.vanity_share * naive, finding.smallest)
    nothing: ScoreVerdict | None = None
    if silent and correlated and small and refuted:
        nothing = ScoreVerdict("vanity", "correlated only")
    elif between.std > 0 and -finding.smallest <= low and high <= finding.smallest:
        nothing = ScoreVerdict("inert", "below smallest effect")
    if nothing is not None:
        # That a score moves no margin of those who stay does not say that it keeps no customer.
        left_out = ScoreVerdict("unverifiable", "churn left out")
        return left_out if finding.without_churn else nothing
    if abs(effect.z) >= thresholds.min_z and not leads_are_small(finding, thresholds):
        return ScoreVerdict("unverifiable", "before as after")
    return ScoreVerdict("unverifiable", "inconclusive")
