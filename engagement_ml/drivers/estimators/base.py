"""The protocol of an estimation strategy, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from engagement_ml.drivers.decision import Candidates, Selection
from engagement_ml.drivers.estimation.common_factor import FactorBias
from engagement_ml.drivers.estimation.event_study import EventStudyFit, LeadTest
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.estimation.window_effect import WindowEffect, add_model_uncertainty
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.retention.churn_effects import ChurnFit
from engagement_ml.drivers.retention.exit_pattern import ExitPattern
from engagement_ml.drivers.retention.lifetime import RetentionEffect
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class RetentionEstimates:
    """What only effects on churn have.

    Attributes
    ----------
    pattern : ExitPattern
        What leavers have in common before churn.
    notice_only : frozenset of str
        Behaviours whose association with churn lies in the notice period.
    effects : mapping of behaviour to RetentionEffect
        Hazard ratios and worth over the lifetime.
    fit : ChurnFit
        The joint fit, before a common state is removed.
    corrected : bool
        Whether the effects are corrected for a common state.
    """

    pattern: ExitPattern
    notice_only: frozenset[str]
    effects: Mapping[str, RetentionEffect]
    fit: ChurnFit
    corrected: bool


@dataclass(frozen=True)
class Estimates:
    """Within-customer estimates of every behaviour.

    Attributes
    ----------
    within : mapping of behaviour to WindowEffect
        Empty if nothing is identified.
    main : LagEffects or None
        The joint fit of all behaviours that do not follow purchases.
    responses : mapping of behaviour to PurchaseResponse
        How each behaviour follows purchases.
    half_z : mapping of behaviour to (z, z)
        z in each random half of the customers.
    leads : mapping of behaviour to LeadTest
        Margin after an event compared with margin before it.
    factors : mapping of behaviour to FactorBias
        Of the behaviours that share a hidden cause: their effects are corrected for it.
    uncorrected_z : mapping of behaviour to float
        z before that correction.
    event_study : EventStudyFit or None
        Leads and lags of the behaviours of the joint fit.
    total_z : mapping of behaviour to float
        z of margin in the same period and in the next ones together.
    lasting_z : mapping of behaviour to float
        z of margin after the first two weeks; only of sequences.
    converged : bool
        Whether all fits behind the estimates converged.
    turning : mapping of behaviour to Turning
        Of the behaviours whose response turns.
    retention : RetentionEstimates or None
        What only effects on churn have; None if churn is no event.
    """

    within: Mapping[str, WindowEffect] = field(default_factory=dict)
    main: LagEffects | None = None
    responses: Mapping[str, PurchaseResponse] = field(default_factory=dict)
    half_z: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    leads: Mapping[str, LeadTest] = field(default_factory=dict)
    factors: Mapping[str, FactorBias] = field(default_factory=dict)
    uncorrected_z: Mapping[str, float] = field(default_factory=dict)
    event_study: EventStudyFit | None = None
    total_z: Mapping[str, float] = field(default_factory=dict)
    lasting_z: Mapping[str, float] = field(default_factory=dict)
    converged: bool = True
    turning: Mapping[str, Turning] = field(default_factory=dict)
    retention: RetentionEstimates | None = None

    @property
    def apart(self) -> frozenset[str]:
        """Behaviours whose effect is not of the joint fit, because they may follow purchases."""
        joint = () if self.main is None else self.main.behaviours
        return frozenset(self.within) - frozenset(joint)


class Estimator(Protocol):
    """Estimates effects from one kind of evidence, and selects behaviours on it."""

    @property
    def within_periods(self) -> bool:
        """Whether effects come from margin per period, which period-wise checks need."""

    def obstacle(self, study: Study) -> Obstacle | None:
        """Return why effects are not identified, or None."""

    def estimate(self, study: Study) -> Estimates:
        """Estimate every behaviour's effect; called only without an obstacle."""

    def select(self, study: Study, candidates: Candidates) -> Selection:
        """Select behaviours among the candidates and weight them."""


def with_model_error(estimates: Estimates, study: Study) -> Estimates:
    """Widen every interval by the errors of functional form and of the level of margin."""
    form_error, level_error = study.thresholds.form_error, study.level_error
    within = {
        b: add_model_uncertainty(effect, form_error, level_error, (study.seed, 8, i))
        for i, (b, effect) in enumerate(sorted(estimates.within.items()))
    }
    return replace(estimates, within=within)
