"""Sentences behind verdicts on first purchases."""

from __future__ import annotations

import math
from collections.abc import Callable

from engagement_ml.formatting import decimals_for, listed, number, percent
from engagement_ml.outcomes.first_purchase.finding import Finding
from engagement_ml.outcomes.first_purchase.judging import Rule, Verdict

MAX_PER_ARM = 1e7
"""Prospects per arm beyond which a test of that size is no advice."""

_CHECKS = {
    "placebo series": "the series of like prospects say as much",
    "negative controls": "behaviours that cannot act say almost as much",
    "flexible controls": "it is lost if the other behaviours may act in any shape",
    "persistence": "it does not hold both early and late on record",
    "long before": "events of long before say as much, as a lasting trait does",
}


class Words:
    """What sentences need beside the finding.

    Parameters
    ----------
    outcome_days : int
    preparation : int
        Days before a purchase that are no evidence.
    chance : float
        Percent of prospects who buy within the outcome window.
    """

    def __init__(self, outcome_days: int, preparation: int, chance: float) -> None:
        self.outcome_days = outcome_days
        self.preparation = preparation
        self.chance = chance

    def estimate(self, finding: Finding) -> str:
        """Return the effect with its interval."""
        size = finding.size
        digits = decimals_for(size.effect, size.low, size.high)
        point, low, high = (
            number(value, digits, signed=True) for value in (size.effect, size.low, size.high)
        )
        return f"{point} percentage points per event ({low} to {high})"

    def test(self, finding: Finding) -> str:
        """Return what a randomised test would need, at the effect that is seen."""
        n = prospects_per_arm(self.chance / 100.0, finding.size.effect / 100.0)
        base = f"of {percent(self.chance / 100.0, 1)} who buy within {self.outcome_days} days"
        if n is None or n > MAX_PER_ARM:
            return f"a randomised test would tell, at a base rate {base}"
        return (
            f"a randomised test with {number(n, 0)} prospects per arm, one event more in one of "
            f"them, would tell: 80% power at the effect seen and a base rate {base}"
        )


def prospects_per_arm(base: float, effect: float) -> int | None:
    """Return the prospects per arm for 80% power of a two-sided 5% test of two shares.

    ``n = (z_0.975 + z_0.8)² (p₀(1 − p₀) + p₁(1 − p₁)) / (p₁ − p₀)²`` (Fleiss, Levin and Paik 2003,
    without continuity correction); None if there is no difference.

    Parameters
    ----------
    base : float
        Share that buys without the event.
    effect : float
        Difference of the shares.

    Examples
    --------
    >>> prospects_per_arm(0.10, 0.02)
    3839
    """
    with_event = min(max(base + effect, 0.0), 1.0)
    if with_event == base or not math.isfinite(effect):
        return None
    z = 1.959964 + 0.841621
    variance = base * (1.0 - base) + with_event * (1.0 - with_event)
    return math.ceil(z * z * variance / (with_event - base) ** 2)


def explain(verdict: Verdict, finding: Finding, words: Words) -> str:
    """Return the sentence behind a verdict."""
    return _SENTENCES[verdict.rule](finding, words)


def _passed(finding: Finding, words: Words) -> str:
    more = "more" if finding.size.effect > 0 else "fewer"
    return (
        f"after it, {more} prospects buy for the first time within {words.outcome_days} days: "
        f"{words.estimate(finding)}; it shows earlier than {words.preparation} days before a "
        "purchase, remains without what all behaviours have in common, and its timing is its own"
    )


def _hidden_cause(finding: Finding, words: Words) -> str:
    before, left = number(finding.uncorrected_z, 1), number(finding.z, 1)
    return (
        "it precedes purchases, but so do all behaviours that move together with it, as interest "
        f"that comes and goes would make them; without that its z falls from {before} to {left}; "
        f"{words.test(finding)}"
    )


def _too_few_others(finding: Finding, words: Words) -> str:
    return (
        f"it precedes purchases, but only {number(finding.n_others, 0)} other behaviours are there "
        f"to show whether prospects had decided to buy before; {words.test(finding)}"
    )


def _prepared(finding: Finding, words: Words) -> str:
    return (
        "it precedes purchases, but when it happens, what came before already shows a higher "
        "chance to buy, or may show it, as it does if the decision came first; "
        f"{words.test(finding)}"
    )


def _close(finding: Finding, words: Words) -> str:
    return (
        f"most of it lies in the last {words.preparation} days before a purchase, as preparation "
        f"does and an effect that fades does not; {words.test(finding)}"
    )


def _step(finding: Finding, words: Words) -> str:
    return (
        "prospects who do it are many times as likely to buy in the next days, as with a step of "
        f"buying itself; {words.test(finding)}"
    )


def _checks(finding: Finding, words: Words) -> str:
    objections = listed(_CHECKS[name] for name in finding.failed)
    return f"it precedes purchases, but {objections}; {words.test(finding)}"


def _unstable(finding: Finding, words: Words) -> str:
    share = percent(finding.frequency)
    return (
        f"it precedes purchases, but not in both random halves of the prospects, or in only "
        f"{share} of bootstrap samples; {words.test(finding)}"
    )


def _preparation_only(finding: Finding, words: Words) -> str:
    return (
        f"it precedes purchases in the last {words.preparation} days only, in which prospects who "
        f"have decided prepare; {words.test(finding)}"
    )


def _vanity(finding: Finding, words: Words) -> str:
    return (
        "prospects who do more of it buy more often, but not after they have done it: "
        f"{words.estimate(finding)}"
    )


def _inert(finding: Finding, words: Words) -> str:
    return (
        f"the chance to buy within {words.outcome_days} days hardly changes: "
        f"{words.estimate(finding)}"
    )


def _inconclusive(finding: Finding, words: Words) -> str:
    return (
        f"the interval is too wide to tell: {words.estimate(finding)}; more prospects, or "
        f"{words.test(finding)}"
    )


_SENTENCES: dict[Rule, Callable[[Finding, Words], str]] = {
    "declared": lambda *_: "declared as a consequence of purchases",
    "declared control": lambda *_: "declared as a negative control: it cannot act",
    "not converged": lambda *_: "the fit behind it did not converge, so it is no evidence",
    "not identified": lambda *_: "too few events before a purchase to learn from",
    "passed": _passed,
    "hidden cause": _hidden_cause,
    "too few others": _too_few_others,
    "prepared": _prepared,
    "close": _close,
    "step of buying": _step,
    "checks": _checks,
    "unstable": _unstable,
    "preparation only": _preparation_only,
    "correlated only": _vanity,
    "below smallest effect": _inert,
    "inconclusive": _inconclusive,
}
