"""Drawing a list: gains of each customer, who is kept apart, who is treated, what it can show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.actions.assignment import (
    Listed,
    assign,
    largest_gains,
    minimum_detectable_lift,
    required_size,
)
from engagement_ml.actions.gains import EventGains, best_of, driver_gains
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError, NotEnoughDataError, NothingToActOnError
from engagement_ml.formatting import Money, finite, one_line, plural, quantity
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY
from engagement_ml.workflow.acting.apart import apart
from engagement_ml.workflow.acting.plan import ActionPlan, ProposedDriver
from engagement_ml.workflow.acting.results import ActionResult
from engagement_ml.workflow.acting.totals import counts_and_margin, last_event
from engagement_ml.workflow.scorecards.run import ChosenRun

_LATE_DAYS = 7
_STREAM = 15


def drawn(
    config: PipelineConfig, chosen: ChosenRun, tables: Tables, output: Path | None, seed: int | None
) -> ActionResult:
    """Return the list of a run's drivers as of the end of the tables.

    Raises
    ------
    InputError
        If the run has no driver, or the events have none of them.
    NotEnoughDataError
        If one more event pays for fewer than two customers.
    """
    gains = _gains(chosen, tables)
    as_of = tables.history.end
    days = config.act.outcome_days or config.windows.outcome_days
    until = as_of + days * DAY
    ids, counts, margin = counts_and_margin(tables, config, list(gains), as_of, days)
    place, *best = best_of(gains, counts)
    found = _listed(gains, ids, counts, margin, place, best)
    found = found.kept(found.gain >= config.act.smallest_gain)
    inside, notes = apart(found.ids, output, config.name, config.entity, as_of, until)
    found = found.kept(~inside)
    if len(found.ids) < 2:
        raise NotEnoughDataError(
            f"one more event pays for {quantity(len(found.ids), config.entity)} as of {as_of}"
            + ("".join(f"; {note}" for note in notes))
            + "; a list needs two or more"
        )
    start = config.random_seed if seed is None else seed
    rng = np.random.default_rng([start, _STREAM])
    found = largest_gains(found, config.act.at_most, rng).with_names_used()
    treated = assign(found, config.act.control_share, rng)
    plan = _plan(config, chosen, tables, found, treated, gains, start, int(inside.sum()))
    notes = (*chosen.notes, *_late(tables, as_of), *notes, *_shown(plan, config, len(found.ids)))
    return ActionResult(replace(plan, notes=notes), found, treated, gains, chosen.run.metric())


def _gains(chosen: ChosenRun, tables: Tables) -> dict[str, EventGains]:
    record, metric = chosen.run.record(), chosen.run.metric()
    gains = driver_gains(record.evidence)
    if not gains:
        why = (metric.reason or "").rstrip(". ")
        raise NothingToActOnError(
            f"{chosen.run.origin}: no behaviour of the run has the verdict 'driver' and a response "
            "curve, so there is nothing to act on" + (f": {why}" if why else "")
        )
    known = {name: each for name, each in gains.items() if name in tables.behaviours}
    if not known:
        raise InputError(
            f"{tables.quality[0].source}: contains no event of the drivers ({', '.join(gains)})"
        )
    return known


def _listed(
    gains: Mapping[str, EventGains],
    ids: FloatArray,
    counts: Mapping[str, FloatArray],
    margin: FloatArray,
    place: FloatArray,
    best: list[FloatArray],
) -> Listed:
    """Return the customers for whom one more event pays."""
    keep = np.flatnonzero(~np.isnan(place))
    chosen = place[keep].astype(int)
    stacked = np.stack([counts[name] for name in gains])
    gain, low, high = (values[keep] for values in best)
    return Listed(
        names=tuple(gains),
        ids=ids[keep],
        behaviour=chosen,
        gain=gain,
        low=low,
        high=high,
        events=stacked[chosen, keep],
        margin_before=margin[keep],
    )


def _plan(
    config: PipelineConfig,
    chosen: ChosenRun,
    tables: Tables,
    found: Listed,
    treated: BoolArray,
    gains: Mapping[str, EventGains],
    seed: int,
    left_apart: int,
) -> ActionPlan:
    record, as_of = chosen.run.record(), tables.history.end
    days = config.act.outcome_days or config.windows.outcome_days
    n_treated, n_control = int(treated.sum()), int((~treated).sum())
    mean_gain = float(found.gain.mean())
    covered = as_of - days * DAY >= tables.history.start
    std = float(found.margin_before.std(ddof=1)) if covered else None
    detectable = None if std is None else minimum_detectable_lift(std, n_treated, n_control)
    return ActionPlan(
        name=config.name,
        entity=config.entity,
        currency=config.currency,
        made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        as_of=as_of.isoformat(),
        observation_days=config.windows.observation_days,
        outcome_days=days,
        metric_hash=chosen.run.metric().definition_hash,
        run=chosen.run.origin,
        run_created_at=record.created_at,
        seed=seed,
        control_share=config.act.control_share,
        at_most=config.act.at_most,
        smallest_gain=config.act.smallest_gain,
        n_treated=n_treated,
        n_control=n_control,
        left_apart=left_apart,
        gain=float(found.gain[treated].sum()),
        low=finite(found.low[treated].sum()),
        high=finite(found.high[treated].sum()),
        std_before=std,
        detectable=finite(detectable),
        required=None if std is None else required_size(std, mean_gain, config.act.control_share),
        drivers=tuple(
            _driver(gains[name], found, treated, place) for place, name in enumerate(found.names)
        ),
    )


def _driver(gains: EventGains, found: Listed, treated: BoolArray, place: int) -> ProposedDriver:
    own = found.behaviour == place
    inside = own & treated if (own & treated).any() else own
    gain, low, high = (
        float(values[inside].mean()) for values in (found.gain, found.low, found.high)
    )
    return ProposedDriver(
        behaviour=gains.behaviour,
        label=gains.label,
        evidence=gains.evidence,
        cost_per_event=gains.cost,
        n_treated=int((own & treated).sum()),
        n_control=int((own & ~treated).sum()),
        gain=gain,
        low=finite(low),
        high=finite(high),
    )


def _late(tables: Tables, as_of: dt.date) -> tuple[str, ...]:
    """Say if the events end long before the transactions: counts are then too low."""
    last = last_event(tables)
    if (as_of - last).days <= _LATE_DAYS:
        return ()
    return (
        f"the events end on {last}, {(as_of - last).days} days before the list's day {as_of}; "
        "counts of events may be too low",
    )


def _shown(plan: ActionPlan, config: PipelineConfig, n: int) -> tuple[str, ...]:
    """Return notes on what the list can show."""
    money, who = Money(plan.currency), one_line(plan.entity)
    notes = []
    if plan.outcome_days != config.windows.outcome_days:
        notes.append(
            f"expected gains are those of {config.windows.outcome_days} days, and margin is "
            f"compared over {plan.outcome_days}"
        )
    if plan.n_control == 0:
        return (*notes, "there is no control group, so nothing will show whether the list helped")
    gain = (plan.gain / plan.n_treated) if plan.n_treated else 0.0
    if plan.std_before is None:
        return (
            *notes,
            f"the tables begin less than {plan.outcome_days} days before {plan.as_of}, so the "
            "smallest lift that can be shown is not known",
        )
    if plan.detectable is None:
        return (*notes, f"an arm has fewer than two {plural(who)}, so nothing can be shown")
    smallest = (
        f"the smallest lift that is found with 80% power is {money(plan.detectable)} per {who} "
        f"(without the adjustment for margin before, which lowers it), and {money(gain)} is "
        "expected if each does one more event"
    )
    if plan.detectable > gain and plan.required is not None:
        return (
            *notes,
            f"the list is too small to prove what it is expected to bring: {smallest}. That takes "
            f"{quantity(plan.required, who)}, and there are {n:,}",
        )
    return (*notes, smallest)
