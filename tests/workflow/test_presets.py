"""Presets: each trains on its data set, and its scorecard says what the truth says."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import yaml

import engagement_ml as em
from engagement_ml.cli.demo import definition
from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.datasets import Preset, make_preset, preset_names
from engagement_ml.datasets.dataset import write_dataset
from engagement_ml.datasets.presets.making import describe
from engagement_ml.measures.catalogue import definitions
from engagement_ml.scorecard.card import Scorecard
from engagement_ml.workflow import scorecard

ALWAYS = "employees"
"""The preset that runs always, with fewer customers and without segments: its effects are large."""


def config_of(name: str, folder: Path = Path("data")) -> PipelineConfig:
    raw = yaml.safe_load(definition(name))
    raw["tracking"] = {"uri": None}
    raw["sources"] = {table: str(folder / f"{table}.parquet") for table in raw["sources"]}
    return parse_config(raw, origin=f"{name}.yaml")


def verdicts_are_true(preset: Preset, verdicts: dict[str, str]) -> None:
    """Check that true drivers are found, and nothing else is called one."""
    roles = preset.truth.roles
    called = {name for name, verdict in verdicts.items() if verdict == "driver"}
    assert called
    assert called <= set(preset.truth.drivers)
    harmful = {name for name, role in roles.items() if role == "harmful"}
    assert {name for name, verdict in verdicts.items() if verdict == "harmful"} == harmful
    for name in set(preset.truth.drivers) - called:
        assert verdicts[name] == "unverifiable", name


def card_is_true(preset: Preset, card: Scorecard, config: PipelineConfig) -> None:
    """Check that measures have data, and that what looks good and is not is called vanity."""
    for stage in config.journey.values():
        for name in stage.measures:
            measure = card.measure(name)
            assert measure.absent is None, (name, measure.absent)
            assert measure.latest.value is not None, name
            assert measure.owner == stage.owner, name
    for name in preset.truth.looks_good:
        measure = card.measure(name)
        assert measure.status == "met", name
        assert measure.trend.direction == "up", name
        assert measure.link.kind == "vanity", name
    kinds = {name: card.measure(name).link.kind for name in preset.truth.linked}
    assert "linked" in kinds.values()
    assert set(kinds.values()) <= {"linked", "unverifiable"}
    assert {goal.measure for goal in card.goals} == {goal.measure for goal in config.goals}
    assert all(goal.status != "no data" for goal in card.goals)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.seldom) for n in preset_names],
)
def test_a_preset_trains_and_its_scorecard_says_what_is_true(name, tmp_path):
    preset = make_preset(name, n_customers=400 if name == ALWAYS else None)
    write_dataset(preset, tmp_path)
    config = config_of(name, tmp_path)
    if name == ALWAYS:
        small = config.scorecard.model_copy(update={"segments": False})
        config = config.model_copy(update={"segments": (), "scorecard": small})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = em.train(config, output=tmp_path / "run", progress=False)
        verdicts_are_true(
            preset, dict(zip(run.drivers.behaviour, run.drivers.verdict, strict=True))
        )
        made = scorecard(config, model=tmp_path / "run", progress=False)
    card_is_true(preset, made.card, config)


@pytest.mark.parametrize("name", preset_names)
def test_a_definition_names_only_what_is_there(name):
    preset, config = make_preset(name, n_customers=400, n_weeks=30), config_of(name)
    in_data = set(preset.events["event_type"])
    assert set(config.behaviours) <= in_data
    assert in_data - set(config.behaviours) <= {config.churn.event_type}
    for key, settings in config.measures.items():
        for names in (settings.event, settings.start, settings.goal, settings.cancelled):
            assert set([names] if isinstance(names, str) else names or ()) <= in_data, key
    campaigns = set(preset.customers["acquired_by"])
    assert {goal.campaign for goal in config.goals} - {None} <= campaigns
    assert set(config.segments) <= set(preset.customers)


@pytest.mark.parametrize("name", preset_names)
def test_a_definition_is_whole(name):
    config = config_of(name)
    known = definitions(config)
    listed = [measure for stage in config.journey.values() for measure in stage.measures]
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(known)
    assert {goal.measure for goal in config.goals} <= set(listed)
    description = describe(name)
    assert {*description.looks_good, *description.linked} <= set(listed)
    assert {benchmark.measure for benchmark in config.benchmarks} <= set(listed)
    # A measure that is configured is on the journey, so that it has an owner.
    assert set(config.measures) - set(listed) == set()
    for stage in config.journey.values():
        assert stage.owner
        assert stage.warning_signs
    for behaviour in config.behaviours.values():
        assert behaviour.stage in config.journey
        assert behaviour.label
    outbound = {n for n, b in config.behaviours.items() if b.direction == "outbound"}
    assert outbound


def test_the_targets_of_sources_are_named_as_such():
    measures = config_of("professional-services").measures
    targets = {name: m.target for name, m in measures.items() if m.target_source}
    assert targets == {
        "booking_rate": 80.0,
        "response_hours": 24.0,
        "review_hours": 48.0,
        "repeat_service": 60.0,
        "referral_rate": 20.0,
    }
    sources = {m.target_source for m in measures.values() if m.target_source}
    assert all("no industry standard" in source for source in sources)
