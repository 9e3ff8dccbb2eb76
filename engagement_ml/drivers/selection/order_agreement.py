"""Whether SHAP puts the drivers in the order that the selection does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds


@dataclass(frozen=True)
class OrderAgreement:
    """The order of the drivers by effect × standard deviation, compared with that by SHAP.

    Attributes
    ----------
    selected, by_shap : tuple of str
        The behaviours that come first by either, as many as are selected.
    tau : float
        Kendall's tau of the two orders of all drivers; 1 with fewer than two.
    """

    selected: tuple[str, ...]
    by_shap: tuple[str, ...]
    tau: float
    thresholds: Thresholds = THRESHOLDS

    @property
    def agrees(self) -> bool:
        """Whether both select the same behaviours and order the drivers alike."""
        same = set(self.selected) == set(self.by_shap)
        return same and self.tau >= self.thresholds.min_order_tau


def compare_orders(
    drivers: Sequence[str],
    importance: Mapping[str, float],
    at_most: int,
    thresholds: Thresholds = THRESHOLDS,
) -> OrderAgreement:
    """Compare the order of the drivers with that by SHAP importance.

    Parameters
    ----------
    drivers : sequence of str
        By effect × standard deviation, the largest first.
    importance : mapping of behaviour to mean absolute SHAP
    at_most : int
        Behaviours that are selected.
    thresholds : Thresholds

    Examples
    --------
    >>> compare_orders(("a", "b", "c"), {"a": 3.0, "b": 1.0, "c": 2.0}, 2)
    ... # doctest: +NORMALIZE_WHITESPACE, +ELLIPSIS
    OrderAgreement(selected=('a', 'b'), by_shap=('a', 'c'), tau=0.333..., thresholds=...)
    """
    by_shap = sorted(drivers, key=lambda b: (-importance[b], b))
    place = {b: i for i, b in enumerate(by_shap)}
    pairs = list(combinations(drivers, 2))
    agreeing = sum(place[a] < place[b] for a, b in pairs)
    tau = 2 * agreeing / len(pairs) - 1 if pairs else 1.0
    return OrderAgreement(tuple(drivers[:at_most]), tuple(by_shap[:at_most]), tau, thresholds)
