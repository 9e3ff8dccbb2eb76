"""Surveys on the scorecard: what a score has to do with margin, who answers, what came before.

One call makes the cards of all surveys::

    survey_cards(tables, config, segments=None) -> tuple[SurveyCard, ...]

`tables` are those of ``read_tables(..., extra=True)``, `segments` is the frame of
``MeasureContext.groups`` (``customer_id`` and a text column for each segment; it splits comments
only). The result is empty without a table of surveys. No trained run is needed, and nothing of one
is used: the verdict on a score rests on the surveys, the events and the transactions.
"""

from __future__ import annotations

from engagement_ml.scorecard.surveys.cards import survey_cards

__all__ = ["survey_cards"]
