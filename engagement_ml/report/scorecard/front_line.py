"""The front line's part: for each owner what was missed, whom to act on, and what to stop."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import one_line, quantity, sentence
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.mappings import mapping_table
from engagement_ml.report.scorecard.measures import anchor
from engagement_ml.report.scorecard.review import writer_of
from engagement_ml.report.scorecard.tables import Table
from engagement_ml.scorecard.card import Action, Scorecard
from engagement_ml.scorecard.front_line import NO_OWNER

_WITHOUT = "No owner"


def front_line(card: Scorecard) -> list[dict[str, Any]]:
    """Return the actions of each owner, those without an owner last."""
    owners = sorted(
        dict.fromkeys(each.owner for each in card.actions),
        key=lambda name: name in ("", NO_OWNER),
    )
    tables = iter(range(1, len(card.actions) + 1))
    return [
        {
            "owner": one_line(owner) if owner not in ("", NO_OWNER) else _WITHOUT,
            "missed": [_action(card, each) for each in _of(card, owner, "missed")],
            "customers": [
                {**_action(card, each), "table": _customers(card, each, next(tables))}
                for each in _of(card, owner, "customers")
            ],
            "stop": [_action(card, each) for each in _of(card, owner, "stop")],
        }
        for owner in owners
    ]


def tables_of(owners: list[dict[str, Any]]) -> list[Table]:
    """Return all tables of customers."""
    lists = [each["table"] for owner in owners for each in owner["customers"]]
    return [table for table in lists if table is not None]


def _of(card: Scorecard, owner: str, kind: str) -> list[Action]:
    return [each for each in card.actions if each.owner == owner and each.kind == kind]


def _action(card: Scorecard, action: Action) -> dict[str, Any]:
    measure = next((m for m in card.measures if m.name == action.measure), None)
    write = writer_of(card, action.measure or "")
    return {
        "title": one_line(action.title),
        "sentence": sentence(one_line(action.sentence)),
        "anchor": anchor(card, action.measure or ""),
        "value": "" if measure is None else write(measure.latest.value),
        "target": "" if measure is None or measure.target is None else write.exact(measure.target),
        "status": None if measure is None else words.STATUSES[measure.status],
    }


def _customers(card: Scorecard, action: Action, n: int) -> Table | None:
    caption = f"{one_line(action.title)}: {quantity(len(action.customers), one_line(card.entity))}"
    return mapping_table(
        f"act-on-{n}", caption, action.customers, currency=card.currency, entity=card.entity
    )
