"""A run on many event types records the groups, and evaluates later data by the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from engagement_ml.records import RunRecord
from engagement_ml.workflow import evaluate, train


@pytest.mark.seldom
def test_a_run_groups_the_same_types_again(
    small_shop: Any, write_yaml: Any, quick_drivers: Any, tmp_path: Any
) -> None:
    quick_drivers("tutorial_done", "coupon_use")
    settings = write_yaml(event_types={"at_most": 5}, tracking={"uri": None})
    result = train(settings, output=tmp_path / "run")
    record = RunRecord.from_json(tmp_path / "run" / "run.json")
    kept, name = record.config["event_types"]["keep"], record.config["event_types"]["others"]
    assert (len(kept), name) == (4, "other")
    assert {"tutorial_done", "coupon_use"} < set(kept)  # the configuration names them
    counts = small_shop.events["event_type"].value_counts()
    assert record.grouped_event_types == {n: counts[n] for n in counts.index if n not in kept}
    assert {row.behaviour for row in record.drivers} == {*kept, "other"}
    assert any("form one behaviour, 'other'" in note for note in record.notes)
    # The configuration as it was given has no list of types to keep, and leads to the same groups.
    for config in (None, settings):
        evaluation = evaluate(result.folder, config)
        assert evaluation["profit"] == record.evaluation["profit"]


@pytest.mark.seldom
def test_the_types_of_the_run_decide_where_counts_have_changed(
    small_shop: Any, write_yaml: Any, quick_drivers: Any, tmp_path: Any
) -> None:
    settings = write_yaml(event_types={"at_most": 5}, behaviours={}, tracking={"uri": None})
    quick_drivers("page_view")
    run = train(settings, output=tmp_path / "run").folder
    events = small_shop.events
    gone = ("page_view", *RunRecord.from_json(run / "run.json").config["event_types"]["keep"])
    # Fewer events of all types that stay: by themselves, the counts would choose others.
    frames = {
        "events": events[~events["event_type"].isin(gone) | (events.index % 40 == 0)],
        "transactions": small_shop.transactions,
        "customers": small_shop.customers,
    }
    assert evaluate(run, settings, frames=frames)["profit"]
