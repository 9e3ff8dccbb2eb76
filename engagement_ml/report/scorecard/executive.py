"""The executive's part: at most seven numbers, goals, and engaged × buying."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import Money, finite, number, one_line, percent, plural, sentence
from engagement_ml.report.scorecard import drawings, words
from engagement_ml.report.scorecard.review import writer_of
from engagement_ml.scorecard.card import EngagedBuying, GoalCard, Scorecard

MOST_FACTS = 7
_LONG = 26
"""Characters from which a fact is a text, not a number."""
_TONES = ("good", "bad", "warn")


def executive(card: Scorecard) -> dict[str, Any]:
    """Return what the first screen shows."""
    return {
        "facts": [
            {
                "title": one_line(fact.get("title", "")),
                "text": one_line(fact.get("text", "")),
                "long": len(fact.get("text", "")) > _LONG,
                "sentence": sentence(one_line(fact.get("sentence", ""))),
                "tone": fact["tone"] if fact.get("tone") in _TONES else "plain",
            }
            for fact in card.facts[:MOST_FACTS]
        ],
        "reason": _reason(card),
        "goals": [_goal(card, goal) for goal in card.goals],
        "buying": None if card.engaged_buying is None else _buying(card, card.engaged_buying),
    }


def _reason(card: Scorecard) -> str:
    """Return why there are no numbers for executives."""
    reason = None if card.score is None else card.score.reason
    said = sentence(one_line(reason)) if reason else "There is no engagement metric."
    return f"{said} What the tables allow is in the analyst's part."


def _goal(card: Scorecard, goal: GoalCard) -> dict[str, Any]:
    write = writer_of(card, goal.measure)
    now, target = write(goal.latest.value), write.exact(goal.target)
    return {
        "name": one_line(goal.name),
        "bar": drawings.progress(goal),
        "status": words.chip_of(words.GOALS, goal.status),
        "sentence": sentence(one_line(goal.sentence)) or f"{now}, the goal is {target}.",
    }


def _buying(card: Scorecard, found: EngagedBuying) -> dict[str, Any]:
    """Return people and margin of the four cells, in rows of engaged and other customers."""
    counts = {name: finite(cell.get("customers")) or 0.0 for name, cell in found.cells.items()}
    total = sum(counts.values())
    money = Money(one_line(card.currency))

    def cell(name: str) -> dict[str, Any]:
        margin = finite(found.cells.get(name, {}).get("margin"))
        share = counts.get(name, 0.0) / total if total else None
        return {
            "customers": number(counts.get(name), 0),
            "share": percent(share),
            "margin": "" if margin is None else money(margin, 0),
            "heat": drawings.shade(counts.get(name, 0.0), [0.0, total]) if total else None,
        }

    return {
        "period": one_line(found.period),
        "limit": number(found.limit, 1),
        "entities": one_line(plural(card.entity)),
        "rows": [
            ("Engaged", cell("engaged bought"), cell("engaged not bought")),
            ("Others", cell("other bought"), cell("other not bought")),
        ],
    }
