"""Printing of a scorecard in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from engagement_ml.cli.results import print_table
from engagement_ml.formatting import one_line, quantity, sentence
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.executive import MOST_FACTS
from engagement_ml.report.scorecard.review import changed, writer_of
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.report.summary import WIDTH
from engagement_ml.scorecard.card import MeasureCard, Scorecard

PAGE = "scorecard.html"
_MOST_ROWS = 20
_TOLD = ("linked", "harmful", "vanity")


def show_scorecard(card: Scorecard, folder: Path | None) -> None:
    """Print the headline, the executive's numbers, targets, goals, and where the page is.

    Parameters
    ----------
    card : Scorecard
    folder : Path or None
        Where the files are; None if none were written.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    width = min(WIDTH, console.width)
    period = f", {one_line(card.periods[-1])}" if card.periods else ""
    title = f"{one_line(card.name)}{period}: {_lower(words.headline(card))}."
    console.print(Text(title, style="bold"), width=width)
    for text in words.lead(card):
        console.print(text, width=width)
    for fact in card.facts[:MOST_FACTS]:
        console.print("")
        numbers = f"{one_line(fact['title'])}: {one_line(fact['text'])}"
        console.print(Text(numbers, style="bold"), width=width)
        console.print(sentence(one_line(fact["sentence"])), width=width)
    if not card.facts and card.score is not None and card.score.reason:
        console.print(sentence(one_line(card.score.reason)), width=width)
    _print_measures(console, card)
    _print_goals(console, card)
    _print_rest(console, card, width)
    if folder is not None:
        console.print("")
        console.print(str(folder / PAGE), soft_wrap=True)


def _print_measures(console: Console, card: Scorecard) -> None:
    """Print the measures with a target; without any, those with a clear link to margin."""
    aimed = [each for each in card.measures if each.status != "no target"]
    shown = aimed or [each for each in words.measured(card) if each.link.kind in _TOLD]
    order = list(words.STATUSES)
    shown.sort(key=lambda each: order.index(each.status))
    rows = shown[:_MOST_ROWS]
    labels = _unique([one_line(each.title) for each in rows])
    cells = {
        name: _cells(card, each, aimed=bool(aimed)) for name, each in zip(labels, rows, strict=True)
    }
    headings = ("value", "target", "status", "margin") if aimed else ("value", "margin")
    print_table(console, "Measure", cells, headings)
    if len(shown) > _MOST_ROWS:
        console.print(f"and {quantity(len(shown) - _MOST_ROWS, 'measure')} more", style="dim")


def _unique(names: Sequence[str]) -> list[str]:
    """Return names with a number after those that came before."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _cells(card: Scorecard, measure: MeasureCard, *, aimed: bool) -> list[str]:
    write = Writer(measure.unit, card.currency)
    value, interval = write.parts(measure.latest)
    target = [write.exact(measure.target), measure.status] if aimed else []
    return [
        f"{value}\n{interval}" if interval else value,
        *target,
        words.LINKS[measure.link.kind].name,
    ]


def _print_goals(console: Console, card: Scorecard) -> None:
    cells = {}
    names = _unique([one_line(goal.name) for goal in card.goals])
    for name, goal in zip(names, card.goals, strict=True):
        write = writer_of(card, goal.measure)
        now, aim = write(goal.latest.value), write.exact(goal.target)
        cells[name] = [now, aim, str(goal.end), one_line(goal.status)]
    print_table(console, "Goal", cells, ("now", "goal", "until", "status"))


def _print_rest(console: Console, card: Scorecard, width: int) -> None:
    said = [text for text in (changed(card),) if text is not None]
    if card.actions:
        owners = len({each.owner for each in card.actions})
        said.append(
            f"{quantity(len(card.actions), 'action')} for {quantity(owners, 'owner')} on the page."
        )
    said += [sentence(one_line(note)) for note in card.notes]
    if said:
        console.print("")
    for text in said:
        console.print(Text(text, style="dim"), width=width)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
