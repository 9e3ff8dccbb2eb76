"""Measures of events on Spark equal the oracles, as on the other engines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.measures.tables import values
from tests.measures.test_event_measures import ORACLES, SPLITS, assert_same, world_of


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.seldom
def test_all_measures_of_events_equal_their_oracles(spark_engine: Any) -> None:
    world = world_of(spark_engine, seed=3)

    for name, oracle in ORACLES.items():
        assert_same(values(world.results[name]), oracle(world))
    for (name, dimension, group), oracle in SPLITS.items():
        assert_same(values(world.results[name], dimension, group), oracle(world))
