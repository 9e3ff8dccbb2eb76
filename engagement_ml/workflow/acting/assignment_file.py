"""The files of a list: who is treated, who is left alone, and why."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engagement_ml._typing import AnyArray, BoolArray, FloatArray, IntArray
from engagement_ml.actions.assignment import Listed
from engagement_ml.errors import InputError
from engagement_ml.spreadsheet_cells import guarded, unguarded
from engagement_ml.workflow.acting.plan import ASSIGNMENT, ActionPlan

TREATED, CONTROL = "treated", "control"
ASSIGNED = ("customer_id", "arm", "behaviour", "expected_gain", "events_before", "margin_before")
LISTED = ("customer_id", "behaviour", "gain", "low", "high", "reason", "evidence")


@dataclass(frozen=True)
class Assigned:
    """The content of ``assignment.csv``: ids, arms, and what was known before."""

    ids: AnyArray
    treated: BoolArray
    behaviour: IntArray
    events_before: FloatArray
    margin_before: FloatArray


def assignment_text(listed: Listed, treated: BoolArray) -> str:
    """Return the text of ``assignment.csv``, sorted by id."""
    return csv_text(
        ASSIGNED,
        [
            [
                str(listed.ids[i]),
                TREATED if treated[i] else CONTROL,
                listed.names[listed.behaviour[i]],
                float(listed.gain[i]),
                float(listed.events[i]),
                float(listed.margin_before[i]),
            ]
            for i in range(len(listed.ids))
        ],
    )


def actions_text(
    listed: Listed, treated: BoolArray, reason: Callable[[int], str], evidence: Sequence[str]
) -> str:
    """Return the text of ``actions.csv``: the treated, the largest gain first."""
    places = np.flatnonzero(treated)
    order = places[np.argsort(-listed.gain[places], kind="stable")]
    return csv_text(
        LISTED,
        [
            [
                str(listed.ids[i]),
                listed.names[listed.behaviour[i]],
                float(listed.gain[i]),
                float(listed.low[i]),
                float(listed.high[i]),
                reason(int(i)),
                evidence[listed.behaviour[i]],
            ]
            for i in order
        ],
    )


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str | float | None]]) -> str:
    """Return a CSV text; formulas of spreadsheets are guarded, NaN and None are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return guarded(value)
    if value is None or np.isnan(value):
        return ""
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def sha256(text: str) -> str:
    """Return the hash of a text, by which a changed file is found."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_assignment(folder: Path, plan: ActionPlan) -> Assigned:
    """Read ``assignment.csv``.

    Raises
    ------
    InputError
        If it is missing, or not the one that was written: an assignment that was changed later
        is no random one.
    """
    file = folder / ASSIGNMENT
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); restore it") from None
    except UnicodeDecodeError:
        raise InputError(f"{file}: is not UTF-8 text; restore it") from None
    if sha256(text) != plan.assignment_sha256:
        raise InputError(
            f"{file}: was changed after 'act' wrote it, so it is no random assignment any more; "
            "restore it"
        )
    names = [driver.behaviour for driver in plan.drivers]
    rows = list(csv.DictReader(io.StringIO(text)))
    return Assigned(
        ids=np.array([unguarded(row["customer_id"]) for row in rows], dtype=object),
        treated=np.array([row["arm"] == TREATED for row in rows], dtype=bool),
        behaviour=np.array([names.index(unguarded(row["behaviour"])) for row in rows], dtype=int),
        events_before=np.array([float(row["events_before"]) for row in rows]),
        margin_before=np.array([float(row["margin_before"]) for row in rows]),
    )
