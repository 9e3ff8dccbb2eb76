"""Logs: the events of one type as a frame, with the columns that they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.datasets.presets.description import Behaviour, Ints
from engagement_ml.datasets.presets.world import SESSION_SECONDS, SESSIONS_PER_WEEK, WEEK, moments

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.datasets.presets.world import World

COLUMNS = (
    "value", "duration_seconds", "session_id", "channel", "direction", "object", "section",
    "campaign", "ref", "due",
)  # fmt: skip
"""Optional columns of events; ``due`` is in seconds, as ``second`` is."""


def log(
    world: World, event_type: str, customer: Ints, second: Ints, **columns: Any
) -> pd.DataFrame:
    """Return a log: ``customer``, ``second``, ``event_type`` and the columns given.

    Events at which the customer is not active are left out.
    """
    import pandas as pd

    frame = pd.DataFrame({"customer": customer, "second": second, **columns})
    frame["event_type"] = event_type
    return frame.iloc[world.inside(customer, second)].reset_index(drop=True)


def behaviour_log(world: World, behaviour: Behaviour) -> pd.DataFrame:
    """Return the log of a behaviour, from its counts by week."""
    rng = world.rng
    counts = world.counts(behaviour.name)
    cell = np.repeat(np.arange(counts.size, dtype=np.int64), counts.ravel())
    customer, week = cell // world.weeks, cell % world.weeks
    session: Any = None
    if behaviour.in_session:
        slot = rng.integers(0, SESSIONS_PER_WEEK, len(cell))
        second = week * WEEK + world.sessions[customer, week, slot]
        second = second + rng.integers(0, SESSION_SECONDS, len(cell))
        session = texts(cell * SESSIONS_PER_WEEK + slot, "s")
    else:
        second = week * WEEK + moments(rng, len(cell))
    noise = np.exp(0.5 * rng.standard_normal(len(cell)))
    return log(
        world,
        behaviour.name,
        customer,
        second,
        session_id=session,
        channel=pick(rng, behaviour.channels, len(cell)),
        direction=behaviour.direction,
        object=pick(rng, behaviour.objects, len(cell)),
        section=pick(rng, behaviour.sections, len(cell)),
        value=None if behaviour.value is None else np.round(behaviour.value * noise, 2),
        duration_seconds=None if behaviour.seconds is None else np.round(behaviour.seconds * noise),
    )


def pick(rng: np.random.Generator, names: Mapping[str, float] | Sequence[str], size: int) -> Any:
    """Draw names by their shares, equally likely without shares; None if there is no name."""
    if not names:
        return None
    shares = np.array(list(names.values()) if isinstance(names, Mapping) else [1.0] * len(names))
    places = rng.choice(len(shares), size, p=shares / shares.sum())
    return np.array(list(names), dtype=object)[places]


def texts(number: Ints, prefix: str) -> Any:
    """Return ids such as ``s12``."""
    return np.array([f"{prefix}{each}" for each in number.tolist()], dtype=object)


def delays(rng: np.random.Generator, median: float, spread: float, size: int) -> Ints:
    """Draw log-normal delays, in seconds; `median` is in hours."""
    return np.asarray(3_600 * median * np.exp(spread * rng.standard_normal(size)), dtype=np.int64)
