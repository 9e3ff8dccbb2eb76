"""Promotions in the tracking store: the candidate, the decision as a run, and the aliases."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.errors import InputError
from engagement_ml.progress import OnStep
from engagement_ml.tracking.registry import ABSTAINED_TAG
from engagement_ml.tracking.session import current_uri, tracking_session
from engagement_ml.tracking.versions import (
    Aliases,
    check_rollback,
    gate_tags,
    make_champion,
    one_at_a_time,
    restore_previous,
    tag_version,
)

TYPE_TAG = "engagement_ml.type"
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))?")
_FORMS = "give a model's name, models:/NAME@challenger or models:/NAME/3"


@dataclass(frozen=True)
class Candidate:
    """A version that may become champion.

    Attributes
    ----------
    name : str
    version : int
    run_id : str
        The run that made it.
    tags : dict of str to str
    champion : int or None
        The champion that it would replace.
    abstained : str or None
        When and why a later training abstained.
    """

    name: str
    version: int
    run_id: str
    tags: dict[str, str]
    champion: int | None
    abstained: str | None = None

    @property
    def uri(self) -> str:
        """The version's URI."""
        return f"models:/{self.name}/{self.version}"

    @property
    def champion_uri(self) -> str | None:
        """The champion's URI, by its number, as aliases may move."""
        return None if self.champion is None else f"models:/{self.name}/{self.champion}"


def find_candidate(
    model: str, *, tracking_uri: str | None = None, on_status: OnStep | None = None
) -> Candidate:
    """Return the version that a name or URI leads to.

    Raises
    ------
    InputError
        If it is no name or URI of a model, the model has no challenger, or the version is the
        champion.
    TrackingError
        If the store cannot be reached or does not know the model.
    """
    parts = _parsed(model)
    with tracking_session(tracking_uri, create=False, on_status=on_status) as client:
        name = parts["name"]
        aliases = Aliases.read(client, name)
        if parts["version"]:
            number = parts["version"]
        elif parts["alias"]:
            number = str(client.get_model_version_by_alias(name, parts["alias"]).version)
        elif aliases.challenger is None:
            raise InputError(
                f"model '{name}': it has no challenger; train again, or give models:/{name}/VERSION"
            )
        else:
            number = str(aliases.challenger)
        version = client.get_model_version(name, number)
        if int(version.version) == aliases.champion:
            raise InputError(f"model '{name}': version {version.version} is the champion already")
        if not version.run_id:
            raise InputError(
                f"model '{name}': version {version.version} does not name the run that made it, "
                "so it cannot be measured; promote a version that 'train' registered"
            )
        return Candidate(
            name=name,
            version=int(version.version),
            run_id=str(version.run_id),
            tags=dict(version.tags),
            champion=aliases.champion,
            abstained=client.get_registered_model(name).tags.get(ABSTAINED_TAG),
        )


def log_decision(
    candidate: Candidate,
    failed: Sequence[str],
    files: Sequence[Path],
    metrics: Mapping[str, float],
    *,
    tracking_uri: str | None = None,
    on_status: OnStep | None = None,
) -> str:
    """Log the gate's decision as a run, tag the version and, if none failed, make it champion.

    Parameters
    ----------
    candidate : Candidate
    failed : sequence of str
        Names of the checks that failed.
    files : sequence of Path
        Logged as artifacts.
    metrics : mapping of str to float
    tracking_uri : str, optional
    on_status : callable, optional

    Returns
    -------
    str
        The id of the run.

    Raises
    ------
    TrackingError
        If the store refuses a request, or another version became champion meanwhile. The run is
        then marked as failed.
    """
    uri = tracking_uri if tracking_uri is not None else current_uri()
    now = dt.datetime.now(dt.UTC)
    with tracking_session(tracking_uri, create=False, on_status=on_status) as client:
        tags = {
            "engagement_ml.decision": "failed" if failed else "passed",
            "engagement_ml.failed": ", ".join(failed),
            "engagement_ml.champion_before": str(candidate.champion or ""),
        }
        title = f"promotion of version {candidate.version}"
        with _run(client, candidate, title, tags, now) as run:
            run_id = str(run.info.run_id)
            for name, value in metrics.items():
                client.log_metric(run_id, name, value)
            for file in files:
                client.log_artifact(run_id, str(file))
            name, version = candidate.name, candidate.version
            with one_at_a_time(uri):
                if not failed:
                    make_champion(client, name, version, instead_of=candidate.champion)
                tag_version(client, name, version, gate_tags(not failed, tuple(failed), now))
    return run_id


def decide_first(
    name: str, version: int, failed: Sequence[str], *, tracking_uri: str
) -> tuple[str, int | None]:
    """Make a new version the champion if the model has none and no check failed.

    Returns
    -------
    alias : {"champion", "challenger"}
    champion : int or None
        The version that is champion now.
    """
    now = dt.datetime.now(dt.UTC)
    with tracking_session(tracking_uri) as client, one_at_a_time(tracking_uri):
        champion = Aliases.read(client, name).champion
        if champion is None:
            if not failed:
                make_champion(client, name, version, instead_of=None)
                champion = version
            tag_version(client, name, version, gate_tags(not failed, tuple(failed), now))
    return "champion" if champion == version else "challenger", champion


def roll_back_champion(
    model: str, *, tracking_uri: str | None = None, on_status: OnStep | None = None
) -> tuple[str, int, int]:
    """Make the previous champion the champion again, and log it as a run.

    Returns
    -------
    name : str
    old, new : int
        The champion before and after.

    Raises
    ------
    InputError
        If `model` is no name or URI of a model, or there is no previous champion.
    TrackingError
        If the store cannot be reached or does not know the model.
    """
    name = _parsed(model)["name"]
    uri = tracking_uri if tracking_uri is not None else current_uri()
    now = dt.datetime.now(dt.UTC)
    with tracking_session(tracking_uri, create=False, on_status=on_status) as client:
        aliases = Aliases.read(client, name)
        old, new = check_rollback(name, aliases)
        version = client.get_model_version(name, str(new))
        tags = {
            "engagement_ml.decision": "rolled back",
            "engagement_ml.champion_before": str(old),
        }
        candidate = Candidate(name, new, str(version.run_id or ""), {}, old)
        title = f"rollback to version {new}"
        with _run(client, candidate, title, tags, now), one_at_a_time(uri):
            old, new = restore_previous(client, name)
            tag_version(client, name, old, {"rolled_back": now.isoformat(timespec="seconds")})
    return name, old, new


def _parsed(model: str) -> dict[str, str]:
    name = str(model).removesuffix("/")
    if name.startswith("models:/"):
        match = _VERSION.fullmatch(name)
        if match is None:
            raise InputError(f"{model}: cannot be read; {_FORMS}")
        return match.groupdict()
    is_run = Path(name).is_file() or Path(name, "metric.json").is_file()
    if is_run or any(mark in name for mark in ":/@\\"):
        raise InputError(
            f"{model}: only a version in the registry can be promoted; {_FORMS}. "
            "'engagement-ml register' registers a run's folder"
        )
    return {"name": name, "alias": "", "version": ""}


def _run(
    client: Any, candidate: Candidate, title: str, tags: Mapping[str, str], now: dt.datetime
) -> Any:
    """Start a run in the experiment of the run that made the version, if one did."""
    import mlflow

    made_by = client.get_run(candidate.run_id) if candidate.run_id else None
    return mlflow.start_run(
        experiment_id=None if made_by is None else made_by.info.experiment_id,
        run_name=f"{candidate.name} {now:%Y-%m-%d %H:%M} {title}",
        tags={
            TYPE_TAG: "promotion",
            "engagement_ml.model": candidate.name,
            "engagement_ml.model_version": str(candidate.version),
            **tags,
        },
        nested=True,
    )
