"""The answers of an audit: pure decisions on estimates with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engagement_ml.evaluation.names import FULL, RFM
from engagement_ml.lifecycle.auditing.facts import Estimate, Facts, Measured

Predicts = Literal["yes", "no", "reversed", "not measured"]
BetterThanRfm = Literal["better", "no better", "worse", "not measured"]
Moves = Literal["yes", "weakly", "no", "reversed", "unclear", "not measured"]
Verdict = Literal[
    "suspiciously good",
    "reversed",
    "moves with margin",
    "moves little",
    "vanity",
    "no information",
    "unclear",
]


@dataclass(frozen=True)
class AuditThresholds:
    """Limits of an audit.

    Attributes
    ----------
    material : float
        Rank correlation of changes from which margin follows them enough to matter, even if
        changes of recency-frequency-monetary are followed as closely.
    leak : float
        Advantage over the full profit model, in rank correlation, beyond which a score has
        probably seen the outcomes: the model has all that is known before the cutoff.
    unchanged : float
        Share of customers with the same score at all cutoffs from which the scores were probably
        not computed at their dates.
    overlap : float
        Share of customers with a score below which the audit says whom it holds for.
    customers : int
        Customers below which the audit says that there are few.
    dates : int
        Days with scores that a change needs.
    old_days : float
        Age of scores at the cutoffs, in days, from which the audit says that it matters.
    """

    material: float = 0.1
    leak: float = 0.05
    unchanged: float = 0.98
    overlap: float = 0.5
    customers: int = 200
    dates: int = 2
    old_days: float = 7.0


THRESHOLDS = AuditThresholds()


@dataclass(frozen=True)
class Judgement:
    """The answers of an audit.

    Attributes
    ----------
    verdict : str
        The answer in one or two words.
    predicts, better_than_rfm, moves : str
    beyond_rfm : bool or None
        Whether the score tells of margin what recency, frequency and monetary value do not.
    leaks : bool
        Whether the score beats the full profit model beyond plausibility.
    copied : bool
        Whether the score is the same at all dates, for nearly all customers.
    """

    verdict: Verdict
    predicts: Predicts
    better_than_rfm: BetterThanRfm
    moves: Moves
    beyond_rfm: bool | None
    leaks: bool
    copied: bool


def judge(facts: Facts, thresholds: AuditThresholds = THRESHOLDS) -> Judgement:
    """Return the answers that the facts allow.

    A score moves with margin if changes of the score are followed by changes of margin: closely
    enough to matter, or more closely than changes of recency-frequency-monetary are. It is vanity
    if it predicts margin and the interval excludes that margin follows its changes enough to
    matter.

    Examples
    --------
    >>> at = Estimate(0.4, 0.35, 0.45)
    >>> likes = Measured(predicts=at, moves=Estimate(0.01, -0.03, 0.05))
    >>> judge(Facts("likes", "customer", "EUR", 84, 900, 900, (), (), likes, {}, {})).verdict
    'vanity'
    """
    predicts = _predicts(facts.score.predicts)
    moves = moves_of(facts.score, facts.leads.get(RFM), thresholds)
    leaks = _leaks(facts.leads.get(FULL), thresholds)
    copied = facts.unchanged is not None and facts.unchanged >= thresholds.unchanged
    beyond = facts.score.beyond_rfm
    return Judgement(
        verdict=_verdict(predicts, moves, leaks=leaks),
        predicts=predicts,
        better_than_rfm=_better(facts.leads.get(RFM)),
        moves=moves,
        beyond_rfm=None if beyond is None else beyond.low > 0,
        leaks=leaks,
        copied=copied,
    )


def _verdict(predicts: Predicts, moves: Moves, *, leaks: bool) -> Verdict:
    if leaks:
        return "suspiciously good"
    if predicts == "reversed":
        return "reversed"
    if moves == "yes":
        return "moves with margin"
    if moves == "weakly":
        return "moves little"
    if moves in ("no", "reversed"):
        return "vanity" if predicts == "yes" else "no information"
    return "unclear"


def _predicts(estimate: Estimate | None) -> Predicts:
    if estimate is None:
        return "not measured"
    return "yes" if estimate.low > 0 else "reversed" if estimate.high < 0 else "no"


def moves_of(
    measured: Measured, lead: Measured | None, thresholds: AuditThresholds = THRESHOLDS
) -> Moves:
    """Return whether margin follows changes of a score.

    Parameters
    ----------
    measured : Measured
    lead : Measured or None
        The score minus recency-frequency-monetary.
    thresholds : AuditThresholds, optional
    """
    estimate = measured.moves
    if estimate is None:
        return "not measured"
    if estimate.low > 0:
        ahead = lead is None or lead.moves is None or lead.moves.low > 0
        return "yes" if ahead or estimate.value >= thresholds.material else "weakly"
    if estimate.high < 0:
        return "reversed"
    return "no" if estimate.high < thresholds.material else "unclear"


def _better(lead: Measured | None) -> BetterThanRfm:
    if lead is None or lead.predicts is None:
        return "not measured"
    if lead.predicts.low > 0:
        return "better"
    return "worse" if lead.predicts.high < 0 else "no better"


def _leaks(lead: Measured | None, thresholds: AuditThresholds) -> bool:
    # Only between customers: changes of a good metric may beat those of the model's prediction.
    return lead is not None and lead.predicts is not None and lead.predicts.low > thresholds.leak
