"""The profile of engaged customers who cost more than they bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.drivers.evidence import UnprofitableRow
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.formatting import number, plural, quantity
from engagement_ml.measures.kinds.wilson import wilson
from engagement_ml.profiles.columns import Column, binned_columns
from engagement_ml.profiles.evidence import ProfileGroup, UnprofitableProfile
from engagement_ml.profiles.mean_interval import mean_below, mean_interval
from engagement_ml.profiles.rules import conditions_of, in_words
from engagement_ml.profiles.tree import Path, TreeLimits, grow

if TYPE_CHECKING:
    import pandas as pd

MIN_ENGAGED = 200
"""Engaged customers from which on groups are looked for."""
MIN_GROUP, MIN_SHARE = 100, 0.05
"""A group has at least these engaged customers, and this share of them."""
MAX_P = 0.025
"""Largest p-value, one-sided and adjusted for the number of groups, of a group that loses."""
_WINSORISED = (0.01, 0.95)
"""The tree is grown on amounts between these quantiles: the richest few do not decide on it."""
_MIN_COMPARED, _MAX_COMPARED = 10, 5


def profile_unprofitable(
    frame: pd.DataFrame,
    net: FloatArray,
    kinds: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    seed: int,
    entity: str = "customer",
) -> UnprofitableProfile:
    """Find groups of engaged customers by net margin, and measure them on the other half.

    Parameters
    ----------
    frame : DataFrame
        A row per engaged customer, in an order that does not depend on the outcome.
    net : array (n,)
        Margin of the outcome window net of the cost of serving, in currency.
    kinds : mapping of column to {"count", "number", "level"}
        The columns that a rule may name.
    labels : mapping of column to str
    seed : int
        Draws the half that grows the tree, and its folds.
    entity : str

    Returns
    -------
    UnprofitableProfile
        Without groups, and with a reason, if there are fewer than `MIN_ENGAGED` customers, or no
        split holds on folds of the growing half.
    """
    n = len(frame)
    losing = net < 0
    if n < MIN_ENGAGED:
        return UnprofitableProfile(
            n,
            int(losing.sum()),
            None,
            reason=f"only {quantity(n, f'engaged {entity}')}: groups need {number(MIN_ENGAGED)}",
            margin_lost=float(-net[losing].sum()),
        )
    rng = np.random.default_rng(seed)
    growing = rng.permutation(n) < n // 2
    smallest = max(MIN_GROUP, int(np.ceil(MIN_SHARE * n))) // 2
    columns = binned_columns(frame, kinds, labels, growing)
    low, high = np.quantile(net[growing], _WINSORISED)
    leaves = grow(columns, np.clip(net, low, high), growing, TreeLimits(min_growing=smallest), rng)
    groups: tuple[ProfileGroup, ...] = ()
    reason = None
    if len(leaves) > 1:
        groups = _groups(frame, net, columns, leaves, ~growing)
    else:
        reason = (
            f"no characteristic or behaviour tells apart engaged {plural(entity)} who earn less: "
            "splits found on a part of the growing half did not hold on the rest of it"
        )
    mean, mean_low, mean_high = mean_interval(net)
    return UnprofitableProfile(
        n_engaged=n,
        n_unprofitable=int(losing.sum()),
        net_margin=mean,
        groups=groups,
        reason=reason,
        low=mean_low,
        high=mean_high,
        margin_lost=float(-net[losing].sum()),
    )


def _groups(
    frame: pd.DataFrame,
    net: FloatArray,
    columns: Sequence[Column],
    leaves: Sequence[tuple[Path, IntArray]],
    measuring: BoolArray,
) -> tuple[ProfileGroup, ...]:
    present = {column.name: bool((column.bins == column.n_bins - 1).any()) for column in columns}
    measured = [rows[measuring[rows]] for _, rows in leaves]
    p_values = holm([mean_below(net[rows]) for rows in measured])
    groups = []
    for (path, rows), of_half, p in zip(leaves, measured, p_values, strict=True):
        conditions = conditions_of(columns, path)
        mean, low, high = mean_interval(net[of_half])
        share_low, share_high = wilson(int((net[of_half] < 0).sum()), len(of_half))
        groups.append(
            ProfileGroup(
                rule=in_words(conditions, columns, present),
                n_entities=len(rows),
                net_margin=mean,
                low=low,
                high=high,
                unprofitable_share=float((net[of_half] < 0).mean()),
                share_low=share_low,
                share_high=share_high,
                loses=p <= MAX_P,
                n_measured=len(of_half),
                conditions=conditions,
            )
        )
    return tuple(sorted(groups, key=lambda group: (group.net_margin, group.rule)))


def compare_counts(
    counts: FloatArray, net: FloatArray, names: Sequence[str], labels: Sequence[str]
) -> tuple[UnprofitableRow, ...]:
    """Return what the unprofitable do more of, by the ratio of means, largest first.

    Empty with fewer than 10 unprofitable customers.

    Parameters
    ----------
    counts : array (n, B)
        Events in the observation window.
    net : array (n,)
    names, labels : sequence of str
        Of the behaviours.
    """
    losing = net < 0
    if losing.sum() < _MIN_COMPARED:
        return ()
    rows = []
    for b, (name, label) in enumerate(zip(names, labels, strict=True)):
        mean_losing = float(counts[losing, b].mean())
        mean_earning = float(counts[~losing, b].mean()) if not losing.all() else 0.0
        if mean_losing > mean_earning:
            ratio = mean_losing / mean_earning if mean_earning > 0 else None
            rows.append(UnprofitableRow(name, label, ratio, mean_losing, mean_earning))
    rows.sort(key=lambda row: (row.ratio is not None, -float(row.ratio or 0.0)))
    return tuple(rows[:_MAX_COMPARED])
