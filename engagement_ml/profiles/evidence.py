"""Groups of engaged customers, and what each earns."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.evidence import UnprofitableRow


@dataclass(frozen=True)
class Condition:
    """What the customers of a group have in one column.

    Attributes
    ----------
    column : str
        A column of the panel, such as ``covariate__region`` or ``call__frequency``.
    levels : tuple of str or None
        The values of a text; None for a number.
    low, high : float or None
        From `low` on, and below `high`; None is no limit.
    missing : bool
        Whether customers without a value belong to it.
    """

    column: str
    levels: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    missing: bool = False


@dataclass(frozen=True)
class ProfileGroup:
    """One leaf of the tree, in words, measured on the customers that did not grow it.

    Attributes
    ----------
    rule : str
        Such as ``"region is north or west, and fewer than 3 events of Order"``.
    n_entities : int
        Engaged customers in the group, both halves.
    net_margin, low, high : float
        Mean margin per customer over the outcome window, net of the cost of serving, with its 95%
        interval, in currency.
    unprofitable_share, share_low, share_high : float
        Share of the group whose net margin is negative, from 0 to 1, with its 95% interval.
    loses : bool
        Whether the net margin lies below 0, by a test that allows for the number of groups (Holm).
    n_measured : int
        Those of the half that measures; means, shares and intervals are theirs.
    conditions : tuple of Condition
        The rule as data.
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
    n_measured: int = 0
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class UnprofitableProfile:
    """The groups, the one that earns least first; `reason` says why there are none.

    Attributes
    ----------
    n_engaged, n_unprofitable : int
        Engaged customers at the last mature cutoff, and those whose net margin is negative.
    net_margin, low, high : float or None
        Mean net margin of all engaged customers, with its 95% interval, in currency; None without
        enough customers.
    margin_lost : float
        Sum of the net margins of the unprofitable, as a positive amount, in currency.
    engaged_from : float or None
        Score from which a customer is engaged.
    cutoff : str or None
        The cutoff, an ISO date.
    behaviours : tuple of UnprofitableRow
        What the unprofitable do more of.
    """

    n_engaged: int
    n_unprofitable: int
    net_margin: float | None
    groups: tuple[ProfileGroup, ...] = ()
    reason: str | None = None
    notes: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    margin_lost: float = 0.0
    engaged_from: float | None = None
    cutoff: str | None = None
    behaviours: tuple[UnprofitableRow, ...] = ()
