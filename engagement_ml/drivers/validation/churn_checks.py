"""Robustness checks of effects on churn, by shape, time and distance.

After churn there is no later time, so there are no leads. What leads show of other effects, counts
of long before show here: a cause acts soon, a stable trait shows at any distance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array
from engagement_ml.drivers.estimators.base import RetentionEstimates
from engagement_ml.drivers.finding import Veto
from engagement_ml.drivers.retention.churn_stability import (
    N_QUARTERS,
    quarters,
    shares_by_group,
    z_long_before,
    z_with_steps,
)
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.validation.flexible_controls import FlexibleFit, step_indicators
from engagement_ml.drivers.validation.persistence import TURNS, Z_BOTH_TURNS
from engagement_ml.drivers.verdicts import passes_tests
from engagement_ml.formatting import listed


def _passing(context: CheckContext) -> list[str]:
    """Return the behaviours whose effect on churn passes the tests, without those tested."""
    if context.estimates.retention is None:
        return []
    findings, thresholds = context.findings, context.study.thresholds
    return [b for b in context.estimates.within if passes_tests(findings[b], thresholds)]


def _retention(context: CheckContext) -> RetentionEstimates:
    assert context.estimates.retention is not None
    return context.estimates.retention


def _result(
    context: CheckContext, n: int, vetoes: Mapping[str, Veto], kept: str, lost: str
) -> CheckResult:
    """Return a check's result: how many of n effects withstand it, and the vetoes of the rest."""
    shown = [b for b in vetoes if b not in context.tested]
    value = f"{n - len(vetoes)} of {n} {kept}"
    if shown:
        value += f"; {lost}: {listed(context.labels(shown))}"
    return CheckResult(value=value, passed=not shown, vetoes=vetoes)


@dataclass(frozen=True)
class ChurnFlexibleControls:
    """Refits effects on churn with step functions of the other behaviours; vetoes lost ones."""

    name: str = "flexible controls for churn"
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Does each effect on churn remain if the other behaviours may act in any shape?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether an effect on churn passes, and another behaviour may act."""
        return bool(_passing(context)) and len(self._acting(context)) >= 2

    def run(self, context: CheckContext) -> CheckResult:
        """Fit each passing behaviour with linear and with stepped controls."""
        thresholds, passing = context.study.thresholds, _passing(context)
        z = z_with_steps(_retention(context).fit, passing, self._acting(context), _steps)
        reason = (
            "it is lost if the other behaviours may act in any shape, so it reflects the "
            "saturation of another behaviour"
        )
        vetoes = {
            b: Veto(self.name, reason)
            for b, (linear, stepped) in z.items()
            if FlexibleFit(linear, stepped, thresholds).lost
        }
        return _result(context, len(passing), vetoes, "effects remain", "lost")

    def _acting(self, context: CheckContext) -> list[str]:
        within, least = context.estimates.within, context.study.thresholds.may_act_z
        return [b for b, effect in within.items() if abs(effect.z) >= least]


@dataclass(frozen=True)
class ChurnPersistence:
    """Compares effects on churn early and late in the history; vetoes those that ended."""

    name: str = "churn effects later and earlier"
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do the effects on churn last over the history?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether an effect on churn passes."""
        return bool(_passing(context))

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the effects in the quarters of the churned customers."""
        fit, passing = _retention(context).fit, _passing(context)
        profiles = {b: context.estimates.within[b].profile for b in passing}
        shares = shares_by_group(fit, profiles, quarters(fit), N_QUARTERS)
        least = context.study.thresholds.min_share_left
        vetoes = {}
        for b, each in shares.items():
            later = [each.over(range(turn, N_QUARTERS)) for turn in TURNS]
            if any(share + Z_BOTH_TURNS * error < least for share, error in later):
                vetoes[b] = Veto(self.name, "that held early in the history and has ended since")
        return _result(context, len(passing), vetoes, "effects last", "ended")


@dataclass(frozen=True)
class CountsLongBefore:
    """Uses counts of long before as negative controls; vetoes effects that they show as well."""

    name: str = "counts of long before"
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do recent events say more about churn than events of one window before them?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether an effect on churn passes."""
        return bool(_passing(context))

    def run(self, context: CheckContext) -> CheckResult:
        """Compare recent counts with those of one observation window before."""
        retention, passing = _retention(context), _passing(context)
        earlier = _earlier_counts(context.study, retention)
        thresholds = context.study.thresholds
        vetoes = {}
        for b in passing:
            sign = np.sign(context.estimates.within[b].z)
            before, contrast = z_long_before(retention.fit, earlier, b)
            if sign * before >= thresholds.min_half_z and sign * contrast < thresholds.min_lead_z:
                reason = "events of long before say as much, as a lasting trait does"
                vetoes[b] = Veto(self.name, reason)
        return _result(context, len(passing), vetoes, "effects fade", "shown by earlier events too")


def _earlier_counts(study: Study, retention: RetentionEstimates) -> Float32Array:
    """Return counts in as many periods before the lags of the fit, shape (N, B)."""
    fit = retention.fit
    first, last = fit.effects.lags.groups[0][0], fit.effects.lags.longest
    columns = [study.behaviours.index(b) for b in fit.effects.behaviours]
    lags = ((last + 1, 2 * last - first + 1),)
    cells, churned = fit.design.cells, fit.design.churned
    counts = recent_counts(study.periods, columns, lags, cells, churned, seed=study.seed)
    return np.asarray(counts[..., 0], dtype=np.float32)


def _steps(counts: Float32Array) -> Float32Array:
    steps = step_indicators(counts[None, :], np.ones((1, counts.size), dtype=np.bool_))
    return np.asarray(steps[0], dtype=np.float32)
