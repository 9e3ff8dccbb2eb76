"""Section on teams: satisfaction of their people beside NPS and margin of their customers."""

from __future__ import annotations

from engagement_ml.formatting import one_line, plural
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.tables import Cell, Column, Table, text_cell
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Scorecard, Value
from engagement_ml.scorecard.teams import MARGIN, NPS, TeamRow

_SCORE, _RATIO = Writer("score"), Writer("points")


def teams_section(card: Scorecard) -> Section | None:
    """Return the section, or None without teams."""
    found = card.teams
    if found is None or not found.rows:
        return None
    last = max(row.period for row in found.rows)
    entities = one_line(plural(card.entity))
    lead = [
        f"What the people of a team say of their work, beside what their {entities} say and bring "
        "in. A team's figures need at least five people.",
        *(link.sentence for link in found.links),
    ]
    if found.reason:
        lead.append(f"{one_line(found.reason).capitalize()}.")
    now = [row for row in found.rows if row.period == last]
    tables = [_teams(card, "teams", f"Teams in {last}", now, period=False)]
    if found.links:
        tables.append(_links(card))
    every = _teams(card, "teams-by-period", "Teams by period", found.rows, period=True)
    return Section(
        "teams",
        "Teams and their " + entities,
        tuple(lead),
        tuple(tables),
        (("All periods", (every,)),) if len(found.rows) > len(now) else (),
    )


def _teams(
    card: Scorecard, key: str, caption: str, rows: tuple[TeamRow, ...] | list[TeamRow], *,
    period: bool,
) -> Table:  # fmt: skip
    surveys = sorted({name for row in rows for name in row.satisfaction})
    measures = sorted({name for row in rows for name in row.customers})
    money = Writer("currency", card.currency)
    columns = [Column("Team", ("team",)), *([Column("Period", ("period",))] if period else [])]
    columns += [_column(_name(name), f"team_{name}") for name in surveys]
    entities = one_line(plural(card.entity))
    columns += [
        _column(
            f"Margin per {one_line(card.entity)}" if name == MARGIN else f"NPS of {entities}",
            f"customers_{name}",
        )
        for name in measures
    ]
    body = []
    for row in rows:
        cells = [text_cell(row.team), *([text_cell(row.period)] if period else [])]
        cells += [_cell(row.satisfaction.get(name), _writer(name)) for name in surveys]
        cells += [
            _cell(row.customers.get(name), money if name == MARGIN else _RATIO) for name in measures
        ]
        body.append(tuple(cells))
    return Table(key, caption, tuple(columns), tuple(body))


def _links(card: Scorecard) -> Table:
    assert card.teams is not None
    money = Writer("currency", card.currency)
    rows = tuple(
        (
            text_cell(_name(link.survey)),
            text_cell("margin" if link.measure == MARGIN else "NPS"),
            text_cell(str(link.teams)),
            _cell(link.between, _RATIO),
            _cell(link.within, money if link.measure == MARGIN else _RATIO),
        )
        for link in card.teams.links
    )
    columns = (
        Column("Satisfaction", ("satisfaction",)),
        Column(f"Of their {one_line(plural(card.entity))}", ("measure",)),
        Column("Teams", ("teams",), "number"),
        _column("Correlation between teams", "between"),
        _column("One point more, within a team", "within"),
    )
    return Table("team-links", "Satisfaction of teams and their customers", columns, rows)


def _column(title: str, name: str) -> Column:
    return Column(title, (name, f"{name}_low", f"{name}_high", f"{name}_people"), "number")


def _cell(value: Value | None, writer: Writer) -> Cell:
    if value is None:
        return Cell("–", None, (None, None, None, None))
    text, under = writer.parts(value)
    note = one_line(value.note) if value.value is None else under
    return Cell(text, value.value, (value.value, value.low, value.high, value.n), note)


def _writer(survey: str) -> Writer:
    return _RATIO if survey == NPS else _SCORE


def _name(survey: str) -> str:
    upper = survey in ("nps", "csat", "ces", "esat")
    return survey.upper() if upper else one_line(survey)
