"""What the randomised tests of one behaviour say together: effect, verdict and sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.verdicts import Finding, Verdict
from engagement_ml.experiments import Estimate, ExperimentResult, combine, disagree
from engagement_ml.experiments.lifts import Z


@dataclass(frozen=True)
class Trials:
    """One behaviour's tests, beside what observation said of it.

    Attributes
    ----------
    results : tuple of ExperimentResult
        At least one.
    observed : Finding
    observed_verdict : Verdict
    currency, entity : str
        For the sentence.
    """

    results: tuple[ExperimentResult, ...]
    observed: Finding
    observed_verdict: Verdict
    currency: str
    entity: str

    @property
    def effect(self) -> Estimate:
        """Margin per event before the cost of serving it, all tests together."""
        return combine([r.found.effect for r in self.results])

    def finding(self, seed: Sequence[int], n_draws: int) -> Finding:
        """Return the observed finding with the tested effect in the place of its own."""
        effect, within = self.effect, self.observed.within
        value = effect.value if math.isfinite(effect.value) else 0.0
        draws = np.full(n_draws, value)
        if effect.bounded:
            # Half a normal distribution on either side, as wide as the interval's side.
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
        """Judge by the test's interval, net of the cost of serving an event.

        `driver` and `harmful` where the whole interval lies on one side of nought and one standard
        deviation of the behaviour is worth having; `inert` where it lies within what is not worth
        having; else the test could not tell either.

        Parameters
        ----------
        finding : Finding
            What `finding` returned.
        """
        spread, smallest = finding.association.spread, finding.smallest
        low, high = finding.bounds
        worth = finding.effect * spread
        if not self.effect.bounded:
            said = f"{self._who} did not move it enough to tell what one more event does"
            return self._with_observed("unverifiable", said)
        if spread <= 0:
            said = f"{self._said(finding)}, but nobody did it in the observation windows"
            return self._with_observed("unverifiable", said)
        if low > 0 and worth >= smallest:
            return self._with_observed("driver", self._said(finding))
        if high < 0 and -worth >= smallest:
            return self._with_observed("harmful", self._said(finding))
        if -smallest <= low * spread and high * spread <= smallest:
            said = f"{self._said(finding)}: less than is worth having"
            return self._with_observed("inert", said)
        said = f"{self._said(finding)}, an interval too wide to tell{self._needed(finding)}"
        return self._with_observed("unverifiable", said)

    @property
    def _who(self) -> str:
        tests = len(self.results)
        who = "a randomised test" if tests == 1 else f"{tests} randomised tests"
        return f"{who} of {sum(r.found.n for r in self.results):,} {self.entity}s"

    @property
    def _disagree(self) -> bool:
        return disagree([r.found.effect for r in self.results])

    def _said(self, finding: Finding) -> str:
        days = sorted({r.days for r in self.results})
        over = f"{days[0]} days" if len(days) == 1 else f"{days[0]} to {days[-1]} days"
        low, high = finding.bounds
        sure = low > 0 or high < 0
        verb = "changes margin by" if not sure else "adds" if low > 0 else "takes"
        size = amount(abs(finding.effect) if sure else finding.effect)
        said = (
            f"{self._who}: one more event {verb} {size} {self.currency} over {over} "
            f"({amount(low)} to {amount(high)})"
        )
        if finding.cost > 0:
            said += f", net of the {amount(finding.cost)} that serving one costs"
        return said + (", the interval widened because they disagree" if self._disagree else "")

    def _needed(self, finding: Finding) -> str:
        low, high = finding.bounds
        half = (high - low) / 2 * finding.association.spread
        if self._disagree or finding.smallest <= 0 or half <= finding.smallest:
            return ""
        total = (half / finding.smallest) ** 2 * sum(r.found.n for r in self.results)
        digits = int(math.log10(total)) - 1
        return f"; some {round(total, -digits):,.0f} {self.entity}s would"

    def _with_observed(self, verdict: str, said: str) -> Verdict:
        observed = self.observed
        low, high = observed.bounds
        words = f"observation said {self.observed_verdict.verdict}"
        if math.isfinite(high - low):
            words += (
                f", {amount(observed.effect)} {self.currency} per event "
                f"({amount(low)} to {amount(high)})"
            )
        return Verdict(verdict, f"{said}; {words}")


def amount(value: float) -> str:
    """Return an amount as a sentence has it, two to three digits of it.

    Examples
    --------
    >>> amount(1234.5), amount(3.456), amount(-0.01234), amount(0.0)
    ('1,234', '3.46', '-0.012', '0.00')
    """
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 0.1 or size == 0:
        return f"{value:.2f}"
    return f"{value:.{min(1 - math.floor(math.log10(size)), 9)}f}"
