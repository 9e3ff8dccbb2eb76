"""Level of a segment's margin over all mature outcome windows, relative to the fitted cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class SegmentLevels:
    """Gains of each customer in the panel's outcome windows and in the fitted cells.

    Effects are proportional to the level of margin. A season that differs between segments raises
    one segment in the fitted cells and another one later, which is no difference of effects.

    Attributes
    ----------
    late, fitted : array (n,)
        Gains in all outcome windows, and in the fitted cells.
    n_late, n_fitted : int array (n,)
        Outcome windows and cells.
    """

    late: FloatArray
    fitted: FloatArray
    n_late: Int64Array
    n_fitted: Int64Array
    clusters: Int64Array | None = None

    @classmethod
    def of(cls, study: Study) -> SegmentLevels | None:
        """Add up the gains of each customer; None without a panel."""
        if study.panel is None or not len(study.panel.frame):
            return None
        import pandas as pd

        frame, entities = study.panel.frame, study.periods.entities
        at = pd.Index(entities).get_indexer(pd.Index(frame["customer_id"]))
        gain, known, n = frame["gain"].to_numpy(), at >= 0, len(entities)
        cells = study.cells
        return cls(
            late=np.bincount(at[known], gain[known], minlength=n).astype(np.float64),
            fitted=np.where(cells, study.periods.gain, 0.0).sum(axis=1),
            n_late=np.bincount(at[known], minlength=n),
            n_fitted=cells.sum(axis=1),
            clusters=study.periods.clusters,
        )

    def relative(self, members: BoolArray) -> tuple[float, FloatArray]:
        """Return the level of some customers relative to that of all, and its influence.

        Parameters
        ----------
        members : bool array (n,)

        Returns
        -------
        level : float
            ``(A_g / B_g) / (A / B)``, with A the mean gain of an outcome window and B that of a
            fitted cell; 1 if a mean is 0.
        influence : array (n,)
            Influence function of each customer (delta method).
        """
        all_customers = np.ones(len(members), dtype=np.bool_)
        own, own_influence = self._log_ratio(members)
        whole, whole_influence = self._log_ratio(all_customers)
        if not np.isfinite(own) or not np.isfinite(whole):
            return 1.0, np.zeros(len(members))
        level = float(np.exp(own - whole))
        return level, cluster_sums(level * (own_influence - whole_influence), self.clusters)

    def _log_ratio(self, members: BoolArray) -> tuple[float, FloatArray]:
        """Return log(A / B) among some customers and its influence; NaN if a mean is 0."""
        sums = [float(x[members].sum()) for x in (self.late, self.fitted)]
        counts = [float(x[members].sum()) for x in (self.n_late, self.n_fitted)]
        if min(*sums, *counts) <= 0:
            return float("nan"), np.zeros(len(members))
        late = self.late / sums[0] - self.n_late / counts[0]
        fitted = self.fitted / sums[1] - self.n_fitted / counts[1]
        ratio = sums[0] / counts[0] / (sums[1] / counts[1])
        return float(np.log(ratio)), np.where(members, late - fitted, 0.0)
