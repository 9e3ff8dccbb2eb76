"""The data of one search for drivers, with what all its stages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_model import estimation_sample
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import (
    Spans,
    payment_cycle_profile,
    spans_from_config,
    tenure_weighted_lags,
)
from engagement_ml.drivers.selection.cross_section import Association, associate
from engagement_ml.drivers.selection.window_rows import WindowRows, window_rows
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.features.rfm import TENURE
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class Study:
    """The period panel, its configuration, and quantities derived from them once.

    Attributes
    ----------
    periods : Periods
        Customers by periods by behaviours, up to ``windows.fit_until``.
    panel : Panel or None
        Its mean gain is the level that effects are reported at; without it, that of the periods.
    windows : Windows or None
    config : PipelineConfig
    thresholds : Thresholds
    outcome : str
        What sentences call the margin of `periods`: all of it, or a part.
    """

    periods: Periods
    panel: Panel | None
    windows: Windows | None
    config: PipelineConfig
    thresholds: Thresholds = THRESHOLDS
    outcome: str = "margin"

    @property
    def behaviours(self) -> tuple[str, ...]:
        """All candidate behaviours, in the order of the columns of ``periods.counts``."""
        return self.periods.behaviours

    @property
    def seed(self) -> int:
        """Seed of everything that is drawn at random."""
        return self.config.random_seed

    @property
    def composed(self) -> dict[str, tuple[str, str]]:
        """The members of each sequence among the behaviours."""
        return {
            each.name: (each.first, each.then)
            for each in self.config.sequences
            if each.name in self.behaviours
        }

    @cached_property
    def spans(self) -> Spans:
        """The configured windows in whole periods."""
        return spans_from_config(self.config.windows)

    @cached_property
    def observed(self) -> tuple[str, ...]:
        """Behaviours with at least one event."""
        counts = self.periods.counts
        return tuple(b for i, b in enumerate(self.behaviours) if counts[..., i].any())

    @cached_property
    def cells(self) -> BoolArray:
        """Cells (customer by period) that estimates use, shape (n, T)."""
        return estimation_sample(self.periods, self.spans.burn_in)

    @cached_property
    def groups(self) -> Int64Array | None:
        """Number of each customer's segment combination, shape (n,); None without segments."""
        return segment_groups(self.periods, self.thresholds)

    @cached_property
    def rows(self) -> WindowRows:
        """Windows with a mature outcome, one row per customer and cutoff."""
        return window_rows(self.periods, self.spans)

    @cached_property
    def all_rows(self) -> WindowRows:
        """All observation windows, including those without a mature outcome."""
        return window_rows(self.periods, self.spans, with_outcome=False)

    @cached_property
    def associations(self) -> dict[str, Association]:
        """Between-customer correlation of each behaviour with later margin."""
        return associate(self.rows, self.behaviours, self.all_rows)

    @cached_property
    def level(self) -> float:
        """Mean gain of the panel's outcome windows, relative to that of the fitted cells.

        Effects are proportional to the level of margin, so they are put on the level of all mature
        outcome windows, whatever the season of those that were fitted. The smallest effect of
        interest is put there with them: verdicts, selection and weights do not depend on it.
        """
        outcome = self.spans.outcome
        n_cells = max(int(self.cells.sum()), 1)
        fitted = float(self.periods.gain[self.cells].sum()) / n_cells * outcome
        panel = self.panel
        mean = float(panel.frame["gain"].mean()) if panel is not None and len(panel.frame) else 0.0
        return mean / fitted if mean > 0 and fitted > 0 else 1.0

    @cached_property
    def level_error(self) -> float:
        """Relative error that all effects share, of the mean gain over cutoffs and of the model."""
        common = self.thresholds.common_error
        if self.panel is None or not len(self.panel.frame):
            return common
        means = self.panel.frame.groupby("cutoff")["gain"].mean().to_numpy()
        if len(means) < 2 or means.mean() <= 0:
            return common
        sampling = means.std(ddof=1) / means.mean() / np.sqrt(len(means))
        return float(np.hypot(common, sampling))

    @cached_property
    def mean_margin(self) -> float:
        """Mean margin of an outcome window, in currency, at the level of the panel."""
        net = self.periods.gain - self.periods.loss
        fitted = float(net[self.cells].sum()) / max(int(self.cells.sum()), 1) * self.spans.outcome
        return self.level * fitted

    @cached_property
    def min_effect(self) -> float:
        """Smallest effect of interest of one standard deviation, in currency."""
        return self.config.select.smallest_effect * abs(self.mean_margin)

    @cached_property
    def lags(self) -> Lags:
        """Groups of lags, weighted by tenure at the cutoffs and the margin's place in windows."""
        tenure = None if self.panel is None else self.panel.frame[TENURE].to_numpy()
        if self.windows is None:
            return tenure_weighted_lags(self.spans, tenure, None)
        return tenure_weighted_lags(
            self.spans,
            tenure,
            payment_cycle_profile(self.periods, self.spans, self.windows.cutoffs),
        )

    def counts(self, behaviour: str) -> FloatArray:
        """Return a behaviour's counts in all observation windows, shape (R,)."""
        return self.all_rows.counts[:, self.behaviours.index(behaviour)]

    def cost(self, behaviour: str) -> float:
        """Return the cost of serving one event, in currency."""
        return self.config.behaviour(behaviour).cost_per_event

    def costs(self, behaviours: Sequence[str]) -> dict[str, float]:
        """Return the cost of serving one event, by behaviour."""
        return {b: self.cost(b) for b in behaviours}

    def selectable(self, behaviour: str) -> bool:
        """Return whether the declared role allows selecting a behaviour."""
        return self.config.behaviour(behaviour).role in ("behaviour", "mediator")

    def rolling_counts(self, behaviours: tuple[str, ...]) -> RollingCounts:
        """Return rolling counts over the observation window, not kept: they are large."""
        return RollingCounts.from_periods(self.periods, self.spans, behaviours)


def segment_groups(periods: Periods, thresholds: Thresholds = THRESHOLDS) -> Int64Array | None:
    """Return the number of each customer's combination of the configured segments, shape (n,).

    Each combination gets period effects of its own, so that what moves a whole segment at once (its
    season, its campaigns) is no evidence. Combinations with few customers share one number; None if
    no segment is configured or there are too many combinations.
    """
    if not periods.segments:
        return None
    labels = np.stack([v.astype(str) for v in periods.segments.values()], axis=1)
    _, code, size = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    large = size >= thresholds.min_group
    number = np.where(large, np.cumsum(large) - 1, int(large.sum()))
    if large.sum() > thresholds.max_groups:
        return None
    _, dense = np.unique(number[code.ravel()], return_inverse=True)
    return np.asarray(dense, dtype=np.int64)
