"""Groups of engaged customers, and what each earns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfileGroup:
    """One leaf of the tree, in words, measured on the customers that did not grow it.

    Attributes
    ----------
    rule : str
        Such as ``"region is north or west, and fewer than 3 orders"``.
    n_entities : int
        Engaged customers in the group, both halves.
    net_margin, low, high : float
        Mean margin per customer over the outcome window, net of the cost of serving, with its 95%
        interval, in currency.
    unprofitable_share, share_low, share_high : float
        Share of the group whose net margin is negative, from 0 to 1, with its 95% interval.
    loses : bool
        Whether the interval of the net margin lies below 0.
    """

    rule: str
    n_entities: int
    net_margin: float
    low: float
    high: float
    unprofitable_share: float
    share_low: float
    share_high: float
    loses: bool


@dataclass(frozen=True)
class UnprofitableProfile:
    """The groups, the one that earns least first; `reason` says why there are none."""

    n_engaged: int
    n_unprofitable: int
    net_margin: float | None
    groups: tuple[ProfileGroup, ...] = ()
    reason: str | None = None
    notes: tuple[str, ...] = ()
