"""Placebos and other attempts to make the method name something it should not."""

from __future__ import annotations

from typing import Any

import numpy as np

from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.drivers.verdicts import LEAST_Z, Finding
from engagement_ml.features.period_panel import Periods


def placebo_behaviours(
    periods: Periods, spans: Spans, behaviours: tuple[str, ...], *, seed: int
) -> CheckRow:
    """Shuffle behaviours in time within each entity and look for effects: there must be none.

    A shuffled behaviour keeps how much each entity does of it, and loses when.
    """
    rng = np.random.default_rng([seed, 3])
    columns = [periods.behaviours.index(b) for b in behaviours]
    counts = periods.counts[..., columns].copy()
    n_periods = counts.shape[1]
    t = np.arange(n_periods)[None, :]
    there = (t >= periods.entry[:, None]) & (t < periods.exit[:, None])
    for k in range(counts.shape[2]):
        # Entities' own periods are permuted among themselves; the others stay where they are.
        order = np.argsort(np.where(there, rng.random(there.shape), t + 2.0 * n_periods), axis=1)
        place = np.argsort(np.where(there, t, t + 2.0 * n_periods), axis=1)
        shuffled = np.take_along_axis(counts[..., k], order, axis=1)
        np.put_along_axis(counts[..., k], place, shuffled, axis=1)
    fake = _with_counts(periods, behaviours, counts)
    effects = estimate_lag_effects(fake, behaviours, spans.lags, burn_in=spans.burn_in)
    z = [
        max_z(effects.coef[b], effects.covariance(b), effects.lags) for b in range(len(behaviours))
    ]
    worst = float(np.max(np.abs(z))) if z else 0.0
    return CheckRow(
        name="placebo behaviours",
        question=f"Do {len(behaviours)} behaviours shuffled within entities show an effect?",
        result=f"largest |z| {worst:.1f}, where a driver needs {LEAST_Z:.0f}",
        passed=worst < LEAST_Z,
    )


def _with_counts(periods: Periods, behaviours: tuple[str, ...], counts: Any) -> Periods:
    from dataclasses import replace

    return replace(periods, behaviours=behaviours, counts=counts)


def placebo_outcome(findings: list[Finding], selected: tuple[str, ...]) -> CheckRow:
    """Ask of each selected behaviour whether margin before it foretells it."""
    answers = {f.behaviour: f.response for f in findings if f.behaviour in selected}
    strongest = max((abs(a.strength) for a in answers.values()), default=0.0)
    failed = [b for b, a in answers.items() if a.responds]
    return CheckRow(
        name="placebo outcome",
        question="Does past margin foretell the chosen behaviours, as a hidden cause would?",
        result="largest change of their rate per standard deviation of past purchases "
        f"{strongest:.1%}"
        + (f"; {', '.join(failed)} does, and was held to a stricter test" if failed else ""),
        passed=not failed,
    )
