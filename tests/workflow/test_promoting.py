"""Promotion: the gate on real data, aliases that survive races and kills, and the way back."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engagement_ml.errors import InputError, NotEnoughDataError, TrackingError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.records import RunRecord
from engagement_ml.report.summary import summary_lines
from engagement_ml.tracking.promotion import find_candidate, log_decision
from engagement_ml.tracking.session import tracking_session
from engagement_ml.workflow import evaluate, promote, register, roll_back
from tests.killing import changes_of, killed_at

NAME = "small-shop"


def other_run(folder: Path, to: Path, **changes: Any) -> Path:
    """Copy a run's folder with another metric, as another training could have left it."""
    shutil.copytree(folder, to)
    metric = dataclasses.replace(EngagementMetric.from_json(folder / "metric.json"), **changes)
    record = RunRecord.from_json(folder / "run.json")
    metric.to_json(to / "metric.json")
    dataclasses.replace(record, metric=metric.to_dict(), registered=None).to_json(to / "run.json")
    return to


def behaviour(name: str, weight: float, cap: float = 6.0) -> WeightedBehaviour:
    straight = Transform("linear", scale=None, shape=None, cap=cap)
    return WeightedBehaviour(name, weight, None, None, "frequency", "events", straight)


def aliases(store: str) -> dict[str, int]:
    with tracking_session(store) as client:
        found = client.get_registered_model(NAME).aliases
    return {alias: int(version) for alias, version in found.items()}


def tags(store: str, version: int) -> dict[str, str]:
    with tracking_session(store) as client:
        return dict(client.get_model_version(NAME, str(version)).tags)


def promotions(store: str) -> list[Any]:
    with tracking_session(store) as client:
        experiment = client.get_experiment_by_name(NAME).experiment_id
        return list(client.search_runs([experiment], "tags.`engagement_ml.type` = 'promotion'"))


@pytest.fixture(scope="module")
def versions(trained, tmp_path_factory) -> SimpleNamespace:
    """A store with a champion and a challenger of other behaviours and another window."""
    root = tmp_path_factory.mktemp("versions")
    store = f"sqlite:///{root / 'mlflow.db'}"
    with tracking_session(store):
        pass
    # `register` writes its entry into the folder, which other tests share.
    first = register(other_run(trained.folder, root / "one"), tracking_uri=store)
    new = (behaviour("wishlist_add", 70.0), behaviour("page_view", 30.0, 40.0))
    second = register(other_run(trained.folder, root / "two", behaviours=new), tracking_uri=store)
    return SimpleNamespace(root=root, store=store, first=first, second=second)


@pytest.fixture
def store(versions, tmp_path) -> str:
    """A copy of that store; artifacts stay where they are."""
    shutil.copy(versions.root / "mlflow.db", tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_the_first_version_that_passes_is_champion_and_later_ones_are_challengers(versions):
    first, second = versions.first.registered, versions.second.registered
    assert (first["alias"], first["gate"]["passed"]) == ("champion", True)
    assert (second["alias"], second["gate"]) == (
        "challenger", {"passed": None, "failed": [], "champion": 1},
    )  # fmt: skip
    assert tags(versions.store, 1)["gate"] == "passed"
    said = "\n".join(map(str, summary_lines(versions.second.record)))
    assert "engagement-ml promote models:/small-shop/2" in said


@pytest.mark.seldom
def test_a_first_version_that_fails_stays_challenger_and_says_why(trained, tmp_path):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    shutil.copytree(trained.folder, tmp_path / "run")
    record = RunRecord.from_json(tmp_path / "run" / "run.json")
    strict = {**record.config, "gate": {"min_customers": 5000}}
    dataclasses.replace(record, config=strict).to_json(tmp_path / "run" / "run.json")
    registered = register(tmp_path / "run", tracking_uri=store).record
    assert registered.registered["alias"] == "challenger"
    assert aliases(store) == {"challenger": 1}
    assert tags(store, 1)["gate"] == "failed"
    assert tags(store, 1)["gate_failed"].startswith("min_customers, ")
    said = "\n".join(map(str, summary_lines(registered)))
    assert "does not pass the gate, so it stays challenger" in said
    assert "Only 300 customers were measured, 5,000 are asked for." in said
    assert "Only 300 customers were measured" in (tmp_path / "run" / "report.html").read_text()


def test_a_dry_run_measures_and_changes_nothing(versions, store, trained, tmp_path):
    before = aliases(store), tags(store, 2), len(promotions(store))
    result = promote(NAME, dry_run=True, tracking_uri=store, output=tmp_path / "out")
    assert (aliases(store), tags(store, 2), len(promotions(store))) == before
    assert (result.version, result.champion, result.promoted, result.run_id) == (2, 1, False, None)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"promote.html", "gate.json", "backcast.json"}
    # The champion's numbers are those of its own evaluation, on the same data.
    own = trained.result.evaluation["metric"]
    for side in ("across", "within"):
        measured = result.measured[side]["champion"]["spearman"]
        assert measured == own[side]["metric"]["spearman"]
    gate = json.loads((tmp_path / "out" / "gate.json").read_text())
    assert [check["name"] for check in gate["checks"]] == [
        check.name for check in result.decision.checks
    ]
    changed = json.loads((tmp_path / "out" / "backcast.json").read_text())
    last = changed["cutoffs"][-1]["change"]
    assert sum(part["mean"] for part in changed["parts"]) == pytest.approx(
        last["mean_change"], abs=1e-9
    )
    assert {row["segment"] for row in changed["segments"]} == {"plan"}


def test_scores_of_the_backcast_are_those_of_the_metrics(store, small_shop):
    result = promote(NAME, dry_run=True, tracking_uri=store)
    from engagement_ml.tracking import load_metric

    at = result.backcast.last.cutoff
    scores = [
        load_metric(f"models:/{NAME}/{n}", tracking_uri=store)
        .score_events(small_shop.events, at)
        .set_index("customer_id")["score"]
        for n in (1, 2)
    ]
    for mover in result.backcast.movers:
        for found, scored in zip((mover.before, mover.after), scores, strict=True):
            assert found == pytest.approx(scored[mover.customer], abs=1e-9)


def test_promotion_and_the_way_back(versions, store):
    lenient = _config(versions, max_loss_between=None, max_loss_within=None)
    result = promote(f"models:/{NAME}@challenger", lenient, tracking_uri=store)
    assert result.promoted
    assert aliases(store) == {"champion": 2, "previous": 1}
    assert tags(store, 2)["gate"] == "passed"
    (run,) = promotions(store)
    assert run.info.run_id == result.run_id
    assert run.info.status == "FINISHED"
    assert run.data.tags["engagement_ml.decision"] == "passed"
    assert run.data.metrics["gate/failed"] == 0
    with tracking_session(store) as client:
        logged = {item.path for item in client.list_artifacts(result.run_id)}
    assert logged == {"promote.html", "gate.json", "backcast.json"}
    with pytest.raises(InputError, match="version 2 is the champion already"):
        promote(f"models:/{NAME}/2", tracking_uri=store)
    with pytest.raises(InputError, match="it has no challenger"):
        promote(NAME, tracking_uri=store)

    assert roll_back(NAME, tracking_uri=store) == (NAME, 2, 1)
    assert aliases(store) == {"champion": 1}
    assert "rolled_back" in tags(store, 2)
    assert len(promotions(store)) == 2
    with pytest.raises(InputError, match="no previous champion; version 1 stays champion"):
        roll_back(NAME, tracking_uri=store)
    assert len(promotions(store)) == 2


@pytest.mark.seldom
def test_a_version_that_fails_leaves_the_champion_and_says_why(versions, store):
    strict = _config(versions, min_customers=5000, require_tag={"approved_by": "any"})
    result = promote(f"models:/{NAME}/2", strict, tracking_uri=store)
    assert not result.passed
    assert aliases(store) == {"champion": 1, "challenger": 2}
    failed = tags(store, 2)["gate_failed"]
    assert {"min_customers", "require_tag"} <= set(failed.split(", "))
    assert "version 1 stays champion" in result.outcome
    (run,) = promotions(store)
    assert run.data.tags["engagement_ml.failed"] == failed
    with tracking_session(store) as client:
        client.set_model_version_tag(NAME, "2", "approved_by", "Zoë <x>")
        client.set_registered_model_tag(NAME, "engagement_ml.last_abstained", "2026-01-01: none")
    again = promote(f"models:/{NAME}/2", strict, tracking_uri=store, dry_run=True)
    assert "require_tag" not in {check.name for check in again.decision.failed}
    assert "a training of this model abstained: 2026-01-01: none" in again.notes


def _config(versions: SimpleNamespace, **gate: Any) -> Any:
    from engagement_ml.config import parse_config

    config = RunRecord.from_json(versions.root / "two" / "run.json").config
    return parse_config({**config, "gate": {**config["gate"], **gate}})


@pytest.mark.seldom
def test_a_champion_with_a_longer_window_is_counted_in_its_own(trained, tmp_path, small_shop):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    register(other_run(trained.folder, tmp_path / "old", observation_days=56), tracking_uri=store)
    register(other_run(trained.folder, tmp_path / "new"), tracking_uri=store)
    with tracking_session(store) as client:
        client.set_registered_model_alias(NAME, "champion", "1")
    result = promote(f"models:/{NAME}/2", tracking_uri=store, dry_run=True)
    change = result.backcast
    assert change.observation_days == (56, 28)
    assert {part.factor for part in change.parts if part.mean_abs > 0} == {"window"}
    old = EngagementMetric.from_json(tmp_path / "old" / "metric.json")
    scored = old.score_events(small_shop.events, change.last.cutoff).set_index("customer_id")
    for mover in change.movers:
        assert mover.before == pytest.approx(scored["score"][mover.customer], abs=1e-9)


def test_a_change_of_champion_meanwhile_is_an_error_and_moves_nothing(store):
    candidate = find_candidate(NAME, tracking_uri=store)
    stale = dataclasses.replace(candidate, champion=None)
    with pytest.raises(TrackingError, match="version 1 became champion while this ran"):
        log_decision(stale, [], [], {}, tracking_uri=store)
    assert aliases(store) == {"champion": 1, "challenger": 2}
    (run,) = promotions(store)
    assert run.info.status == "FAILED"
    assert "gate" not in tags(store, 2)


def decide_for_the_challenger(store: str) -> None:
    """Let the challenger pass, without measuring it."""
    log_decision(find_candidate(NAME, tracking_uri=store), [], [], {}, tracking_uri=store)


@pytest.mark.seldom
def test_a_kill_at_any_change_leaves_valid_aliases_and_the_next_run_works(store, tmp_path):
    file = Path(store.removeprefix("sqlite:///"))
    counted = tmp_path / "counted.db"
    shutil.copy(file, counted)
    changes = changes_of(decide_for_the_challenger, f"sqlite:///{counted}")
    moves = [place for place, change in enumerate(changes) if "alias" in change]
    assert len(moves) >= 3
    for moment in (*moves, moves[-1] + 1):
        copy = tmp_path / f"killed-{moment}.db"
        shutil.copy(file, copy)
        killed = f"sqlite:///{copy}"
        assert killed_at(moment, decide_for_the_challenger, killed)
        found = aliases(killed)
        assert found["champion"] in (1, 2)
        assert found.get("previous") == (None if moment == moves[0] else 1)
        if found["champion"] == 1:
            decide_for_the_challenger(killed)
            assert aliases(killed) == {"champion": 2, "previous": 1}
        else:
            assert roll_back(NAME, tracking_uri=killed)[1:] == (2, 1)


def test_two_promotions_at_once_lose_none(store):
    """The second finds another champion than the one that it was compared with."""
    candidate = find_candidate(NAME, tracking_uri=store)
    log_decision(candidate, [], [], {}, tracking_uri=store)
    with pytest.raises(TrackingError, match="version 2 became champion while this ran, instead of"):
        log_decision(candidate, [], [], {}, tracking_uri=store)
    assert aliases(store) == {"champion": 2, "previous": 1}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("runs:/abc", "only a version in the registry"),
        ("models:/a@b@c", "cannot be read"),
        ("runs/small-shop", "'engagement-ml register' registers a run's folder"),
    ],
)
def test_what_is_no_version_is_refused_in_one_line(store, model, message):
    with pytest.raises(InputError, match=message):
        promote(model, tracking_uri=store)


@pytest.mark.parametrize("name", ["no-such", 'it\'s "<b>"', "näme; DROP"])
def test_an_unknown_model_of_any_name_is_one_line(store, name):
    with pytest.raises(TrackingError, match="not found") as caught:
        promote(name, tracking_uri=store)
    assert "\n" not in str(caught.value)
    with pytest.raises(TrackingError, match="not found"):
        roll_back(name, tracking_uri=store)


def test_data_without_a_cutoff_for_both_versions_is_an_error(store, small_shop):
    few = {
        name: getattr(small_shop, name).loc[lambda t: t["timestamp"] < "2024-02-20"]
        for name in ("events", "transactions")
    }
    with pytest.raises(NotEnoughDataError):
        promote(NAME, frames=few, tracking_uri=store)
    assert promotions(store) == []


def test_the_evaluation_has_the_paired_difference_between_customers(trained):
    across = evaluate(trained.folder)["metric"]["across"]
    assert across["metric"]["difference"] is None
    for name in ("total_events", "recency_frequency_monetary"):
        ours, theirs = (across[each]["spearman"]["value"] for each in ("metric", name))
        assert across[name]["difference"]["value"] == pytest.approx(ours - theirs)
