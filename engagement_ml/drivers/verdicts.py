"""From the evidence on a behaviour to a verdict, and one sentence that says why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.selection.cross_section import Association

LEAST_Z = 4.0
"""z that the within-entity evidence must reach; bootstraps ask for more in effect."""

LEAST_LEAD_Z = 5.0
"""z by which what follows a behaviour that answers to purchases must outdo what precedes it."""

LEAST_LEAD_Z_OTHERS = (2.0, 1.0)
"""The same for any other behaviour; the second where what precedes it is of the other sign."""

LEAST_FREQUENCY = 0.9
"""Share of bootstraps of entities in which a driver must pass again."""

LEAST_HALF_Z = 2.0
"""z that it must reach in either half of the entities."""

_HINT_Z = 3.5
_GOES_WITH_Z = 4.0
_VANITY_SHARE = 0.5


@dataclass(frozen=True)
class Finding:
    """All that is known of one behaviour before a verdict.

    Attributes
    ----------
    behaviour, role : str
    within : WindowEffect or None
        None where no within-entity evidence could be had.
    half_z : (float, float)
        Its z in either half of the entities.
    association : Association
    response : PurchaseResponse
    lead_z : (float, float) or None
        z of what follows it, less and plus what precedes it; None where that was not asked.
    frequency : float
        Share of bootstraps of entities in which it passes again.
    cost : float
        Of serving one event.
    smallest : float
        The effect of one standard deviation that is worth having, in currency.
    ended : date or None
        The day from which on the effect is gone, if it is.
    borrowed : bool
        Whether it is lost when the other behaviours may act in any shape.
    """

    behaviour: str
    role: str
    within: WindowEffect | None
    half_z: tuple[float, float]
    association: Association
    response: PurchaseResponse
    lead_z: tuple[float, float] | None
    frequency: float
    cost: float
    smallest: float
    ended: dt.date | None = None
    borrowed: bool = False

    @property
    def effect(self) -> float:
        """Effect per event net of the cost of serving it."""
        return float("nan") if self.within is None else self.within.effect - self.cost

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95% interval of the net effect."""
        if self.within is None:
            return float("nan"), float("nan")
        return self.within.low - self.cost, self.within.high - self.cost


@dataclass(frozen=True)
class Verdict:
    """A verdict and the sentence of evidence behind it."""

    verdict: str
    reason: str


def judge(finding: Finding, *, currency: str, entity: str, advice: str) -> Verdict:
    """Give a behaviour its verdict.

    Parameters
    ----------
    finding : Finding
    currency, entity : str
        For the sentence.
    advice : str
        What would tell where the data cannot.
    """
    words = _Words(finding, currency, entity)
    if finding.role == "consequence":
        return Verdict("consequence", "declared in the configuration to follow from purchases")
    if finding.within is None or not np.isfinite(finding.within.high - finding.within.low):
        return Verdict(
            "unverifiable", f"{words.across}; no within-{entity} change to learn from; {advice}"
        )
    if is_certain(finding):
        found = _of_certain(finding, words, advice)
        if found is not None:
            return found
    if finding.response.responds:
        return Verdict("consequence", words.response)
    return _of_nothing(finding, words, advice)


def is_certain(finding: Finding) -> bool:
    """Whether the within-entity evidence passes every test of its own.

    Strong enough over all entities and in either half of them; and, for a behaviour that answers to
    purchases, more goes with margin after it than before it.
    """
    if finding.within is None:
        return False
    return _missed(finding, "") is None


def _missed(finding: Finding, entity: str) -> str | None:
    """Say which test of the within-entity evidence fails first; None where all pass."""
    if finding.within is None:
        return None
    sign = np.sign(finding.within.z)
    if abs(finding.within.z) < LEAST_Z:
        return f"its z is {finding.within.z:.1f}, and {LEAST_Z:.0f} is needed"
    if sign != np.sign(finding.within.effect):
        return "its effect turns its sign with time"
    if not all(sign * z >= LEAST_HALF_Z for z in finding.half_z):
        return f"it does not show in both halves of the {entity}s"
    least = (LEAST_LEAD_Z,) * 2 if finding.response.responds else LEAST_LEAD_Z_OTHERS
    if finding.lead_z is not None and not all(
        sign * z >= bound for z, bound in zip(finding.lead_z, least, strict=True)
    ):
        return "margin goes with it before it as much as after it"
    return None


def _of_certain(finding: Finding, words: _Words, advice: str) -> Verdict | None:
    low, high = finding.bounds
    worth = finding.effect * finding.association.spread
    held = f"it holds in both halves of the {words.entity}s"
    if finding.borrowed:
        shape = "it is lost when the other behaviours may act in any shape: their bend, not its own"
        return Verdict("unverifiable", f"{words.nothing}; {shape}; {advice}")
    if finding.ended is not None:
        gone = f"that was so before {finding.ended}, and is gone since"
        return Verdict("unverifiable", f"{words.within}; {gone}; {advice}")
    if low > 0 and worth >= finding.smallest:
        if finding.frequency < LEAST_FREQUENCY:
            again = f"it passes again in only {finding.frequency:.0%} of bootstraps"
            return Verdict("unverifiable", f"unstable: {words.nothing}; {again}; {advice}")
        return Verdict("driver", f"{words.within}; {words.answer}{held}")
    if high < 0 and -worth >= finding.smallest and not finding.response.responds:
        return Verdict("harmful", f"{words.within}; {held}")
    return None


def _of_nothing(finding: Finding, words: _Words, advice: str) -> Verdict:
    spread = finding.association.spread
    low, high = (bound * spread for bound in finding.bounds)
    goes_with = finding.association.z >= _GOES_WITH_Z and finding.association.slope > 0
    claimed = finding.association.slope * spread
    small = finding.effect * spread < 2 * finding.smallest
    silent = abs(finding.within.z) < _HINT_Z if finding.within is not None else True
    if silent and goes_with and small and high < max(_VANITY_SHARE * claimed, finding.smallest):
        return Verdict("vanity", f"{words.across}, but {words.nothing}")
    if spread > 0 and -finding.smallest <= low and high <= finding.smallest:
        return Verdict("inert", f"{words.nothing}: less than is worth having")
    missed = _missed(finding, words.entity) or "it may be less than is worth having"
    doubt = "an interval too wide to tell" if silent else f"a hint: {missed}"
    return Verdict("unverifiable", f"{words.nothing}, {doubt}; {advice}")


class _Words:
    """The parts of the sentences."""

    def __init__(self, finding: Finding, currency: str, entity: str) -> None:
        self.finding, self.currency, self.entity = finding, currency, entity

    @property
    def across(self) -> str:
        rho = self.finding.association.spearman
        return f"across {self.entity}s its count goes with later margin (Spearman {rho:+.2f})"

    @property
    def _interval(self) -> str:
        low, high = self.finding.bounds
        return f"{_money(low)} to {_money(high)} {self.currency}"

    @property
    def within(self) -> str:
        z = self.finding.within.z if self.finding.within else 0.0
        direction = "more" if self.finding.effect > 0 else "less"
        return (
            f"when a {self.entity} does more of it than usual, margin afterwards is "
            f"{direction} than usual: {_money(self.finding.effect)} {self.currency} per event "
            f"({self._interval}), z {z:.1f}"
        )

    @property
    def nothing(self) -> str:
        return (
            f"when a {self.entity} does more of it than usual, margin afterwards changes by "
            f"{_money(self.finding.effect)} {self.currency} per event ({self._interval})"
        )

    @property
    def answer(self) -> str:
        if not self.finding.response.responds:
            return ""
        return "it answers to purchases too, but more margin follows it than precedes it; "

    @property
    def response(self) -> str:
        answer = self.finding.response
        direction = "more" if answer.strength > 0 else "less"
        first, last = answer.lag
        when = f"{first} to {last} periods" if last > first else f"{first} period"
        when += "s" if first == last and first > 1 else ""
        return (
            f"it answers to purchases: {when} after a {self.entity} buys more than usual "
            f"there is {direction} of it ({np.expm1(answer.strength):+.0%} per standard deviation, "
            f"z {answer.z:.0f})"
        )


def _money(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
