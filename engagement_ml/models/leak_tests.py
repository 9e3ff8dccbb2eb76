"""Tests of whether a value per customer was recorded after what it is to predict.

A table of customers shows each customer as of the day of its export. A value that was known at
sign-up (a country, a plan, a credit limit) may predict margin very well, but it is a cause or a
companion of what customers do later. A value that sums up what they did (total spent, last order,
a segment by lifetime value) is a consequence of it, and two things tell them apart:

- **It is determined by the whole history, and not by the past.** The longer customers are observed,
  the better their behaviour shows any lasting trait of theirs. But twice the observations at most
  halve the part of a trait that is not explained (Spearman and Brown). A total loses nearly all of
  it.
- **It is a collider.** Among customers with the same lasting trait, those who bought more in one
  half of the history bought no less in the other half. Among customers with the same *total* they
  must have bought less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import FloatArray, IntArray

if TYPE_CHECKING:
    from engagement_ml.features.history_halves import HistoryHalves

FOLDS = 3
ROUNDS = 40
MAX_LEVELS = 6
MIN_LEVEL = 0.02
"""Share of customers that a level of text needs to be tested by itself."""
BINS = 30
MIN_PER_BIN = 25
MIN_ACTIVE = 100
"""Customers with something in both halves that the second test needs."""
MAX_LEFT = 0.45
"""Share left from which a value counts as determined; of a lasting trait at least half is left."""
MAX_BY_PAST = 0.95
"""A value that the past explains nearly completely tells little new. It may be a trait that shows
in exact amounts, such as a plan in its price, of which more than half is learned at once."""
MAX_Z, MAX_WITHIN, MIN_DROP = -4.0, -0.08, 0.15
"""Limits of a collider: z, correlation within values, and its distance to that between all."""
PARAMETERS = {
    "objective": "regression",
    "learning_rate": 0.2,
    "num_leaves": 15,
    "min_data_in_leaf": 10,
    "max_bin": 255,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class LeakEvidence:
    """What the tests found of one value.

    Attributes
    ----------
    by_past, by_whole : float
        Share of its variance that the history before the middle explains, and the whole history,
        out of sample.
    collider : Collider or None
        Of the quantity with the lowest z; None without any that both halves have.
    """

    by_past: float
    by_whole: float
    collider: Collider | None

    @property
    def left(self) -> float:
        """Unexplained by the whole history, as a share of what the past leaves unexplained."""
        return (1 - self.by_whole) / max(1 - self.by_past, 1e-9)

    @property
    def determined(self) -> bool:
        """Whether the whole history determines the value, and the past alone does not."""
        return self.by_past < MAX_BY_PAST and self.left <= MAX_LEFT

    @property
    def collides(self) -> bool:
        """Whether the halves of the history exclude each other among customers with this value."""
        each = self.collider
        if each is None or each.z > MAX_Z or each.within > MAX_WITHIN:
            return False
        return each.between - each.within >= MIN_DROP

    @property
    def leaks(self) -> bool:
        """Whether the value shows what customers did later."""
        return self.determined or self.collides


@dataclass(frozen=True)
class Collider:
    """Correlation of two halves of the history.

    Attributes
    ----------
    quantity : str
        What is summed in the halves.
    between, within : float
        Correlation between all customers, and between those with the same value.
    z : float
        Of the second.
    """

    quantity: str
    between: float
    within: float
    z: float


def leak_evidence(
    values: FloatArray,
    levels: bool,
    halves: HistoryHalves,
    sample: IntArray,
) -> LeakEvidence:
    """Test the values of one column.

    Parameters
    ----------
    values : array (n,)
        Numbers, or the codes of levels; NaN for null.
    levels : bool
        Whether the values are codes without an order.
    halves : HistoryHalves
        Of the same customers.
    sample : int array (m,)
        Places of the customers that the costlier test uses.
    """
    targets = _targets(values[sample], levels)
    by_past, by_whole = (
        explained_share(targets, features[sample]) for features in (halves.past, halves.whole)
    )
    found = [
        _collider(values, levels, name, early, halves.after[name])
        for name, early in halves.before.items()
    ]
    tested = [each for each in found if each is not None]
    return LeakEvidence(by_past, by_whole, min(tested, key=lambda each: each.z, default=None))


def _collider(
    values: FloatArray, levels: bool, quantity: str, before: FloatArray, after: FloatArray
) -> Collider | None:
    # Given a lasting trait, who is active in one half is independent of the other half. So the
    # customers who are active in both can be compared, and those who left hide nothing.
    both = (before > 0) & (after > 0)
    if both.sum() < MIN_ACTIVE:
        return None
    early, late = np.log1p(before[both]), np.log1p(after[both])
    everyone = np.zeros(len(early), dtype=np.int64)
    within, z = collider(_groups(values[both], levels), early, late)
    return Collider(quantity, collider(everyone, early, late)[0], within, z)


def _targets(values: FloatArray, levels: bool) -> FloatArray:
    """Return what is to be explained: the rank of a number, or whether each level is there."""
    missing = np.isnan(values)
    columns = [missing.astype(np.float64)] if MIN_LEVEL < missing.mean() < 1 - MIN_LEVEL else []
    if levels:
        known, counts = np.unique(values[~missing], return_counts=True)
        largest = known[np.argsort(-counts, kind="stable")][:MAX_LEVELS]
        columns += [(values == level).astype(np.float64) for level in largest]
    else:
        columns.append(ranks(values))
    return np.column_stack(columns)


def _groups(values: FloatArray, levels: bool) -> IntArray:
    """Return the number of each value's group: the value, or its quantile if there are many."""
    distinct, groups = np.unique(values, return_inverse=True)
    if levels or len(distinct) <= BINS:
        return groups.astype(np.int64)
    n = max(2, min(BINS, len(values) // MIN_PER_BIN))
    quantiles = np.minimum((ranks(values) * n).astype(np.int64), n - 1)
    return np.unique(quantiles, return_inverse=True)[1].astype(np.int64)


def explained_share(targets: FloatArray, features: FloatArray) -> float:
    """Return the share of the variance of `targets` that `features` predict, out of fold.

    Parameters
    ----------
    targets : array of shape (n, k)
        One column, or an indicator for each level.
    features : array of shape (n, p)
    """
    import lightgbm

    fold = np.arange(len(targets)) % FOLDS
    missed = total = 0.0
    for target in targets.T:
        total += float(((target - target.mean()) ** 2).sum())
        for k in range(FOLDS):
            train, held = fold != k, fold == k
            data = lightgbm.Dataset(features[train], target[train], params=PARAMETERS)
            booster = lightgbm.train(PARAMETERS, data, num_boost_round=ROUNDS)
            missed += float(((target[held] - booster.predict(features[held])) ** 2).sum())
    return max(0.0, 1 - missed / total) if total else 0.0


def collider(groups: IntArray, early: FloatArray, late: FloatArray) -> tuple[float, float]:
    """Return the correlation of `early` and `late` within groups, and its z.

    Parameters
    ----------
    groups : int array (n,)
        Customers with the same value, or nearly the same.
    early, late : arrays (n,)
        What they did in two halves of the history.
    """
    one, two = _within(early, groups), _within(late, groups)
    scale = float(np.sqrt((one**2).sum() * (two**2).sum()))
    if not scale:
        return 0.0, 0.0
    product = one * two
    return float(product.sum()) / scale, float(product.sum() / np.sqrt((product**2).sum()))


def _within(values: FloatArray, groups: IntArray) -> FloatArray:
    n = np.maximum(np.bincount(groups), 1)
    return values - (np.bincount(groups, values) / n)[groups]


def ranks(values: FloatArray) -> FloatArray:
    """Return average ranks from 0 to 1; NaN gets a rank below all others."""
    filled = np.where(np.isnan(values), -np.inf, values)
    _, place, n = np.unique(filled, return_inverse=True, return_counts=True)
    last = np.cumsum(n)
    middle: FloatArray = ((last - (n - 1) / 2)[place] - 0.5) / len(values)
    return middle
