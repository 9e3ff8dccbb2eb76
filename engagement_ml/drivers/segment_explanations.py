"""Sentences about effects that differ between segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engagement_ml.drivers.segment_evidence import HeterogeneityRow, SegmentRow
from engagement_ml.formatting import Money, decimals_for, listed, number, one_line

MAX_RATIO = 10.0
"""Largest ratio of two effects that is stated; beyond it the smaller one is close to zero."""

_ROUND_RATIO = 0.25
_WORDS = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}


def explain_segments(
    reasons: Mapping[str, str],
    rows: Sequence[SegmentRow],
    tests: Iterable[HeterogeneityRow],
    money: Money,
) -> dict[str, str]:
    """Add to the sentence of each verdict the segments in which the effect has the other sign.

    Parameters
    ----------
    reasons : mapping of behaviour to str
    rows : sequence of SegmentRow
    tests : iterable of HeterogeneityRow
    money : Money

    Returns
    -------
    dict of behaviour to str
        Reasons without such a segment stay as they are.
    """
    explained = dict(reasons)
    for test in tests:
        if test.opposite and not test.informative_only and test.behaviour in explained:
            added = opposite_signs(rows_of(rows, test), test, money)
            explained[test.behaviour] += f"; it {added}"
    return explained


def rows_of(rows: Iterable[SegmentRow], test: HeterogeneityRow) -> list[SegmentRow]:
    """Return the rows that a test is about, the largest effect first."""
    own = [r for r in rows if (r.segment, r.behaviour) == (test.segment, test.behaviour)]
    return sorted(own, key=lambda row: (-row.effect, row.value))


def opposite_signs(rows: Sequence[SegmentRow], test: HeterogeneityRow, money: Money) -> str:
    """Return for which values the effect is positive and for which negative, as a predicate.

    Only values whose sign is certain are named: those of `test.opposite`, and those on the other
    side whose interval does not contain 0.

    Examples
    --------
    >>> rows = [SegmentRow("plan", "plus", "call", 8.0, 6.0, 10.0, 500, False),
    ...         SegmentRow("plan", "basic", "call", -3.0, -5.0, -1.0, 500, False)]
    >>> test = HeterogeneityRow("plan", "call", 60.0, 1, 0.0, 0.9, 5.0, True, ("basic",))
    >>> opposite_signs(rows, test, Money("EUR"))
    'raises margin for plan plus (€8.00 per event) and lowers it for plan basic (−€3.00 per event)'
    """
    certain = [r for r in rows if r.value in test.opposite or r.low > 0 or r.high < 0]
    decimals = decimals_for(*(row.effect for row in certain))
    parts = []
    for verb, positive in (("raises margin for", True), ("lowers it for", False)):
        named = [r for r in certain if (r.effect > 0) is positive]
        amounts = listed(f"{name_of(r)} ({money(r.effect, decimals)} per event)" for r in named)
        if named:
            parts.append(f"{verb} {amounts}")
    return " and ".join(parts).replace("lowers it", "lowers margin", 1 if len(parts) == 1 else 0)


def name_of(row: SegmentRow) -> str:
    """Return a segment's name, column and value."""
    return f"{one_line(row.segment)} {one_line(row.value)}"


def difference(rows: Sequence[SegmentRow], test: HeterogeneityRow, money: Money) -> str:
    """Return how far the effects of a behaviour differ between segments, as a predicate.

    The amounts are the partially pooled ones: of the largest and the smallest of several estimates,
    chance has part.

    Parameters
    ----------
    rows : sequence of SegmentRow
        Of one behaviour and column.
    test : HeterogeneityRow
        One whose effects differ.
    money : Money

    Examples
    --------
    >>> rows = [SegmentRow("plan", "plus", "call", 12.5, 10, 15, 500, False, 12.3, 10, 15),
    ...         SegmentRow("plan", "basic", "call", 6.7, 5, 8, 500, False, 6.8, 5, 8)]
    >>> test = HeterogeneityRow("plan", "call", 30.0, 1, 0.0, 0.9, 3.0, True)
    >>> difference(rows, test, Money("EUR"))
    'earns 1.8 times as much for plan plus as for plan basic: €12.30 against €6.80 per event'
    """
    if test.opposite:
        return opposite_signs(rows, test, money)
    ranked = sorted(rows, key=lambda row: -abs(_size(row)))
    most, least = ranked[0], ranked[-1]
    sizes = [_size(most), _size(least)]
    decimals = decimals_for(*sizes)
    verb = "earns" if sizes[0] > 0 else "costs"
    amounts = [money(s if verb == "earns" else -s, decimals) for s in sizes]
    ratio = sizes[0] / sizes[1] if sizes[1] else MAX_RATIO
    uncertain = least.low <= 0 <= least.high
    if uncertain or not 1.0 < ratio < MAX_RATIO:
        spread = money.spread(least.low, least.high)
        return (
            f"{verb} {amounts[0]} per event for {name_of(most)}, and an effect for "
            f"{name_of(least)} is not shown ({spread})"
            if uncertain
            else f"{verb} {amounts[0]} per event for {name_of(most)}, against {amounts[1]} for "
            f"{name_of(least)}"
        )
    return (
        f"{verb} {_times(ratio)} as much for {name_of(most)} as for {name_of(least)}: "
        f"{amounts[0]} against {amounts[1]} per event"
    )


def _size(row: SegmentRow) -> float:
    return row.effect if row.pooled_effect is None else row.pooled_effect


def _times(ratio: float) -> str:
    """Return a ratio in words if it is close to a whole number.

    Examples
    --------
    >>> _times(2.1), _times(1.5)
    ('about twice', '1.5 times')
    """
    whole = round(ratio)
    if whole in _WORDS and abs(ratio - whole) < _ROUND_RATIO * 0.6:
        return f"about {_WORDS[whole]}"
    return f"{number(ratio, 1)} times"
