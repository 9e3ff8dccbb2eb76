"""Placebo tests: shuffled behaviours, and margin before the behaviour as an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import how_many, listed, number, percent, plural

_N_PROBES = 3


@dataclass(frozen=True)
class PlaceboBehaviours:
    """Shuffles behaviours in time within each customer; they must show no effect.

    A shuffled behaviour keeps how much each customer does of it, and loses when.
    """

    name: str = "placebo behaviours"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        n, entities = len(_probes(context)), plural(context.study.config.entity)
        verb = "Does" if n == 1 else "Do"
        behaviours = how_many(n, "behaviour")
        return f"{verb} {behaviours}, shuffled in time within {entities}, show an effect?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether within-customer effects on margin per period are identified."""
        return context.within_periods and any(
            finding.within is not None for finding in context.findings.values()
        )

    def run(self, context: CheckContext) -> CheckResult:
        """Estimate the effects of the selected and most correlated behaviours, shuffled."""
        z = largest_placebo_z(context.study, _probes(context))
        limit = context.study.thresholds.min_z
        return CheckResult(
            value=f"largest |z| {number(z, 1)}; a driver needs {number(limit)}",
            passed=z < limit,
        )


@dataclass(frozen=True)
class PlaceboOutcome:
    """Asks whether margin before a selected behaviour predicts it, as a hidden cause would."""

    name: str = "placebo outcome"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        what = "behaviour" if len(context.selected) == 1 else "behaviours"
        return f"Does past margin predict the selected {what}, as a hidden cause would?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether observation selected any behaviour on margin per period."""
        return context.within_periods and bool(context.selected)

    def run(self, context: CheckContext) -> CheckResult:
        """Compare how the selected behaviours follow purchases with the limit."""
        responses = {b: context.findings[b].purchase_response for b in context.selected}
        strongest = max(abs(response.strength) for response in responses.values())
        failed = context.labels([b for b, response in responses.items() if response.responds])
        verb = "does and was" if len(failed) == 1 else "do and were"
        stricter = f"; {listed(failed)} {verb} held to a stricter test" if failed else ""
        return CheckResult(
            value="largest change of their rate per standard deviation of past purchases "
            f"{percent(strongest, 1)}{stricter}",
            passed=not failed,
        )


def _probes(context: CheckContext) -> tuple[str, ...]:
    """Return the selected behaviours, then the most correlated ones, three in total."""
    associations = context.study.associations
    correlated = sorted(associations, key=lambda b: (-abs(associations[b].spearman), b))
    return tuple(dict.fromkeys((*context.selected, *correlated)))[:_N_PROBES]


def largest_placebo_z(study: Study, behaviours: tuple[str, ...]) -> float:
    """Return the largest absolute z of behaviours that are shuffled within each customer."""
    periods, spans = study.periods, study.spans
    shuffled = shuffle_within(periods, behaviours, seed=study.seed)
    effects = estimate_lag_effects(shuffled, behaviours, spans.lags, burn_in=spans.burn_in)
    z = [
        max_z(effects.coef[b], effects.covariance(b), effects.lags) for b in range(len(behaviours))
    ]
    return float(np.max(np.abs(z))) if z else 0.0


def shuffle_within(periods: Periods, behaviours: tuple[str, ...], *, seed: int) -> Periods:
    """Return the periods with some behaviours only, permuted in time within each customer.

    Periods outside a customer's own time stay where they are.
    """
    rng = np.random.default_rng([seed, 3])
    columns = [periods.behaviours.index(b) for b in behaviours]
    counts = periods.counts[..., columns].copy()
    n_periods = counts.shape[1]
    t = np.arange(n_periods)[None, :]
    at_risk = (t >= periods.entry[:, None]) & (t < periods.exit[:, None])
    for k in range(counts.shape[2]):
        order = np.argsort(
            np.where(at_risk, rng.random(at_risk.shape), t + 2.0 * n_periods), axis=1
        )
        place = np.argsort(np.where(at_risk, t, t + 2.0 * n_periods), axis=1)
        permuted = np.take_along_axis(counts[..., k], order, axis=1)
        np.put_along_axis(counts[..., k], place, permuted, axis=1)
    return replace(periods, behaviours=behaviours, counts=counts)
