"""Event studies: change of margin in the periods before and after one event."""

from __future__ import annotations

from typing import Any

from engagement_ml.drivers.evidence import EventStudy
from engagement_ml.report import text
from engagement_ml.report.event_study_plot import event_study_chart
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any] | None:
    """Return a card per behaviour, the metric's first; None without event studies."""
    studies = run.record.evidence.event_study
    first = [each.behaviour for each in run.weighted]
    order = dict.fromkeys([*first, *run.by_behaviour, *sorted(studies)])
    cards = [_card(run, name, studies[name]) for name in order if name in studies]
    cards = [card for card in cards if card["chart"] is not None]
    return {"cards": cards} if cards else None


def _card(run: Run, behaviour: str, study: EventStudy) -> dict[str, Any]:
    label = run.label(behaviour)
    return {
        "label": label,
        "verdict": text.verdict_of(run.verdict(behaviour), run.entity),
        "chart": event_study_chart(
            study,
            label=f"Change of margin by period before and after one event of {label}, with 95% "
            "intervals",
            x_label="periods since the event",
            y_label=f"{run.money.currency} per event and period",
            write_y=run.money.tick,
        ),
        "sentence": _sentence(study),
    }


def _sentence(study: EventStudy) -> str:
    """Return how many periods before and after differ from 0, by their own intervals."""
    before = _clear(study, lead=True)
    after = _clear(study, lead=False)
    return (
        f"Before the event, {before[0]} of {before[1]} intervals exclude 0; after it, {after[0]} "
        f"of {after[1]}."
    )


def _clear(study: EventStudy, *, lead: bool) -> tuple[int, int]:
    """Return how many intervals on one side of the event exclude 0, and of how many."""
    rows = zip(study.periods, study.low, study.high, strict=True)
    side = [(low, high) for period, low, high in rows if (period < 0) == lead]
    return sum(low > 0 or high < 0 for low, high in side), len(side)


EVENT_STUDY = Section(
    "event_study", "Before and after the event", "event_study.html.j2", build, folded=True
)
