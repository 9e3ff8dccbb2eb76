"""Sentences that explain verdicts from observation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml.drivers.finding import FailedTest, Finding, Rule, Verdict
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.turning_explanations import explain_turning
from engagement_ml.drivers.validation.sensitivity import sample_size_per_arm
from engagement_ml.drivers.wording import Wording
from engagement_ml.formatting import decimals_for, listed, number, percent

_MAX_MORE_DAYS = 730  # beyond two years, "years of data" says enough
_MAX_NAMED = 3  # behaviours that a sentence names
_MAX_FACTOR = 20.0  # times the history; beyond that more history is no advice


def explain(
    verdict: Verdict,
    finding: Finding,
    wording: Wording,
    advice: str,
    thresholds: Thresholds = THRESHOLDS,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Return the sentence behind a verdict from observation.

    Parameters
    ----------
    verdict : Verdict
    finding : Finding
    wording : Wording
    advice : str
        What evidence would settle the question.
    thresholds : Thresholds
    labels : mapping of behaviour to str, optional
        Names for people to read.
    """
    write = _SENTENCES[verdict.rule]
    sentence = write(_Case(verdict, finding, wording, advice, thresholds, labels or {}))
    if finding.turning is None or verdict.rule in _WITHOUT_EFFECT:
        return sentence
    return f"{explain_turning(finding.turning)}; on average, {sentence}"


_WITHOUT_EFFECT = ("declared", "not identified", "follows purchases")
"""Rules whose verdict does not rest on the effect."""


@dataclass(frozen=True)
class _Case:
    """What a sentence is written from."""

    verdict: Verdict
    finding: Finding
    wording: Wording
    advice: str
    thresholds: Thresholds
    labels: Mapping[str, str]

    @property
    def correlated(self) -> str:
        rho = number(self.finding.association.spearman, 2, signed=True)
        across = f"across {self.wording.entities}"
        return f"{across}, its count correlates with later {self.wording.outcome} (Spearman {rho})"

    @property
    def estimate(self) -> str:
        low, high = self.finding.bounds
        money, decimals = self.wording.money, decimals_for(self.finding.effect, low, high)
        interval = money.spread(low, high, decimals)
        return f"{money(self.finding.effect, decimals)} per event ({interval})"

    @property
    def effect(self) -> str:
        direction = "higher" if self.finding.effect > 0 else "lower"
        outcome = self.wording.outcome
        return f"{self._more}, later {outcome} is {direction} than usual: {self.estimate}"

    @property
    def change(self) -> str:
        return f"{self._more}, later {self.wording.outcome} changes by {self.estimate}"

    @property
    def _more(self) -> str:
        return f"when a {self.wording.entity} does more of it than usual"


def _not_identified(case: _Case) -> str:
    no_change = f"no change within {case.wording.entities} to learn from"
    return f"{case.correlated}; {no_change}; {case.advice}"


def _vetoed(case: _Case) -> str:
    return "; ".join([case.effect, *(veto.reason for veto in case.finding.vetoes), case.advice])


def _not_converged(case: _Case) -> str:
    return f"the fit behind it did not converge, so it is no evidence; {case.advice}"


def _hidden_cause(case: _Case) -> str:
    factor, within = case.finding.factor, case.finding.within
    assert factor is not None
    assert within is not None
    others = listed(case.labels.get(b, b) for b in factor.together_with[:_MAX_NAMED])
    before, left = number(case.finding.uncorrected_z, 1), number(within.z, 1)
    return (
        f"within {case.wording.entities} it moves together with {others}, as a hidden cause would "
        f"make it (a life event, a spell of interest); once that is allowed for, its z falls from "
        f"{before} to {left}; {case.advice}"
    )


def _preparing(case: _Case) -> str:
    within = case.finding.within
    assert within is not None
    if within.misfit >= case.thresholds.max_misfit:
        outcome = case.wording.outcome
        timing = f"the timing of {outcome} after it is not that of an effect that fades"
    elif (
        case.finding.lasting_z is not None
        and case.finding.lasting_z < case.thresholds.min_lasting_z
    ):
        timing = f"{case.wording.outcome} is not clearly higher after the first two weeks"
    else:
        timing = f"{case.wording.entities} do less of it after a purchase"
    return (
        f"{case.effect}; but {timing}: it may be preparation of a purchase that comes anyway, "
        f"which timing cannot separate from an effect; {case.advice}"
    )


def _targeted(case: _Case) -> str:
    return (
        f"{_after_purchases(case)}: who gets it is picked by what the {case.wording.entity} bought "
        f"before, so its effect cannot be separated from the choice; {case.advice}"
    )


def _unstable(case: _Case) -> str:
    share = f"it passes in only {percent(case.finding.frequency)} of bootstrap samples"
    return f"unstable: {case.change}; {share}; {case.advice}"


def _passed(case: _Case) -> str:
    follows = case.finding.purchase_response.responds
    outcome = case.wording.outcome
    also = f"it also follows purchases, but more {outcome} follows it than precedes it; "
    halves = f"it holds in both halves of the {case.wording.entities}"
    return f"{case.effect}; {also if follows else ''}{halves}"


def _inconclusive(case: _Case) -> str:
    within = case.finding.within
    silent = within is None or abs(within.z) < case.thresholds.hint_z
    doubt = "which is inconclusive" if silent else f"which is only a hint: {_failed(case)}"
    return f"{case.change}, {doubt}; {case.advice}"


def _notice_period(case: _Case) -> str:
    left = f"{case.wording.entities} who leave differ in it only in the last"
    days = number(case.finding.notice_days)
    return f"{left} {days} days before leaving, as a decision already taken shows; {case.advice}"


def failed_clause(
    verdict: Verdict, finding: Finding, wording: Wording, thresholds: Thresholds = THRESHOLDS
) -> str:
    """Return which test the evidence on a behaviour failed, as a clause."""
    return _failed(_Case(verdict, finding, wording, "", thresholds, {}))


def _failed(case: _Case) -> str:
    z = 0.0 if case.finding.within is None else case.finding.within.z
    texts: dict[FailedTest | None, str] = {
        "z": f"its z is {number(z, 1)}, and {number(case.thresholds.min_z)} is needed",
        "sign": "its effect changes sign over the lags",
        "halves": f"it does not show in both halves of the {case.wording.entities}",
        "leads": f"{case.wording.outcome} before the event is associated with it as well, as a "
        "hidden cause would make it, and what follows does not clearly exceed twice that",
        None: "it may be below the smallest effect of interest",
    }
    return texts[case.verdict.failed]


def _follows_purchases(case: _Case) -> str:
    if case.finding.purchase_response.certain:
        return (
            f"it follows purchases at once: {case.wording.outcome} is higher in the same "
            f"{case.wording.period_name} and not after it"
        )
    return f"it follows purchases: {_after_purchases(case)}"


def _after_purchases(case: _Case) -> str:
    response, wording = case.finding.purchase_response, case.wording
    first, last = response.lag
    after = f"{first} to {wording.span(last)}" if last > first else wording.span(last)
    if last > first and wording.period_days % 7:
        after = f"{first * wording.period_days} to {wording.span(last)}"
    change = float(np.expm1(response.strength))
    direction = "more" if change > 0 else "less"
    return (
        f"{after} after buying more than usual, {wording.entities} do "
        f"{percent(abs(change))} {direction} of it (per standard deviation of purchases)"
    )


_SENTENCES: dict[Rule, Callable[[_Case], str]] = {
    "declared": lambda _: "declared in the configuration as a consequence of purchases",
    "declared control": lambda _: "declared in the configuration as a negative control",
    "not identified": _not_identified,
    "not converged": _not_converged,
    "hidden cause": _hidden_cause,
    "preparing": _preparing,
    "targeted": _targeted,
    "vetoed": _vetoed,
    "unstable": _unstable,
    "passed": _passed,
    "follows purchases": _follows_purchases,
    "correlated only": lambda case: f"{case.correlated}, but {case.change}",
    "below smallest effect": lambda case: f"{case.change}, below the smallest effect of interest",
    "inconclusive": _inconclusive,
    "notice period": _notice_period,
}


def advice(
    finding: Finding, study: Study, obstacle: Obstacle | None, *, biased: bool = False
) -> str:
    """Suggest what evidence would settle the question.

    More data of the same kind settle what chance left open. They do not settle what a hidden cause
    left open (`biased`): the interval would only close around the bias.
    """
    wording, margin = Wording.of(study), study.rows.margin
    std = float(margin.std()) if margin.size else 0.0
    needed = sample_size_per_arm(max(finding.min_effect, 1e-9), std) if std > 0 else math.inf
    experiment = (
        f"a randomised test that raises it by one standard deviation needs about "
        f"{_rounded(needed)} {wording.entities} per arm"
        if math.isfinite(needed)
        else "a randomised test would settle it"
    )
    if obstacle is not None or finding.within is None:
        why = "its count does not vary" if obstacle is None else explain_obstacle(obstacle, wording)
        return f"{why}; {experiment}"
    if biased:
        return f"more data of this kind would not tell; {experiment}"
    low, high = finding.bounds
    half_width = (high - low) / 2 * finding.association.std
    factor = (half_width / finding.min_effect) ** 2 if finding.min_effect > 0 else math.inf
    if 1 < factor < _MAX_FACTOR:
        more = math.ceil(study.periods.gain.shape[1] * (factor - 1))
        return f"{_more_data(more, wording)} or {experiment}"
    return experiment


def _more_data(periods: int, wording: Wording) -> str:
    if periods * wording.period_days > _MAX_MORE_DAYS:
        return "it takes years of such data"
    return f"about {wording.span(periods)} more of such data would settle it,"


def explain_obstacle(obstacle: Obstacle, wording: Wording) -> str:
    """Return why effects are not identified, as a clause."""
    found, needed = number(obstacle.found), number(obstacle.needed)
    days = f"periods of {obstacle.period_days} days"
    return {
        "periods": f"only {found} {days} of history, and at least {needed} are needed",
        "periods after a window": f"only {found} {days} after a whole observation window, and at "
        f"least {needed} are needed",
        "buyers": f"only {found} {wording.entities} with any {wording.outcome}, and at "
        f"least {needed} are needed",
        "repeat buyers": f"only {found} {wording.entities} have {wording.outcome} in more than one "
        f"period, and at least {needed} are needed",
        "churned": f"only {found} {wording.entities} churned, and at least {needed} are needed",
    }[obstacle.kind]


def _rounded(n: float) -> str:
    """Return a number with two significant digits."""
    digits = max(0, int(math.log10(max(n, 1))) - 1)
    return f"{int(round(n, -digits)):,}"
