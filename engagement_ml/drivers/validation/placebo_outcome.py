"""Negative-control outcome: margin before a behaviour, which it cannot have moved.

A hidden cause that moves behaviour and margin together moves margin before the event as well. Given
the customer's own past, purchases and behaviour both, margin of the periods before an event should
be as usual (Lipsitch, Tchetgen Tchetgen and Cohen 2010). A cause that precedes both, such as the
preparation of a purchase, leaves no such trace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import LagGroups
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.reverse_causality import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.validation.score_test import ScoreTest
from engagement_ml.formatting import listed, number, percent

_NEAR: LagGroups = ((1, 1), (2, 4))
"""Lags whose mean is compared with the mean of as many leads."""

_FAR: LagGroups = ((5, 12), (13, 26))


@dataclass(frozen=True)
class Precedence:
    """How much margin precedes a behaviour, compared with what follows it.

    Attributes
    ----------
    before, after : float
        Mean change of log margin per period in the four periods before and after one event.
    z : float
        Of `before`.
    """

    before: float
    after: float
    z: float
    thresholds: Thresholds = THRESHOLDS

    @property
    def share(self) -> float:
        """What precedes as a share of what follows; infinite if nothing follows."""
        return self.before / self.after if self.after else float(np.copysign(np.inf, self.before))

    @property
    def precedes(self) -> bool:
        """Whether margin before the behaviour is changed in the same direction, and by as much."""
        limits = self.thresholds
        return abs(self.z) >= limits.before_z and self.share >= limits.max_before_share


@dataclass(frozen=True)
class PlaceboOutcome:
    """Asks whether margin before a selected behaviour is as usual."""

    name: str = "placebo outcome"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        what = "behaviour" if len(context.selected) == 1 else "behaviours"
        return (
            f"Is margin before the selected {what} as usual, given past purchases? A hidden cause "
            "of both would show there, too."
        )

    def applies(self, context: CheckContext) -> bool:
        """Return whether observation selected any behaviour on margin per period."""
        return context.within_periods and bool(context.selected)

    def run(self, context: CheckContext) -> CheckResult:
        """Compare margin before and after each selected behaviour."""
        study, main = context.study, context.estimates.main
        names = context.selected if main is None else main.behaviours
        behaviours = tuple(dict.fromkeys((*context.selected, *names)))
        found = precedence(study, behaviours, context.selected)
        if found is None:
            return CheckResult("the model that tests it did not converge", None)
        shares = [
            f"{study.config.label(b)} {percent(each.share)} (z {number(each.z, 1)})"
            for b, each in found.items()
            if np.isfinite(each.share)
        ]
        precedes = context.labels([b for b, each in found.items() if each.precedes])
        verb = "has" if len(precedes) == 1 else "have"
        failed = f"; {listed(precedes)} {verb} too much before the event" if precedes else ""
        value = f"change of margin before the event, as a share of that after it: {listed(shares)}"
        return CheckResult(value + failed, not precedes)


def precedence(
    study: Study, behaviours: tuple[str, ...], probes: tuple[str, ...]
) -> dict[str, Precedence] | None:
    """Estimate the change of margin before and after some behaviours.

    Leads are tested in a fixed-effects Poisson model with the lags of the probes, the rolling
    counts of the other behaviours, counts of the same period and past purchases.

    Parameters
    ----------
    study : Study
    behaviours : tuple of str
        Those of the model.
    probes : tuple of str
        Those of them that are tested.

    Returns
    -------
    dict of probe to Precedence, or None
        None if the model did not converge.
    """
    periods, rolling = study.periods, study.rolling_counts(behaviours)
    n, n_periods = periods.gain.shape
    columns = [periods.behaviours.index(b) for b in probes]
    groups = (*_NEAR, *((a, b) for a, b in _FAR if a <= study.lags.longest))
    counts = np.ascontiguousarray(periods.counts[..., columns])
    lags = lagged_sums(counts, groups, periods.entry).reshape(n, n_periods, -1)
    others = [i for i, b in enumerate(behaviours) if b not in probes]
    design = [
        lags,
        rolling.counts[..., others],
        rolling.controls,
        lagged_purchases(periods, PURCHASE_LAGS),
    ]
    test = ScoreTest(
        rolling.gain,
        np.concatenate(design, axis=2),
        rolling.cells,
        study.groups,
        rolling.clusters,
    )
    if not test.converged:
        return None
    horizon = _NEAR[-1][1]
    leads = test.of(lagged_sums(counts, ((-horizon, -1),), periods.entry)[..., 0])
    width = np.array([b - a + 1 for a, b in _NEAR]) / horizon
    found = {}
    for k, b in enumerate(probes):
        near = test.coef[k * len(groups) : k * len(groups) + len(_NEAR)]
        found[b] = Precedence(
            float(leads.coef[k]), float(width @ near), float(leads.z[k]), study.thresholds
        )
    return found
