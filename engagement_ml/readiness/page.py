"""The data maturity page: a check as Markdown, for people who plan what to record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engagement_ml.formatting import DASH, Money, count, first_upper, percent, plural, quantity
from engagement_ml.readiness.result import CheckResult
from engagement_ml.readiness.variation import Variation


def markdown_page(result: CheckResult) -> str:
    """Return a check as a page of Markdown.

    Parameters
    ----------
    result : CheckResult

    Returns
    -------
    str
        What would stop training, how far the data carry, what to record next, which outcomes the
        tables support, and how large an effect of each behaviour must be to be found.
    """
    maturity = result.maturity
    parts = [f"# Data of {_escaped(result.name or 'a pipeline')}", _headline(result)]
    parts += _list("Faults that would stop training", [fault.message for fault in result.faults])
    if maturity is not None:
        parts += [f"## Data maturity: level {maturity.level} of {len(maturity.levels)}"]
        parts.append(
            _table(
                ("level", "reached", "what is there", "what is missing", "what it brings"),
                [
                    (
                        f"{each.level} {each.name}",
                        _yes(each.reached),
                        "; ".join(each.there) or DASH,
                        "; ".join(each.missing) or DASH,
                        each.brings,
                    )
                    for each in maturity.levels
                ],
            )
        )
        parts += _list("What to record next", [f"{each}." for each in maturity.next])
    if result.outcomes:
        rows = [(o.name, _yes(o.supported), o.meaning, o.missing or DASH) for o in result.outcomes]
        head = ("outcome", "supported", "what it tells", "what it needs")
        parts += ["## Outcomes and measures", _table(head, rows)]
    if result.variation is not None:
        parts += _variation(result, result.variation)
    parts += _list("Notes", result.notes)
    return "\n\n".join(parts) + "\n"


def _headline(result: CheckResult) -> str:
    n = len(result.faults)
    return f"{quantity(n, 'fault')} would stop training." if n else "Nothing would stop training."


def _variation(result: CheckResult, found: Variation) -> list[str]:
    many, money = plural(result.entity), Money(result.currency)
    parts = [
        "## What an effect must be to be found",
        f"{count(found.customers)} {many}, {count(found.trained_on)} of them in training, "
        f"{quantity(found.periods, 'period')} of {quantity(found.period_days, 'day')}. "
        f"Mean margin per outcome window: {money(found.mean_margin)}.",
    ]
    if found.obstacle:
        return [*parts, first_upper(f"{found.obstacle}.")]
    rows = [
        (
            each.behaviour,
            count(each.events),
            percent(each.customers_share),
            percent(each.varying_share),
            DASH if each.smallest_effect is None else money(each.smallest_effect),
            DASH if each.smallest_share is None else percent(each.smallest_share, 1),
            each.advice or DASH,
        )
        for each in found.behaviours
    ]
    head = (
        "behaviour", "events", many, "count varies", "smallest effect of one event",
        "of mean margin, one standard deviation", "advice",
    )  # fmt: skip
    return [*parts, _table(head, rows)]


def _list(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"- {_escaped(first_upper(line))}" for line in lines]
    return [f"## {title}", "\n".join(found)] if found else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"


def _escaped(text: str) -> str:
    """Return text from the data in one line, without a meaning in Markdown or HTML."""
    plain = " ".join(text.split())
    for character in "\\`*_[]|":
        plain = plain.replace(character, f"\\{character}")
    return plain.replace("<", "&lt;")
