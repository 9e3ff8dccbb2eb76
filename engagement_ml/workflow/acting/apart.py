"""Actions that still run: their customers are kept apart from a new list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from engagement_ml._typing import AnyArray, BoolArray
from engagement_ml.formatting import quantity
from engagement_ml.workflow.acting.assignment_file import read_assignment
from engagement_ml.workflow.acting.plan import ACTION, read_plan


def action_folders(parent: Path) -> list[Path]:
    """Return the folders of actions in a folder, by name."""
    if not parent.is_dir():
        return []
    return sorted(each for each in parent.iterdir() if (each / ACTION).is_file())


def apart(
    ids: AnyArray, output: Path | None, name: str, entity: str, start: dt.date, until: dt.date
) -> tuple[BoolArray, tuple[str, ...]]:
    """Return who belongs to another action of overlapping days, and notes on these.

    The control group of an action that runs must be left alone; its treated are left out, too, as
    a second list that only they can be on would count as part of the first.

    Parameters
    ----------
    ids : array (n,) of str
    output : Path or None
        The folder of the new action; the others lie beside it.
    name : str
        Of the pipeline.
    start, until : date
        The days of the new outcome.

    Raises
    ------
    InputError
        If an action beside it cannot be read: its control group would not be known.
    """
    inside = np.zeros(len(ids), dtype=bool)
    notes = []
    own = None if output is None else output.resolve()
    for folder in [] if own is None else action_folders(own.parent):
        plan = read_plan(folder)
        if plan.name != name or plan.start >= until or plan.until <= start:
            continue
        assigned = read_assignment(folder, plan)
        here = np.isin(ids.astype(str), assigned.ids.astype(str))
        inside |= here
        control = np.isin(ids.astype(str), assigned.ids[~assigned.treated].astype(str))
        notes.append(
            f"{quantity(int(here.sum()), entity)} of the action {folder.name}, which runs until "
            f"{plan.until}, {'is' if here.sum() == 1 else 'are'} left out; {int(control.sum()):,} "
            f"of them {'is' if control.sum() == 1 else 'are'} its control group"
        )
    return inside, tuple(notes)
