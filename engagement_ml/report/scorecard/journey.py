"""The section of the journey: its stages in a loop, and stage × touchpoint."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import one_line, sentence
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.matrices import touchpoint_table
from engagement_ml.report.scorecard.measures import anchor
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Scorecard, StageCard

_MOST_ROWS_OPEN = 20


def journey_section(card: Scorecard) -> Section | None:
    """Return the stages of the journey, None without stages and touchpoints."""
    table = touchpoint_table(card)
    if not card.stages and table is None:
        return None
    folded = table is not None and len(table.rows) > _MOST_ROWS_OPEN
    titles = {stage.name: stage.title for stage in card.stages}
    return Section(
        "journey",
        "Journey",
        tables=() if table is None or folded else (table,),
        folded=((table.caption, (table,)),) if table is not None and folded else (),
        template="scorecard_journey.html.j2",
        content=[_stage(card, stage, titles) for stage in card.stages],
    )


def _stage(card: Scorecard, stage: StageCard, titles: dict[str, str]) -> dict[str, Any]:
    by_name = {each.name: each for each in card.measures}
    following = stage.leads_to
    return {
        "title": one_line(stage.title),
        "owner": one_line(stage.owner or ""),
        "leads_to": one_line(titles.get(following, following)) if following else "",
        "signs": [sentence(one_line(each)) for each in stage.warning_signs],
        "measures": [
            {
                "title": one_line(measure.title),
                "anchor": anchor(card, measure.name),
                "value": Writer(measure.unit, card.currency)(measure.latest.value),
                "status": None if measure.status == "no target" else words.STATUSES[measure.status],
                "link": None if measure.link.kind == "none" else words.LINKS[measure.link.kind],
            }
            for name in stage.measures
            if (measure := by_name.get(name)) is not None and measure.absent is None
        ],
    }
