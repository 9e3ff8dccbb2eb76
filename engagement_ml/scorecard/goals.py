"""Goals of the business and of campaigns: how far each is on its way, and in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from engagement_ml.config.scorecard import GoalConfig
from engagement_ml.formatting import percent, sentence
from engagement_ml.measures.periods import Period
from engagement_ml.scorecard.card import GoalCard, MeasureCard, Value
from engagement_ml.scorecard.wording import shown


def goal_card(
    goal: GoalConfig,
    card: MeasureCard,
    series: Mapping[str, Value],
    periods: Sequence[Period],
    as_of: dt.date,
    currency: str,
) -> GoalCard:
    """Return how far a goal is.

    The way is from the value of the last period that ended by the goal's start (without one, of
    the first period that began since) to the target; the latest value is that of the last
    complete period that ended by the goal's end. Progress is compared with the time that is gone,
    as if it went evenly.

    Parameters
    ----------
    goal : GoalConfig
    card : MeasureCard
    series : mapping of period label to Value
        Of the customers that the goal is about.
    periods : sequence of Period
    as_of : date
        The day after the data.
    currency : str
    """
    known = [p for p in periods if series.get(p.label, Value()).value is not None]
    before = [p for p in known if p.end <= goal.start]
    within = [
        p for p in known if p.start >= goal.start and p.end <= goal.end + dt.timedelta(days=1)
    ]
    base = before[-1] if before else (within[0] if within else None)
    last = within[-1] if within else None
    first = Value(note="no data") if base is None else series[base.label]
    latest = Value(note="no data") if last is None else series[last.label]
    gone = min(max((as_of - goal.start) / (goal.end - goal.start), 0.0), 1.0)
    fallen = first.value is not None and goal.target < first.value
    better = card.better or ("less" if fallen else "more")
    reached = _reached(latest, goal.target, better)
    done = 1.0 if reached else _done(first, latest, goal.target, better)
    status = _status(goal, latest, done, gone, reached=reached, as_of=as_of)
    return GoalCard(
        name=goal.name,
        measure=goal.measure,
        target=goal.target,
        first=first,
        latest=latest,
        start=goal.start,
        end=goal.end,
        done=done,
        time_gone=gone,
        status=status,
        sentence=_sentence(goal, card, status, first, latest, done, gone, currency),
        campaign=goal.campaign,
        owner=goal.owner or card.owner,
    )


def _done(first: Value, latest: Value, target: float, better: str) -> float | None:
    """Return the share of the way to a target that is not reached.

    Negative if the measure went the other way; 0 if it had reached the target at the start.
    """
    if first.value is None or latest.value is None:
        return None
    way = target - first.value
    ahead = way > 0 if better == "more" else way < 0
    return (latest.value - first.value) / way if ahead else 0.0


def _reached(latest: Value, target: float, better: str) -> bool:
    if latest.value is None:
        return False
    return latest.value >= target if better == "more" else latest.value <= target


def _status(
    goal: GoalConfig,
    latest: Value,
    done: float | None,
    gone: float,
    *,
    reached: bool,
    as_of: dt.date,
) -> str:
    if as_of <= goal.start:
        return "not begun"
    if latest.value is None:
        return "no data"
    if reached:
        return "reached"
    if as_of > goal.end:
        return "missed"
    return "on track" if done is not None and done >= gone else "behind"


def _sentence(
    goal: GoalConfig,
    card: MeasureCard,
    status: str,
    first: Value,
    latest: Value,
    done: float | None,
    gone: float,
    currency: str,
) -> str:
    about = f" of campaign {goal.campaign}" if goal.campaign else ""
    target = shown(goal.target, card.unit, currency)
    if status == "not begun":
        return f"{goal.name} begins on {goal.start}: {card.title}{about} shall reach {target}."
    if latest.value is None:
        why = card.absent and f"it needs {card.absent}"
        why = why or "no complete period since its start has data"
        return f"{goal.name}: {card.title}{about} has no data yet, as {why}."
    text = (
        f"{goal.name} is {status}: {card.title}{about} went from "
        f"{shown(first.value, card.unit, currency)} to {shown(latest.value, card.unit, currency)}, "
        f"and the target by {goal.end} is {target}"
    )
    if status in ("on track", "behind"):
        way = "none" if done is not None and done <= 0 else percent(done)
        text += f"; {way} of the way is done, and {percent(gone)} of the time is gone"
    return sentence(text)
