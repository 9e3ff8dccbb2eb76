"""The cards of all surveys."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.scorecard.card import SurveyCard


def survey_cards(
    tables: Tables, config: PipelineConfig, *, segments: nw.LazyFrame[Any] | None = None
) -> tuple[SurveyCard, ...]:
    """Return a card for each survey that has answers, by name; none without a table of surveys."""
    return ()
