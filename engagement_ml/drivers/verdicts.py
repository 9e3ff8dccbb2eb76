"""From the evidence on a behaviour to a verdict, and one sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml.drivers.association import Association
from engagement_ml.drivers.effects import WithinEffect
from engagement_ml.drivers.response import Response

LEAST_Z = 4.0
"""z that the within-entity evidence must reach: 12 behaviours, four lag profiles each, one in 500."""

LEAST_HALF_Z = 2.0
"""z that it must reach in either half of the entities."""

_GOES_WITH_Z = 4.0
_VANITY_SHARE = 0.5


@dataclass(frozen=True)
class Finding:
    """All that is known of one behaviour before a verdict.

    Attributes
    ----------
    behaviour, role : str
    within : WithinEffect or None
        None where no within-entity evidence could be had.
    half_z : (float, float)
        Its z in either half of the entities.
    association : Association
    response : Response
    lead_z : float or None
        For a behaviour that answers to purchases: z of what follows it over what precedes it.
    cost : float
        Of serving one event.
    smallest : float
        The effect of one standard deviation that is worth having, in currency.
    """

    behaviour: str
    role: str
    within: WithinEffect | None
    half_z: tuple[float, float]
    association: Association
    response: Response
    lead_z: float | None
    cost: float
    smallest: float

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
    within, response = finding.within, finding.response
    if within is None or not np.isfinite(within.high - within.low):
        return Verdict(
            "unverifiable", f"{words.across}; no within-{entity} change to learn from; {advice}"
        )
    spread = finding.association.spread
    low, high = (bound * spread for bound in finding.bounds)
    worth = finding.effect * spread
    replicated = all(np.sign(within.z) * z >= LEAST_HALF_Z for z in finding.half_z)
    followed = finding.lead_z is None or np.sign(within.z) * finding.lead_z >= LEAST_Z
    certain = abs(within.z) >= LEAST_Z and replicated and followed
    if certain and low > 0 and worth >= finding.smallest:
        return Verdict(
            "driver", f"{words.within}; {words.answer}it holds in both halves of the {entity}s"
        )
    if response.responds:
        return Verdict("consequence", words.response)
    if certain and high < 0 and -worth >= finding.smallest:
        return Verdict("harmful", f"{words.within}; it holds in both halves of the {entity}s")
    goes_with = finding.association.z >= _GOES_WITH_Z and finding.association.slope > 0
    claimed = finding.association.slope * spread
    if (
        goes_with
        and worth < finding.smallest * 2
        and high < max(_VANITY_SHARE * claimed, finding.smallest)
    ):
        return Verdict("vanity", f"{words.across}, but {words.nothing}")
    if -finding.smallest <= low and high <= finding.smallest:
        return Verdict("inert", f"{words.nothing}: less than is worth having")
    return Verdict("unverifiable", f"{words.nothing}, an interval too wide to tell; {advice}")


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
            f"when a {self.entity} does more of it than usual, margin afterwards is {direction} than "
            f"usual: {_money(self.finding.effect)} {self.currency} per event ({self._interval}), "
            f"z {z:.1f}"
        )

    @property
    def nothing(self) -> str:
        return (
            f"when a {self.entity} does more of it than usual, margin afterwards changes by "
            f"{_money(self.finding.effect)} {self.currency} per event ({self._interval})"
        )

    @property
    def answer(self) -> str:
        if self.finding.lead_z is None:
            return ""
        return "it answers to purchases too, but more margin follows it than precedes it; "

    @property
    def response(self) -> str:
        answer = self.finding.response
        direction = "more" if answer.strength > 0 else "less"
        first, last = answer.lag
        when = f"{first}" if first == last else f"{first} to {last}"
        return (
            f"it answers to purchases: {when} period(s) after a {self.entity} buys more than usual "
            f"there is {direction} of it ({answer.strength:+.0%} per standard deviation, "
            f"z {answer.z:.0f})"
        )


def _money(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
