"""Sections of the monthly review: how far goals are, and what changed since the last one."""

from __future__ import annotations

from engagement_ml.formatting import day, finite, one_line, percent, quantity
from engagement_ml.report.scorecard import drawings, words
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import (
    Cell,
    Chip,
    Column,
    Table,
    chip_cell,
    drawing_cell,
    number_cell,
    text_cell,
    value_cell,
)
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Change, GoalCard, Scorecard, Value

_GOALS = (
    Column("Goal", ("goal", "measure", "campaign")),
    Column("Owner", ("owner",)),
    Column("At the start", ("first", "first_low", "first_high"), "number"),
    Column("Now", ("latest", "latest_low", "latest_high"), "number"),
    Column("Goal is", ("target",), "number"),
    Column("From", ("start",)),
    Column("To", ("end",)),
    Column("Progress", (), "drawing"),
    Column("Done", ("done", "time_gone"), "number"),
    Column("Status", ("status",)),
)
_CHANGES = (
    Column("Measure", ("measure",)),
    Column("Before", ("before",), "number"),
    Column("After", ("after",), "number"),
    Column("Change", ("change", "low", "high"), "number"),
    Column("Beyond noise", ("beyond_noise", "good")),
    Column("In words", ("sentence",)),
)


def goals_section(card: Scorecard) -> Section | None:
    """Return the goals, with their dates and how far each is."""
    if not card.goals:
        return None
    table = Table("goals", "Goals", _GOALS, tuple(_goal(card, each) for each in card.goals))
    lead = "The bar is the share of the way from the start to the goal, the line the share of time."
    return Section("all-goals", "Goals", (lead,), (table,))


def writer_of(card: Scorecard, measure: str) -> Writer:
    """Return the writer of a measure's unit."""
    unit = next((each.unit for each in card.measures if each.name == measure), "score")
    return Writer(unit, card.currency)


def _goal(card: Scorecard, goal: GoalCard) -> tuple[Cell, ...]:
    write = writer_of(card, goal.measure)
    under = words.title(card, goal.measure)
    if goal.campaign:
        under += f", campaign {one_line(goal.campaign)}"
    order = list(words.GOALS).index(goal.status) if goal.status in words.GOALS else 99
    done = finite(goal.done)
    return (
        Cell(
            one_line(goal.name),
            goal.name.casefold(),
            (goal.name, goal.measure, goal.campaign),
            under,
        ),
        text_cell(goal.owner),
        value_cell(goal.first, write, note=True),
        value_cell(goal.latest, write, note=True),
        number_cell(goal.target, write.exact(goal.target)),
        Cell(day(goal.start), goal.start.isoformat(), (goal.start,)),
        Cell(day(goal.end), goal.end.isoformat(), (goal.end,)),
        drawing_cell(drawings.progress(goal)),
        Cell(
            percent(done),
            done,
            (done, goal.time_gone),
            f"{percent(goal.time_gone)} of the time",
        ),
        chip_cell(words.chip_of(words.GOALS, goal.status), goal.status, order),
    )


def changes_section(card: Scorecard) -> Section | None:
    """Return what changed since the last review, and which of it is beyond noise."""
    lead = changed(card)
    if lead is None:
        return None
    if not card.changes:
        return Section("changes", "Since the last review", (lead,))
    beyond = _changes(card, "changes", "Changes beyond noise", noise=False)
    noise = _changes(card, "changes-within-noise", "Changes within noise", noise=True)
    return Section(
        "changes",
        "Since the last review",
        (lead,),
        () if beyond is None else (beyond,),
        () if noise is None else ((noise.caption, (noise,)),),
    )


def _changes(card: Scorecard, key: str, caption: str, *, noise: bool) -> Table | None:
    rows = tuple(_change(card, each) for each in card.changes if each.beyond_noise is not noise)
    return Table(key, caption, _CHANGES, rows) if rows else None


def changed(card: Scorecard) -> str | None:
    """Return how many measures changed beyond noise, and which; None without a last review."""
    if card.since is None:
        return None
    if not card.changes:
        return f"No measure has a value both before and after {day(card.since)}."
    beyond = [words.title(card, each.measure) for each in card.changes if each.beyond_noise]
    return (
        f"Since {day(card.since)}, {len(beyond)} of {quantity(len(card.changes), 'measure')} "
        f"changed by more than chance explains{': ' + words.first_of(beyond) if beyond else ''}."
    )


def _change(card: Scorecard, change: Change) -> tuple[Cell, ...]:
    write = writer_of(card, change.measure)
    title = words.title(card, change.measure)
    moved, interval = write.parts(Value(change.change, change.low, change.high), signed=True)
    return (
        Cell(title, title.casefold(), (change.measure,)),
        _plain_value(change.before.value, write),
        _plain_value(change.after.value, write),
        Cell(moved, finite(change.change), (change.change, change.low, change.high), interval),
        _direction(change),
        text_cell(change.sentence, wide=True),
    )


def _direction(change: Change) -> Cell:
    """Return whether a change is beyond noise, and whether it is for the better."""
    tone, word = {True: ("good", "better"), False: ("bad", "worse"), None: ("plain", "yes")}[
        change.good
    ]
    chip = Chip(word, "●", tone) if change.beyond_noise else Chip("no", "○", "plain")
    order = float(not change.beyond_noise)
    return Cell(chip.name, order, (change.beyond_noise, change.good), chip=chip)


def _plain_value(value: float | None, write: Writer) -> Cell:
    return number_cell(value, write(value))
