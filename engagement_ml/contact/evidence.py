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
        Contacts per observation window at which margin, net of the cost of contacts, is largest,
        with its 95% interval. None unless the response turns.
    break_even : float or None
        Contacts per observation window at which the gain of the first ones is used up.
    n_above : int or None
        Customers above the optimum's upper limit at the last cutoff; above `limit` if there is no
        optimum; None without a limit.
    cost_above : float or None
        Their margin lost to contacts above the optimum, in currency per outcome window.
    reason : str
        The sentence behind the verdict.
    limit : float or None
        Contacts per observation window up to which one more pays: the optimum, the saturation
        point of a response that flattens against a cost, or 0 if contacts are harmful. None if
        nothing says that contacts should stop.
    effect, effect_low, effect_high : float or None
        Margin over the outcome window for one more contact in the observation window, averaged
        over customers as they are, net of its cost, in currency, with its 95% interval. None if it
        is not identified.
    memory_days : int or None
        Days over which contacts add up, if the response turns.
    pooled : bool
        Whether the numbers are those of all customers, as the value has no response of its own.
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
    limit: float | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    memory_days: int | None = None
    pooled: bool = False


@dataclass(frozen=True)
class ContactEvidence:
    """The response to contacts, of all customers first, then by segment.

    Attributes
    ----------
    event_types : tuple of str
        The event types that are contacts.
    rows : tuple of ContactRow
    curves : dict of str to tuple of tuples
        By ``"all"`` or ``"segment=value"``: points (contacts, effect, low, high), margin over the
        outcome window compared with no contact, net of the cost of contacts, in currency.
    notes : tuple of str
    by_type : bool
        Whether contacts are the events of named types; if not, events with direction outbound,
        and events without a direction of the types in `declared`.
    declared, left_out : tuple of str
        Types whose ``direction`` is outbound in the configuration, and types that are no contacts
        by their role, whatever their direction.
    cost_per_contact : float
        In currency.
    cutoff : str or None
        The day before which contacts above the optimum were counted, ISO 8601.
    budget_by : str or None
        Column of the segment whose optima are a customer's; None for that of all customers.
    typical, p90 : float or None
        Median and 90th percentile of contacts in observation windows with any.
    """

    event_types: tuple[str, ...]
    rows: tuple[ContactRow, ...] = ()
    curves: dict[str, tuple[tuple[float, float, float, float], ...]] | None = None
    notes: tuple[str, ...] = ()
    by_type: bool = True
    declared: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    cost_per_contact: float = 0.0
    cutoff: str | None = None
    budget_by: str | None = None
    typical: float | None = None
    p90: float | None = None

    @property
    def overall(self) -> ContactRow | None:
        """The row of all customers."""
        return next((row for row in self.rows if row.segment is None), None)

    def row_of(self, value: str) -> ContactRow | None:
        """Return the row that holds for a customer with a value of the column `budget_by`."""
        of_value = (r for r in self.rows if r.segment == self.budget_by and r.value == value)
        return self.overall if self.budget_by is None else next(of_value, self.overall)


def curve_key(segment: str | None, value: str | None) -> str:
    """Return the key of a row's curve.

    Examples
    --------
    >>> curve_key(None, None), curve_key("plan", "plus")
    ('all', 'plan=plus')
    """
    return "all" if segment is None else f"{segment}={value}"
