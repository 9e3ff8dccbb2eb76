"""The combined evidence of one behaviour's randomised tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.experiments import Estimate, ExperimentResult, combine, disagree
from engagement_ml.experiments.lifts import Z


@dataclass(frozen=True)
class ExperimentEvidence:
    """One behaviour's randomised tests, and what observation said of it.

    Attributes
    ----------
    results : tuple of ExperimentResult
        At least one.
    observed : Finding
    observed_verdict : Verdict
    """

    results: tuple[ExperimentResult, ...]
    observed: Finding
    observed_verdict: Verdict

    @property
    def effect(self) -> Estimate:
        """Margin per event before the cost of serving it: inverse-variance weighted mean."""
        return combine([r.found.effect for r in self.results])

    @property
    def n_customers(self) -> int:
        """Customers in all tests together."""
        return sum(r.found.n for r in self.results)

    @property
    def contradictory(self) -> bool:
        """Whether the tests disagree by more than chance allows."""
        return disagree([r.found.effect for r in self.results])

    def finding(self, seed: Sequence[int], n_draws: int) -> Finding:
        """Return the observed finding with the tested effect in place of the observed one.

        Parameters
        ----------
        seed : sequence of int
        n_draws : int
            Draws of the effect; normal on each side, as wide as the interval is on that side.
        """
        effect, within = self.effect, self.observed.within
        value = effect.value if math.isfinite(effect.value) else 0.0
        draws = np.full(n_draws, value)
        if effect.bounded:
            z = np.random.default_rng(seed).standard_normal(n_draws)
            up, down = (effect.high - value) / Z, (value - effect.low) / Z
            draws = value + z * np.where(z > 0, up, down)
        tested = WindowEffect(
            effect=value,
            low=effect.low,
            high=effect.high,
            z=value / effect.standard_error if effect.bounded else 0.0,
            profile=np.zeros(0) if within is None else within.profile,
            draws=draws,
        )
        return replace(self.observed, within=tested)

    def verdict(self, finding: Finding) -> Verdict:
        """Judge by the tests' interval, net of the cost of serving an event.

        `driver` and `harmful` if the whole interval lies on one side of zero and one standard
        deviation of the behaviour reaches the smallest effect of interest; `inert` if the interval
        lies within that; otherwise `unverifiable`.

        Parameters
        ----------
        finding : Finding
            As returned by `finding`.
        """
        std, min_effect = finding.association.std, finding.min_effect
        low, high = finding.bounds
        worth = finding.effect * std
        if not self.effect.bounded:
            return Verdict("unverifiable", "test did not move it")
        if std <= 0:
            return Verdict("unverifiable", "no events")
        if low > 0 and worth >= min_effect:
            return Verdict("driver", "passed")
        if high < 0 and -worth >= min_effect:
            return Verdict("harmful", "passed")
        if -min_effect <= low * std and high * std <= min_effect:
            return Verdict("inert", "below smallest effect")
        return Verdict("unverifiable", "inconclusive")

    def needed_customers(self, finding: Finding) -> float | None:
        """Return how many customers would make the interval conclusive; None if more do not help.

        The half width of the interval shrinks with the square root of the number of customers.
        """
        low, high = finding.bounds
        half_width = (high - low) / 2 * finding.association.std
        if self.contradictory or finding.min_effect <= 0 or half_width <= finding.min_effect:
            return None
        return (half_width / finding.min_effect) ** 2 * self.n_customers
