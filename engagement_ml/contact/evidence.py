"""What is found about the number of contacts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ContactRow:
    """The response to contacts of all customers, or of one segment.

    Attributes
    ----------
    segment : str or None
        Column of the segment; None for all customers.
    value : str or None
        Value of the segment.
    n_entities : int
    verdict : str
        ``"turns"`` if more helps up to the optimum and harms beyond it, else the verdict on the
        number of contacts.
    optimum, optimum_low, optimum_high : float or None
        Contacts per observation window at which margin is largest, with its 95% interval.
    break_even : float or None
        Contacts per observation window at which the gain of the first ones is used up.
    n_above : int or None
        Customers above the optimum's upper limit at the last cutoff.
    cost_above : float or None
        Their margin lost to contacts above the optimum, in currency per outcome window.
    reason : str
        The sentence behind the verdict.
    """

    segment: str | None
    value: str | None
    n_entities: int
    verdict: str
    optimum: float | None
    optimum_low: float | None
    optimum_high: float | None
    break_even: float | None
    n_above: int | None
    cost_above: float | None
    reason: str


@dataclass(frozen=True)
class ContactEvidence:
    """The response to contacts, of all customers first, then by segment.

    Attributes
    ----------
    event_types : tuple of str
        The event types that are contacts.
    curves : dict of str to tuple of tuples
        By ``"all"`` or ``"segment=value"``: points (contacts, effect, low, high).
    notes : tuple of str
    """

    event_types: tuple[str, ...]
    rows: tuple[ContactRow, ...] = ()
    curves: dict[str, tuple[tuple[float, float, float, float], ...]] | None = None
    notes: tuple[str, ...] = ()
