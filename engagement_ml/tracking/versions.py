"""Versions of a registered metric and their aliases: champion, challenger, previous."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engagement_ml.config.secrets import revealed_uri
from engagement_ml.errors import InputError, TrackingError
from engagement_ml.file_locks import locked
from engagement_ml.tracking.connectivity import sqlite_file
from engagement_ml.tracking.registry import CHALLENGER, CHAMPION

PREVIOUS = "previous"
LOCK_SECONDS = 60.0
"""How long to wait for another process that moves aliases, which takes less than a second."""


@dataclass(frozen=True)
class Aliases:
    """The versions that the aliases of a model lead to; None without the alias."""

    champion: int | None
    challenger: int | None
    previous: int | None

    @classmethod
    def read(cls, client: Any, name: str) -> Aliases:
        """Read the aliases of a registered model."""
        found = client.get_registered_model(name).aliases
        versions = (found.get(alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS))
        return cls(*(None if version is None else int(version) for version in versions))


@contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process at a time move the aliases of a SQLite store.

    A server has no such lock: there, each move is checked afterwards.
    """
    file = sqlite_file(revealed_uri(uri))
    if file is None:
        yield
        return
    with locked(file.parent, seconds=LOCK_SECONDS):
        yield


def make_champion(client: Any, name: str, version: int, *, instead_of: int | None) -> None:
    """Move the alias `champion` to a version; the old champion becomes `previous`.

    `previous` is set first: a process that is killed in between leaves the champion as it was.

    Parameters
    ----------
    client : mlflow.MlflowClient
    name : str
    version : int
    instead_of : int or None
        The champion that the decision was made against.

    Raises
    ------
    TrackingError
        If there is another champion by now.
    """
    before = Aliases.read(client, name)
    if before.champion != instead_of:
        raise _overtaken(name, instead_of, before.champion)
    if before.champion is not None:
        client.set_registered_model_alias(name, PREVIOUS, str(before.champion))
    client.set_registered_model_alias(name, CHAMPION, str(version))
    after = Aliases.read(client, name)
    if after.champion != version:
        raise _overtaken(name, version, after.champion)
    if after.challenger == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def restore_previous(client: Any, name: str) -> tuple[int, int]:
    """Move `champion` back to the previous champion; return the old and the new champion.

    The alias `previous` goes last: a process that is killed in between leaves both aliases on the
    version that is champion again, which counts as no previous champion.

    Raises
    ------
    InputError
        If there is no champion or no previous one.
    """
    old, new = check_rollback(name, Aliases.read(client, name))
    client.set_registered_model_alias(name, CHAMPION, str(new))
    client.delete_registered_model_alias(name, PREVIOUS)
    return old, new


def check_rollback(name: str, aliases: Aliases) -> tuple[int, int]:
    """Return the champion before and after a rollback.

    Raises
    ------
    InputError
        If there is no champion or no previous one.
    """
    if aliases.champion is None:
        raise InputError(f"model '{name}': it has no champion, so there is nothing to roll back")
    if aliases.previous in (None, aliases.champion):
        raise InputError(
            f"model '{name}': it has no previous champion; version {aliases.champion} stays "
            f"champion. Promote another one with 'engagement-ml promote models:/{name}/VERSION'"
        )
    assert aliases.previous is not None
    return aliases.champion, aliases.previous


def tag_version(client: Any, name: str, version: int, tags: Mapping[str, str | None]) -> None:
    """Set tags of a version; None removes one."""
    present = client.get_model_version(name, str(version)).tags
    for key, value in tags.items():
        if value is not None:
            client.set_model_version_tag(name, str(version), key, value)
        elif key in present:
            client.delete_model_version_tag(name, str(version), key)


def gate_tags(passed: bool, failed: tuple[str, ...], now: dt.datetime) -> dict[str, str | None]:
    """Return the tags by which a version tells what the gate said."""
    return {
        "gate": "passed" if passed else "failed",
        "gate_date": now.isoformat(timespec="seconds"),
        "gate_failed": ", ".join(failed) or None,
    }


def _overtaken(name: str, expected: int | None, found: int | None) -> TrackingError:
    def shown(version: int | None) -> str:
        return "no version" if version is None else f"version {version}"

    return TrackingError(
        f"model '{name}': {shown(found)} became champion while this ran, instead of "
        f"{shown(expected)}; run it again"
    )
