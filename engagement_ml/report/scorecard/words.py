"""Signs, names and sentences of the scorecard, for the page and the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from engagement_ml.formatting import listed, one_line, quantity
from engagement_ml.report.scorecard.tables import Chip
from engagement_ml.scorecard.card import MeasureCard, Scorecard, Trend

STATUSES = {
    "missed": Chip("missed", "✗", "bad"),
    "warning": Chip("warning", "!", "warn"),
    "no data": Chip("no data", "–", "plain"),
    "met": Chip("met", "✓", "good"),
    "no target": Chip("no target", "·", "plain"),
}
"""In the order of urgency."""
LINKS = {
    "linked": Chip("linked", "▲", "good"),
    "harmful": Chip("harmful", "▼", "bad"),
    "vanity": Chip("vanity", "◇", "warn"),
    "consequence": Chip("consequence", "↩", "plain"),
    "no effect": Chip("no effect", "○", "plain"),
    "unverifiable": Chip("unverifiable", "?", "plain"),
    "mixed": Chip("mixed", "◐", "plain"),
    "none": Chip("no verdict", "·", "plain"),
}
MEANINGS = {
    "linked": "The behaviours that the measure is made of move margin.",
    "harmful": "The behaviours that it is made of lower margin.",
    "vanity": "It is correlated with margin across customers, but margin does not follow when it "
    "changes. It may rise while margin does not.",
    "consequence": "It follows from purchases, so it cannot be credited with causing them.",
    "no effect": "Its effect on margin is too small to matter.",
    "unverifiable": "The data cannot tell.",
    "mixed": "Its behaviours have different verdicts.",
    "none": "It is made of no single behaviour and of no survey, so no verdict applies to it.",
}
GOALS = {
    "reached": Chip("reached", "✓", "good"),
    "on track": Chip("on track", "✓", "good"),
    "behind": Chip("behind", "!", "warn"),
    "missed": Chip("missed", "✗", "bad"),
    "not begun": Chip("not begun", "·", "plain"),
    "no data": Chip("no data", "–", "plain"),
}
VERDICTS = {
    "driver": LINKS["linked"],
    "inert": LINKS["no effect"],
    **{name: LINKS[name] for name in ("harmful", "vanity", "consequence", "unverifiable")},
    "moves with margin": LINKS["linked"],
    "moves little": LINKS["no effect"],
    "no information": LINKS["no effect"],
    "reversed": LINKS["harmful"],
    "unclear": LINKS["unverifiable"],
    "suspiciously good": STATUSES["warning"],
}
"""Verdicts on behaviours, surveys and scores, each shown like the link that means the same."""
_ARROWS = {"up": "↗", "down": "↘", "flat": "→", "unknown": "·"}
_MOST_NAMES = 5


def chip_of(known: dict[str, Chip], name: str) -> Chip:
    """Return how to show a word; one that is not known is shown as it is."""
    return known.get(name) or Chip(one_line(name) or "–", "·", "plain")


def verdict_chip(name: str) -> Chip:
    """Return how to show the verdict of a behaviour or survey, under its own name."""
    known = VERDICTS.get(name)
    return chip_of({}, name) if known is None else Chip(one_line(name), known.sign, known.tone)


def trend_chip(trend: Trend) -> Chip:
    """Return the direction of a trend; a trend of fewer than four periods is not known."""
    tone = {True: "good", False: "bad", None: "plain"}[trend.good]
    name = "not known" if trend.direction == "unknown" else trend.direction
    return Chip(name, _ARROWS[trend.direction], tone)


def measured(card: Scorecard) -> list[MeasureCard]:
    """Return the measures that the tables allow."""
    return [each for each in card.measures if each.absent is None]


def absent(card: Scorecard) -> list[MeasureCard]:
    """Return the measures that the tables do not allow."""
    return [each for each in card.measures if each.absent is not None]


def title(card: Scorecard, name: str) -> str:
    """Return the title of a measure, its name if the card does not have it."""
    found = next((each.title for each in card.measures if each.name == name), name)
    return one_line(found)


def titles(measures: Sequence[MeasureCard]) -> str:
    """Return the first titles as a list in words, and how many more there are."""
    return first_of([one_line(each.title) for each in measures])


def first_of(names: Sequence[str]) -> str:
    """Return the first names as a list in words, and how many more there are.

    Examples
    --------
    >>> first_of(["a", "b"]), first_of(list("abcdefg"))
    ('a and b', 'a, b, c, d, e and 2 more')
    """
    shown, more = names[:_MOST_NAMES], len(names) - _MOST_NAMES
    return listed(shown if more <= 0 else [*shown, f"{more} more"])


def headline(card: Scorecard) -> str:
    """Return what the targets say, or the links to margin, in a sentence without a full stop.

    Examples
    --------
    >>> import datetime as dt
    >>> def card(*statuses):
    ...     measures = [MeasureCard(s, s, "percent", status=s) for s in statuses]
    ...     return Scorecard("shop", "customer", "EUR", dt.date(2024, 1, 1), (), tuple(measures))
    >>> headline(card("met", "missed", "no target")), headline(card("met", "warning"))
    ('1 of 2 targets is missed', 'No target is missed, 1 of 2 is uncertain')
    >>> headline(card("met")), headline(card("no target")), headline(card("no data", "met"))
    ('The only target is met', 'No measure has data', 'No target is missed, 1 of 2 has no data')
    """
    targets = [each.status for each in card.measures if each.status != "no target"]
    n = len(targets)
    if not n:
        return _linked(card)
    missed, warnings, unknown = (targets.count(s) for s in ("missed", "warning", "no data"))
    if unknown == n:
        return "No measure with a target has data"
    if missed == n or not missed + warnings + unknown:
        said = "missed" if missed else "met"
        return f"The only target is {said}" if n == 1 else f"All {n} targets are {said}"
    if missed:
        return f"{missed} of {n} targets {_is(missed)} missed"
    if warnings:
        return f"No target is missed, {warnings} of {n} {_is(warnings)} uncertain"
    return f"No target is missed, {unknown} of {n} {'has' if unknown == 1 else 'have'} no data"


def _linked(card: Scorecard) -> str:
    """Return the headline of a scorecard without targets."""
    kinds = [each.link.kind for each in measured(card) if each.period is not None]
    if not kinds:
        return "No measure has data"
    linked, vanity = kinds.count("linked"), kinds.count("vanity")
    if not linked and not vanity:
        return f"{quantity(len(kinds), 'measure')}, none of them shown to move margin"
    return (
        f"{quantity(linked, 'measure')} {_is(linked)} linked to margin, "
        f"{vanity} {_is(vanity)} vanity"
    )


def lead(card: Scorecard) -> list[str]:
    """Return the paragraphs below the headline: what is linked to margin, and what is vanity."""
    present = [each for each in measured(card) if each.period is not None]
    lacking = len(absent(card))
    needs = "needs" if lacking == 1 else "need"
    more = [f"{quantity(lacking, 'measure')} {needs} what the tables lack."] if lacking else []
    if not present:
        return ["No measure has data.", *more]
    linked, harmful, vanity = (
        [each for each in present if each.link.kind == kind]
        for kind in ("linked", "harmful", "vanity")
    )
    said = [
        f"Of {quantity(len(present), 'measure')} with data, {len(linked)} "
        f"{_is(len(linked))} linked to margin" + (f": {titles(linked)}." if linked else ".")
    ]
    if harmful:
        said.append(f"{titles(harmful)} {_is(len(harmful))} harmful: margin falls with more of it.")
    if vanity:
        said.append(
            f"{titles(vanity)} {_is(len(vanity))} vanity: margin does not follow when "
            f"{'it changes' if len(vanity) == 1 else 'they change'}."
        )
    return [*said, *more]


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
