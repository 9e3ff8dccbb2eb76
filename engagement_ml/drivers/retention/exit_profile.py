"""Event study before churn: counts of entities that leave, compared with pseudo-exits of others.

Each entity that churns is compared with all that were at risk in the same period and stayed. Their
pseudo-exits are weighted by their odds of churn, so that both groups have the same affinity,
long-run rates and period (odds weighting, as for an effect on the treated). Controls are known
before the first lag of the study, so that nothing after a decision to leave is controlled for.

A cause of churn differs on its own. A decision already taken, or a decline of interest, shows in
two ways: most behaviours fall before churn, and in the same entities together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.clusters import cluster_sums, subset_clusters
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard
from engagement_ml.drivers.retention.latent_affinity import affinity_scores, shrunk_past_rates
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.retention.risk_set import churn_indicator, dummies, risk_set
from engagement_ml.features.period_panel import Periods

WEEKLY_LAGS = 8
"""Periods before churn that are studied one by one."""

LONGEST_LAG = 12
"""Last period before churn that is studied; controls are known before it."""

PROFILE_LAGS: LagGroups = (
    *((lag, lag) for lag in range(1, WEEKLY_LAGS + 1)),
    (WEEKLY_LAGS + 1, LONGEST_LAG),
)
"""Groups of lags of the event study."""

JOINT_LAGS = (slice(0, 2), slice(2, 6), slice(4, 8))
"""Stretches of lags over which the joint movement of behaviours is measured."""

MIN_LEAVERS = 50
"""Churned entities that the event study needs."""

MAX_RESIDUAL = 5.0
"""Bound of Pearson residuals in the joint movement, against single entities."""

_TINY = 1e-12


@dataclass(frozen=True)
class ExitProfile:
    """Counts before churn, relative to those before pseudo-exits.

    Attributes
    ----------
    log_ratio : array (B, L)
        Log of the leavers' mean count over that of odds-weighted stayers, by `PROFILE_LAGS`.
    influence : array (n, B, L)
        Influence function of each entity.
    joint_correlation, joint_z : float
        Mean correlation between the residual counts of two behaviours among leavers, with its z;
        of the stretch of `JOINT_LAGS` with the largest z. Both are 0 with fewer than two
        behaviours.
    """

    log_ratio: FloatArray
    influence: FloatArray
    joint_correlation: float
    joint_z: float

    def common(self, lags: Sequence[int]) -> tuple[float, float]:
        """Return the log ratio that behaviours share over some lags, and its standard error.

        The median over behaviours, and of two middle values the one nearer to zero: it takes more
        than half of the behaviours to move it.
        """
        ratio = np.sort(self.log_ratio[:, lags].mean(axis=1))
        middle = ratio[[(ratio.size - 1) // 2, ratio.size // 2]]
        median = float(middle[np.abs(middle).argmin()])
        mean_influence = self.influence[:, :, lags].mean(axis=(1, 2))
        # The median's variance is π/2 times that of the mean.
        return median, float(np.sqrt(np.pi / 2) * np.linalg.norm(mean_influence))

    def z(self, b: int, lags: Sequence[int]) -> float:
        """Return the z of behaviour b's mean log ratio over some lags."""
        error = float(np.linalg.norm(self.influence[:, b, lags].mean(axis=1)))
        return float(self.log_ratio[b, lags].mean()) / error if error > 0 else 0.0


def study_exits(
    periods: Periods, columns: list[int], spans: Spans, *, seed: int = 0
) -> ExitProfile | None:
    """Compare counts before churn with those before pseudo-exits.

    Parameters
    ----------
    periods : Periods
    columns : list of int
        Positions of the behaviours.
    spans : Spans
    seed : int, default 0
        Of the reference days drawn for entities that stay.

    Returns
    -------
    ExitProfile or None
        None if fewer than `MIN_LEAVERS` entities churn after `LONGEST_LAG` periods on record.
    """
    cells = risk_set(periods, spans, LONGEST_LAG)
    churned = churn_indicator(periods) & cells
    event = churned[cells]
    if event.sum() < MIN_LEAVERS:
        return None
    entity, period = np.nonzero(cells)
    past = np.zeros_like(cells)
    past[:, :-LONGEST_LAG] = cells[:, LONGEST_LAG:]
    rates = shrunk_past_rates(periods, past)
    log_rates = rates.log_rate[..., columns][past]
    controls = [affinity_scores(rates, past)[past], log_rates, dummies(period)]
    x = np.concatenate([part.astype(np.float32) for part in controls], axis=1)
    stays = np.where(event, 0.0, fit_hazard(event, x, entity, cells.shape[0]).probability)
    groups = _Groups(entity, cells.shape[0], event.astype(np.float64), stays)
    log_ratio = np.zeros((len(columns), len(PROFILE_LAGS)))
    influence = np.zeros((cells.shape[0], *log_ratio.shape))
    residuals = np.zeros((len(JOINT_LAGS), int(event.sum()), len(columns)))
    for k, column in enumerate(columns):
        sums = recent_counts(periods, [column], PROFILE_LAGS, cells, churned, seed=seed)
        counts = sums[:, 0].astype(np.float64)
        log_ratio[k], influence[:, k] = groups.log_ratio(counts)
        for j, lags in enumerate(JOINT_LAGS):
            total = counts[:, lags].sum(axis=1)
            residuals[j, :, k] = _residuals(total, np.exp(log_rates[:, k]), period, event)
    clusters = subset_clusters(periods.clusters, entity[event])
    joint = [_mean_correlation(each, clusters) for each in residuals]
    correlation, z = max(joint, key=lambda pair: pair[1])
    return ExitProfile(log_ratio, cluster_sums(influence, periods.clusters), correlation, z)


@dataclass(frozen=True)
class _Groups:
    """Weights of leavers and of stayers, by row."""

    entity: Int64Array
    n_entities: int
    leaves: FloatArray
    stays: FloatArray

    def log_ratio(self, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log ratio of mean counts by lag, (L,), and its influence, (n, L).

        0 where either group has no event.
        """
        ratio = np.zeros(counts.shape[1])
        influence = np.zeros((self.n_entities, counts.shape[1]))
        n_leaving, n_staying = self.leaves.sum(), max(float(self.stays.sum()), _TINY)
        for lag in range(counts.shape[1]):
            leaving = float(self.leaves @ counts[:, lag]) / n_leaving
            staying = float(self.stays @ counts[:, lag]) / n_staying
            if leaving <= 0 or staying <= 0:
                continue
            ratio[lag] = np.log(leaving / staying)
            rows = self.leaves * (counts[:, lag] / leaving - 1) / n_leaving
            rows -= self.stays * (counts[:, lag] / staying - 1) / n_staying
            influence[:, lag] = np.bincount(self.entity, rows, minlength=self.n_entities)
        return ratio, influence


def _residuals(
    total: FloatArray, rate: FloatArray, period: Int64Array, event: BoolArray
) -> FloatArray:
    """Return leavers' Pearson residuals, given their long-run rate and the period."""
    observed, expected = np.bincount(period, total), np.bincount(period, rate)
    season = observed / np.maximum(expected, _TINY)
    mean, total = (season[period] * rate)[event], total[event]
    mean *= total.sum() / max(float(mean.sum()), _TINY)
    residual = (total - mean) / np.sqrt(np.maximum(mean, _TINY))
    return np.asarray(np.clip(residual, -MAX_RESIDUAL, MAX_RESIDUAL))


def _mean_correlation(residuals: FloatArray, clusters: Int64Array | None) -> tuple[float, float]:
    """Return the mean correlation over pairs of columns, (N, B), and its z."""
    e = residuals - residuals.mean(axis=0)
    std = e.std(axis=0)
    e = e[:, std > 0] / std[std > 0]
    size = e.shape[1]
    if size < 2:
        return 0.0, 0.0
    pairs = (e.sum(axis=1) ** 2 - (e**2).sum(axis=1)) / (size * (size - 1))
    mean = float(pairs.mean())
    # An entity churns once, so rows are independent, but for those of a cluster.
    error = float(pairs.std(ddof=1)) / np.sqrt(pairs.size)
    if clusters is not None:
        error = float(np.linalg.norm(cluster_sums(pairs - mean, clusters))) / pairs.size
    return mean, mean / error if error > 0 else 0.0
