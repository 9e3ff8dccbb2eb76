"""Surveys of a preset: when they are sent, who answers, and with which score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.datasets.presets.description import Floats, Ints, Survey
from engagement_ml.datasets.presets.logs import delays, pick
from engagement_ml.datasets.presets.world import (
    BURN_IN_WEEKS,
    DAY,
    WEEK,
    WEEKS_OF_YEAR,
    World,
    moments,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

GOOD = ("Quick and friendly.", "It does what we need.", "Great support, thank you.")
FAIR = ("It is fine.", "Good, but it could be faster.", "Some things are hard to find.")
POOR = ("I waited too long.", "It is too expensive for what we use.", "I could not find any help.")
COMMENTED = 0.3


def survey_rows(world: World, survey: Survey, logs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of one survey: ``customer``, ``second`` of the answer, ``sent`` and others.

    Rows without an answer have no score, and the moment of sending as their time.
    """
    import pandas as pd

    rng = world.rng
    customer, sent = _sent(world, survey, logs)
    kept = world.inside(customer, sent)
    customer, sent = customer[kept], sent[kept]
    answers = rng.random(len(customer)) < world.chance(survey.answers, 0.5)[customer]
    score = _scores(world, survey, customer, sent)
    frame = pd.DataFrame(
        {
            "customer": customer,
            "second": np.where(answers, sent + delays(rng, 12.0, 0.8, len(sent)), sent),
            "survey": survey.name,
            "score": np.where(answers, score, np.nan),
            "scale": survey.scale,
            "sent": sent,
            "touchpoint": survey.touchpoint,
            "comment": _comments(rng, survey, score, answers),
        }
    )
    return frame[frame["second"] < world.weeks * WEEK]


def _sent(world: World, survey: Survey, logs: Mapping[str, pd.DataFrame]) -> tuple[Ints, Ints]:
    rng = world.rng
    if survey.after is not None:
        if survey.after not in logs:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing
        about = logs[survey.after]
        chosen = about[rng.random(len(about)) < survey.share]
        later = rng.integers(3_600, DAY, len(chosen))
        return chosen["customer"].to_numpy(), chosen["second"].to_numpy() + later
    # Each customer has a turn of their own, so that answers come in all weeks.
    turn = np.arange(world.n) % survey.every_weeks
    week = np.arange(BURN_IN_WEEKS, world.weeks)
    due = (week[None, :] - turn[:, None]) % survey.every_weeks == 0
    customer, place = np.nonzero(due & (rng.random(due.shape) < survey.share))
    return customer, week[place] * WEEK + moments(rng, len(customer))


def _scores(world: World, survey: Survey, customer: Ints, sent: Ints) -> Floats:
    low, high = (int(end) for end in survey.scale.split("-"))
    years = (sent / WEEK - BURN_IN_WEEKS) / WEEKS_OF_YEAR
    mean = survey.centre + survey.affinity * world.affinity[customer] + survey.growth * years
    noise = survey.spread * world.rng.standard_normal(len(customer))
    return np.asarray(np.clip(np.round(mean + noise), low, high))


def _comments(rng: np.random.Generator, survey: Survey, score: Floats, answers: Any) -> Any:
    low, high = (int(end) for end in survey.scale.split("-"))
    place = (score - low) / (high - low)
    size = len(score)
    # What people write goes with the score: the second third and the last one begin here.
    text = np.where(
        place > 0.8,
        pick(rng, GOOD, size),
        np.where(place > 0.5, pick(rng, FAIR, size), pick(rng, POOR, size)),
    )
    return np.where(answers & (rng.random(size) < COMMENTED), text, None)
