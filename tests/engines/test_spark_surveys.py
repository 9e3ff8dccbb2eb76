"""Measures and cards of surveys on Spark are those on DuckDB."""

from __future__ import annotations

from typing import Any

import pytest

from engagement_ml.engine import Engine, open_duckdb
from tests.measures.tables import Row, make_context, measured
from tests.scorecard.test_survey_cards import cards, shop


def with_touchpoints(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Give events an id and a channel, and some answers the id of an event."""
    events: list[Row] = [
        {**row, "event_id": str(i), "channel": ("web", "store")[i % 2]}
        for i, row in enumerate(tables["events"])
    ]
    surveys: list[Row] = [
        {**row, "event_id": str(i) if i % 3 else None} for i, row in enumerate(tables["surveys"])
    ]
    return {**tables, "events": events, "surveys": surveys}


def survey_measures(engine: Engine) -> dict[str, Any]:
    context = make_context(engine, **with_touchpoints(shop()))
    found = measured(context, "nps", "csat", "response_rate")
    return {name: (each.estimates, each.absent, each.notes) for name, each in found.items()}


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_surveys_on_spark(spark_engine: Any) -> None:
    with open_duckdb(threads=1) as engine:
        expected = survey_measures(engine)
        expected_cards = cards(engine, shop())
    assert survey_measures(spark_engine) == expected
    assert cards(spark_engine, shop()) == expected_cards
