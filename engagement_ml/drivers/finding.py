"""The evidence on one behaviour, and the verdict it leads to: codes and numbers, no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engagement_ml.drivers.estimation.common_factor import FactorBias
from engagement_ml.drivers.estimation.event_study import LeadTest
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.selection.cross_section import Association

VerdictCode = Literal["driver", "harmful", "vanity", "consequence", "inert", "unverifiable"]
FailedTest = Literal["z", "sign", "halves", "leads"]
Rule = Literal[
    "declared",
    "declared control",
    "not identified",
    "not converged",
    "hidden cause",
    "preparing",
    "targeted",
    "vetoed",
    "unstable",
    "passed",
    "follows purchases",
    "correlated only",
    "below smallest effect",
    "inconclusive",
    "test did not move it",
    "no events",
    "notice period",
]


BIASED: frozenset[Rule] = frozenset({"hidden cause", "preparing", "targeted", "vetoed"})
"""Rules that rest on a bias, which more data of the same kind would not remove."""


@dataclass(frozen=True)
class Veto:
    """A robustness check's objection to calling a behaviour a driver or harmful.

    Attributes
    ----------
    check : str
        Name of the check.
    reason : str
        A clause for the verdict's sentence.
    """

    check: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """The evidence on one behaviour.

    Attributes
    ----------
    behaviour, role : str
    within : WindowEffect or None
        None if no within-customer effect is identified.
    half_z : (float, float)
        z in each random half of the customers.
    association : Association
        The between-customer correlation.
    purchase_response : PurchaseResponse
        How the behaviour follows purchases.
    leads : LeadTest or None
        Margin after the event compared with margin before it; None if not tested.
    frequency : float
        Share of bootstrap samples of customers in which the behaviour passes.
    cost : float
        Cost of serving one event, in currency.
    min_effect : float
        Smallest effect of interest (SESOI) of one standard deviation, in currency.
    vetoes : tuple of Veto
    factor : FactorBias or None
        The part that a hidden cause explains, if the behaviour carries a common factor; `within`
        is corrected for it.
    uncorrected_z : float
        z before that correction.
    outbound : bool
        Whether the behaviour is an act of the company.
    total_z : float or None
        z of margin in the period of the event and in the next ones together; None if not known.
    converged : bool
        Whether all fits behind the finding converged.
    turning : Turning or None
        If the response rises up to an optimum and falls beyond it.
    notice_days : int
        Length of the notice period before churn, in days, if the behaviour's association with churn
        lies in it; else 0.
    apart : bool
        Whether the effect was estimated apart from the others, given past purchases, because the
        behaviour may follow them.
    lasting_z : float or None
        z of margin after the first two weeks, of a sequence; None for other behaviours.
    """

    behaviour: str
    role: str
    within: WindowEffect | None
    half_z: tuple[float, float]
    association: Association
    purchase_response: PurchaseResponse
    leads: LeadTest | None
    frequency: float
    cost: float
    min_effect: float
    vetoes: tuple[Veto, ...] = ()
    factor: FactorBias | None = None
    uncorrected_z: float = 0.0
    outbound: bool = False
    total_z: float | None = None
    converged: bool = True
    turning: Turning | None = None
    notice_days: int = 0
    apart: bool = False
    lasting_z: float | None = None

    @property
    def effect(self) -> float:
        """Effect per event, net of the cost of serving it; NaN if not identified."""
        return float("nan") if self.within is None else self.within.effect - self.cost

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95% interval of the net effect."""
        if self.within is None:
            return float("nan"), float("nan")
        return self.within.low - self.cost, self.within.high - self.cost

    @property
    def effect_per_sd(self) -> float:
        """Net effect of one standard deviation of the window count; NaN if not identified."""
        return self.effect * self.association.std


@dataclass(frozen=True)
class Verdict:
    """A verdict and the rule that led to it.

    Attributes
    ----------
    verdict : str
    rule : str
    failed : str or None
        The first test of the within-customer evidence that failed, if the verdict rests on it.
    """

    verdict: VerdictCode
    rule: Rule
    failed: FailedTest | None = None
