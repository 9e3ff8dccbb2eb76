"""Robustness to behaviours that may follow purchases a little: the joint fit without them."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import listed, percent


@dataclass(frozen=True)
class WeakFollowers:
    """Refits the effects without behaviours that past purchases predict, however weakly.

    Such a behaviour, if it is a consequence, takes part of the effect of what causes the purchases.
    """

    name: str = "without behaviours that may follow purchases"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do effects stay as large if behaviours that may follow purchases are left out?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether the joint fit holds any such behaviour beside a selected one."""
        return bool(self._left_out(context)) and bool(self._kept(context))

    def run(self, context: CheckContext) -> CheckResult:
        """Compare log-linear effects with and without them."""
        study, main = context.study, context.estimates.main
        assert main is not None
        left_out, selected = self._left_out(context), self._kept(context)
        ratios = {}
        together = tuple(b for b in main.behaviours if b not in left_out)
        fits = [
            estimate_lag_effects(
                study.periods, names, study.lags, burn_in=study.spans.burn_in, group=study.groups
            )
            for names in (main.behaviours, together)
        ]
        if not all(fit.converged for fit in fits):
            return CheckResult("the fit without them did not converge", False)
        for b in selected:
            with_all, without = (
                estimate_window_effect(fit, fit.behaviours.index(b), seed=study.seed).effect
                for fit in fits
            )
            ratios[b] = without / with_all if with_all else 1.0
        limit = study.thresholds.max_effect_change
        moved = [b for b, ratio in ratios.items() if abs(ratio - 1.0) > limit]
        largest = max(ratios.values(), key=lambda ratio: abs(ratio - 1.0))
        others = listed(context.labels(left_out))
        value = f"without {others}, effects change by at most {percent(abs(largest - 1.0))}"
        if moved:
            value += f"; more than {percent(limit)}: {listed(context.labels(moved))}"
        return CheckResult(value=value, passed=not moved)

    def _left_out(self, context: CheckContext) -> tuple[str, ...]:
        main = context.estimates.main
        if main is None or not context.within_periods:
            return ()
        return tuple(
            b
            for b in main.behaviours
            if b not in context.selected and context.findings[b].purchase_response.follows
        )

    def _kept(self, context: CheckContext) -> tuple[str, ...]:
        main = context.estimates.main
        return () if main is None else tuple(b for b in context.selected if b in main.behaviours)
