"""Turning responses: a behaviour that helps up to a load, and harms beyond it.

The monotone response functions (`response_functions`) see the average slope of such a behaviour
only, and give it the wrong sign or size. The search for a turn has four steps:

1. *Screening.* One fit for all behaviours per memory of `SCREENING_MEMORIES`, with the load of each
   and its square. A behaviour goes on if its curve bends down and turns within the observed loads.
2. *Memory.* The length of the load's memory with the largest likelihood; all have as many terms.
3. *Form.* The average of a quadratic and a cubic curve, as long as the cubic turns once.
4. *Tests.* The bend is significant; a line up to the optimum rises and a line from there on falls,
   each significantly (Simonsohn 2018, two lines; a quadratic alone turns on any saturating
   response); enough customers were on both sides of the optimum; and the bend is not there before
   the events: the same curve of the future load bends less than half as much.

A hidden wave or a policy that reacts to purchases shows before the events as well, and a saturating
response has no falling line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_model import estimation_sample, tenure_dummies, winsorise
from engagement_ml.drivers.estimation.load_response import (
    LoadPanel,
    future_load,
    past_load,
    powers,
)
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.turning_test import (
    MemoryChoice,
    TurningTest,
    peak,
    scaled_likelihoods,
    turns_once,
    two_lines,
)
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods

MEMORIES = (1, 2, 3, 4, 6, 8, 12)
"""Lengths of the load's memory that are tried, in periods."""

SCREENING_MEMORIES = (2, 8)
"""Memories of the screening; a turn with any of `MEMORIES` shows with one of them."""

SCREENING_QUANTILE = 0.99
"""Quantile of the loads within which the screening's curve must turn."""

MEMORY_ENTITIES = 2000
"""Number of entities that decide the memory, roughly: the likelihoods lie far apart."""

MAX_LIKELIHOOD_GAP = 8.0
"""Loss of log-likelihood, in units of the dispersion, at which part of the customers rule out."""

MIN_WEIGHT = 0.01
"""Smallest share of the likelihood at which another memory adds to the uncertainty."""

NEAR_LAGS = 4
"""Last lag of the first of two groups of lags that control for the other behaviours."""

QUADRATIC, CUBIC = 2, 3


@dataclass(frozen=True)
class TurningSearch:
    """Searches the behaviours of one period panel for turning responses.

    Attributes
    ----------
    periods : Periods
    spans : Spans
    behaviours : tuple of str
        Fitted together.
    group : int array (n,), optional
        Entities of a group share period effects.
    thresholds : Thresholds
    """

    periods: Periods
    spans: Spans
    behaviours: tuple[str, ...]
    group: Int64Array | None = None
    thresholds: Thresholds = THRESHOLDS

    def cells(self, memory: int) -> BoolArray:
        """Return the estimation sample after a burn-in of the load's memory, shape (n, T)."""
        return estimation_sample(self.periods, max(self.spans.burn_in, memory))

    def counts(self, behaviour: str) -> FloatArray:
        """Return a behaviour's counts per period, shape (n, T)."""
        column = self.periods.behaviours.index(behaviour)
        return self.periods.counts[..., column].astype(np.float64)

    @property
    def memories(self) -> tuple[int, ...]:
        """Memories that fit into the observation window."""
        return tuple(m for m in MEMORIES if m <= self.spans.observation)

    def amount(self, amount: FloatArray, cells: BoolArray) -> FloatArray:
        """Return winsorised amounts of the estimation sample, zero outside."""
        return winsorise(np.where(cells, amount, 0.0))

    def run(self) -> dict[str, TurningTest]:
        """Return the tests of the behaviours that the screening lets through."""
        tests = {}
        for behaviour in self.screen():
            test = self.test(behaviour)
            if test is not None:
                tests[behaviour] = test
        return tests

    def screen(self) -> tuple[str, ...]:
        """Return the behaviours whose quadratic curve bends down and turns within the loads."""
        usable = [m for m in SCREENING_MEMORIES if m <= self.spans.observation]
        found: set[str] = set()
        for memory in usable:
            cells = self.cells(memory)
            if not cells.any():
                continue
            columns, tops = [], []
            for behaviour in self.behaviours:
                counts = self.counts(behaviour)
                load = past_load(counts, memory, self.periods)
                columns.append(np.concatenate([powers(load, 2), powers(counts, 2)], axis=-1))
                tops.append(float(np.quantile(load[cells], SCREENING_QUANTILE)))
            design = np.concatenate([*columns, tenure_dummies(self.periods)], axis=2)
            y = self.amount(self.periods.gain, cells)
            fit = fit_poisson(
                y, design.astype(np.float32), cells, self.group, self.periods.clusters
            )
            std_error = np.sqrt((fit.influence**2).sum(axis=0))
            for b, behaviour in enumerate(self.behaviours):
                slope, bend = fit.coef[4 * b : 4 * b + 2]
                bends = bend <= -self.thresholds.turning_screen_z * std_error[4 * b + 1] < 0
                if bends and 0 < slope < -2 * bend * tops[b]:
                    found.add(behaviour)
        return tuple(b for b in self.behaviours if b in found)

    def panel(self, behaviour: str, memory: int) -> LoadPanel:
        """Return the panel that a behaviour's load response is fitted on."""
        others = tuple(b for b in self.behaviours if b != behaviour)
        controls = other_controls(self.periods, others, self.spans.observation)
        counts, cells = self.counts(behaviour), self.cells(memory)
        return LoadPanel(counts, controls, cells, self.periods, self.group)

    def choose_memory(self, behaviour: str) -> MemoryChoice:
        """Choose the memory by its likelihood, on the same cells for all.

        Part of the customers rule out most memories; all customers decide among the rest.
        """
        memories = self.memories
        panel = self.panel(behaviour, memories[-1])
        y = self.amount(self.periods.gain, panel.cells)
        informative = np.nonzero((y > 0).any(axis=1))[0]
        rows = np.zeros(len(y), dtype=bool)
        rows[informative[:: 1 + informative.size // MEMORY_ENTITIES]] = True
        fits = {m: panel.fit(y, powers(panel.load(m), QUADRATIC), rows) for m in memories}
        scaled = scaled_likelihoods(fits)
        kept = [m for m in memories if scaled[m] > -MAX_LIKELIHOOD_GAP]
        if len(kept) == 1:
            return MemoryChoice(kept[0], {})
        fits = {m: panel.fit(y, powers(panel.load(m), QUADRATIC)) for m in kept}
        scaled = scaled_likelihoods(fits)
        total = sum(float(np.exp(value)) for value in scaled.values())
        weights = {m: float(np.exp(value)) / total for m, value in scaled.items()}
        best = max(kept, key=lambda m: scaled[m])
        others = {m: (w, fits[m]) for m, w in weights.items() if m != best and w >= MIN_WEIGHT}
        return MemoryChoice(best, others)

    def test(self, behaviour: str) -> TurningTest | None:
        """Fit a behaviour's load response and test whether it turns; None if it is not fitted."""
        choice = self.choose_memory(behaviour)
        memory = choice.memory
        panel = self.panel(behaviour, memory)
        y, load = self.amount(self.periods.gain, panel.cells), panel.load(memory)
        in_cells = load[panel.cells]
        low, high = (float(q) for q in np.quantile(in_cells, SUPPORT_QUANTILES))
        fits = {d: panel.fit(y, powers(load, d)) for d in (QUADRATIC, CUBIC)}
        curvature_z = float(fits[QUADRATIC].z[1])
        if curvature_z > -self.thresholds.turning_z:
            return None
        curve = fits[QUADRATIC]
        if turns_once(fits[CUBIC], high):
            curve = fits[CUBIC].average_with(curve)
        optimum = peak(curve.coef, float(in_cells.max()))
        if not low < optimum < high:
            return None
        rising_z, falling_z = (float(z) for z in panel.fit(y, two_lines(load, optimum)).z[:2])
        lead_share = self._lead_share(panel, y, load, memory)
        n_both_sides = _on_both_sides(load, optimum, panel.cells, y)
        limits = self.thresholds
        passed = (
            curve.fit.converged
            and rising_z >= limits.turning_arm_z
            and falling_z <= -limits.turning_arm_z
            and lead_share <= limits.turning_lead_share
            and n_both_sides >= limits.min_turning_customers
        )
        return TurningTest(
            behaviour, choice, curve, fits, optimum, curvature_z, rising_z, falling_z,
            lead_share, n_both_sides, passed,
        )  # fmt: skip

    def _lead_share(self, panel: LoadPanel, y: FloatArray, load: FloatArray, memory: int) -> float:
        """Return the bend of the future load as a share of the past's."""
        ahead = future_load(panel.counts, memory, self.periods)
        fit = panel.fit(y, np.concatenate([powers(load, 2), powers(ahead, 2)], axis=-1))
        return float(fit.coef[3] / fit.coef[1]) if fit.z[1] < 0 else np.inf


SUPPORT_QUANTILES = (0.05, 0.975)
"""Quantiles of the loads between which the optimum must lie."""


def other_controls(periods: Periods, others: Sequence[str], observation: int) -> Float32Array:
    """Return controls for other behaviours and tenure, shape (n, T, C).

    Counts of the same period, of the near and of the far lags, and the square of the count over the
    observation window: another behaviour's saturation must not look like a bend of this one.
    """
    columns = [periods.behaviours.index(b) for b in others]
    far = max(observation, NEAR_LAGS + 1)
    groups = ((0, 0), (1, NEAR_LAGS), (NEAR_LAGS + 1, far))
    sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    square = (sums[..., 1] + sums[..., 2]) ** 2
    parts = [sums.reshape(*sums.shape[:2], -1), square, tenure_dummies(periods)]
    return np.concatenate(parts, axis=2)


def _on_both_sides(load: FloatArray, optimum: float, cells: BoolArray, y: FloatArray) -> int:
    below = (cells & (load < optimum)).any(axis=1)
    above = (cells & (load > optimum)).any(axis=1)
    return int((below & above & (y > 0).any(axis=1)).sum())
