"""Sentences behind the verdicts on a survey's score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.formatting import Money, listed, number, plural, quantity
from engagement_ml.scorecard.surveys.evidence import ScoreEvidence
from engagement_ml.scorecard.surveys.finding import Rule

CONTRASTS = {
    "last": "when the last score is one point higher than usual",
    "change": "when the score rises by one point from one answer to the next",
    "promoter": "after a promoter's answer",
    "detractor": "after a detractor's answer",
}
_MAX_NAMED = 3


@dataclass(frozen=True)
class Wording:
    """How sentences call customers, money and behaviours."""

    entity: str
    money: Money
    labels: Mapping[str, str]
    outcome_days: int

    @classmethod
    def of(cls, config: PipelineConfig) -> Wording:
        """Take the words from a configuration."""
        labels = {name: b.label for name, b in config.behaviours.items() if b.label}
        days = config.windows.outcome_days
        return cls(config.entity, Money(config.currency), labels, days)

    @property
    def entities(self) -> str:
        """Plural of the entity."""
        return plural(self.entity)


def explain(evidence: ScoreEvidence, wording: Wording) -> str:
    """Return the sentence behind a verdict, and what would tell if the data cannot."""
    sentence = _SENTENCES[evidence.verdict.rule](evidence, wording)
    more = evidence.more_people
    if more is None:
        return sentence
    if evidence.verdict.rule == "few answers":
        return f"{sentence}: {_rounded(more)} more at least"
    smallest = wording.money(evidence.finding.smallest)
    return (
        f"{sentence}; about {_rounded(more)} more {wording.entities} with two answers would narrow "
        f"the interval to the smallest effect of interest ({smallest} for one standard deviation)"
    )


def _change(evidence: ScoreEvidence, wording: Wording) -> str:
    effect = evidence.finding.effect
    assert effect is not None
    low, high = effect.interval
    amount = wording.money.estimate(effect.effect, low, high)
    return (
        f"within {wording.entities}, {CONTRASTS[evidence.finding.form]}, margin in the "
        f"{wording.outcome_days} days after the answer changes by {amount}"
    )


def _few(evidence: ScoreEvidence, wording: Wording) -> str:
    people = 0 if evidence.finding.effect is None else evidence.finding.effect.people
    needed = THRESHOLDS.min_buyers
    return (
        f"only {quantity(people, wording.entity)} with margin gave two different answers, and at "
        f"least {needed} are needed"
    )


def _unobserved(evidence: ScoreEvidence, wording: Wording) -> str:
    return (
        f"{_change(evidence, wording)}; but no behaviour is on record in which a mood that moves "
        "both would show; more answers would not tell, events of what they do would"
    )


def _before(evidence: ScoreEvidence, wording: Wording) -> str:
    named = sorted(evidence.finding.before, key=lambda b: -abs(evidence.finding.before[b]))
    names = listed(wording.labels.get(b, b) for b in named[:_MAX_NAMED])
    return (
        f"{_change(evidence, wording)}; but {wording.entities} who answer so did more or less of "
        f"{names} before they answered, so something that came before moves both; more answers "
        "would not tell"
    )


def _explained(evidence: ScoreEvidence, wording: Wording) -> str:
    left = evidence.finding.left
    rest = "could not be estimated" if left is None else f"has a z of {number(left, 1)}"
    return (
        f"{_change(evidence, wording)}; what remains given the recorded behaviours {rest}, so "
        f"what {wording.entities} do explains it; more answers would not tell"
    )


def _unstable(evidence: ScoreEvidence, wording: Wording) -> str:
    effect = evidence.finding.effect
    assert effect is not None
    share = number(100 * effect.pass_share, 0)
    return (
        f"unstable: {_change(evidence, wording)}, which passes in only {share}% of bootstrap "
        f"samples of {wording.entities}"
    )


def _passed(evidence: ScoreEvidence, wording: Wording) -> str:
    return (
        f"{_change(evidence, wording)}; margin before the answer is not associated with it, it "
        f"holds in both halves of the {wording.entities}, and it remains given their behaviours"
    )


def _follows(evidence: ScoreEvidence, wording: Wording) -> str:
    response = evidence.finding.response
    first, last = response.lag
    weeks = quantity(last, "week") if first == last else f"{first} to {quantity(last, 'week')}"
    points = number(response.points, 2, signed=True)
    return (
        f"it follows purchases: {weeks} after buying more than usual, the score is {points} points "
        "(per standard deviation of purchases), and margin after the answer is not clearly changed"
    )


def _correlated(evidence: ScoreEvidence, wording: Wording) -> str:
    rho = number(evidence.finding.between.spearman, 2, signed=True)
    return (
        f"across {wording.entities}, it is correlated with later margin (Spearman {rho}), but "
        f"{_change(evidence, wording)}"
    )


def _as_before(evidence: ScoreEvidence, wording: Wording) -> str:
    return (
        f"{_change(evidence, wording)}; but margin before the answer is associated with it as "
        "well, as a mood that moves both would make it, and what follows does not clearly exceed "
        "twice that; more answers would not tell"
    )


_SENTENCES: dict[Rule, Callable[[ScoreEvidence, Wording], str]] = {
    "few answers": _few,
    "not converged": lambda _, __: "the fit behind it did not converge, so it is no evidence",
    "no behaviours": _unobserved,
    "behaviours before": _before,
    "behaviours explain": _explained,
    "unstable": _unstable,
    "passed": _passed,
    "follows purchases": _follows,
    "correlated only": _correlated,
    "below smallest effect": lambda e, w: f"{_change(e, w)}, below the smallest effect of interest",
    "before as after": _as_before,
    "churn left out": lambda e, w: (
        f"{_change(e, w)} while they stay; whether the score moves churn, which ends margin, is "
        "not in this, and more answers would not tell"
    ),
    "inconclusive": lambda e, w: f"{_change(e, w)}, which is inconclusive",
}


def _rounded(n: int) -> str:
    digits = max(0, int(math.log10(max(n, 1))) - 1)
    return f"{round(n, -digits):,}"
