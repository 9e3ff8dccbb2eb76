"""Checks of the gate on what was measured: out of time, beside baselines and the champion."""

from __future__ import annotations

import math

from engagement_ml.config.gate import GateConfig
from engagement_ml.formatting import listed, number, plural
from engagement_ml.lifecycle.estimates import Estimate
from engagement_ml.lifecycle.facts import PURCHASES, TOTAL_EVENTS, GateFacts
from engagement_ml.lifecycle.gate_check import (
    GateCheck,
    above,
    not_measured,
    shown_share,
    wanted_above,
)

_NAMES = {TOTAL_EVENTS: "total events", PURCHASES: "recency-frequency-monetary"}
_ROUNDING = 1e-12
"""Shares are quotients of counts: one at its limit must not fail by its last bit."""


def out_of_time(facts: GateFacts, config: GateConfig) -> GateCheck:
    """Check that no fitting used the outcomes."""
    wanted = "outcomes that no fitting used"
    if facts.unseen is None:
        return not_measured("measured_out_of_time", wanted, "the metric out of time")
    found = wanted if facts.unseen else "outcomes that were used in fitting"
    sentence = (
        "it is measured on outcomes that were not used in fitting"
        if facts.unseen
        else "the outcomes were used in fitting this version or the champion; give newer data"
    )
    return GateCheck("measured_out_of_time", wanted, found, facts.unseen, sentence)


def customers(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that enough customers were measured."""
    least = config.min_customers
    if least is None:
        return None
    wanted = f"at least {number(least, 0)}"
    if facts.customers is None:
        return not_measured("min_customers", wanted, "the number of customers")
    n, passed = number(facts.customers, 0), facts.customers >= least
    sentence = (
        f"{n} {plural(facts.entity)} were measured"
        if passed
        else f"only {n} {plural(facts.entity)} were measured, {number(least, 0)} are asked for"
    )
    return GateCheck("min_customers", wanted, n, passed, sentence)


def dropped_rows(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check the share of dropped rows of each table."""
    most = config.max_dropped_share
    if most is None:
        return None
    wanted = f"at most {shown_share(most)} of a table"
    if not facts.dropped or not all(map(math.isfinite, facts.dropped.values())):
        return not_measured("max_dropped_share", wanted, "the share of dropped rows")
    table = max(facts.dropped, key=lambda name: facts.dropped[name])
    share = facts.dropped[table]
    passed = share <= most + _ROUNDING
    found = f"{shown_share(share)} of {table}"
    sentence = f"{found} were dropped" + ("" if passed else f", at most {shown_share(most)} may be")
    return GateCheck("max_dropped_share", wanted, found, passed, sentence)


def correlation(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that margin, or for an indicator its level, follows the metric."""
    limit = config.min_correlation
    if limit is None:
        return None
    indicator = facts.evidence == "indicator"
    many = plural(facts.entity)
    what = f"rank correlation with margin between {many}"
    if not indicator:
        what = f"rank correlation with the change of margin within {many}"
    found = facts.between if indicator else facts.within
    return above("min_correlation", f"its {what}", found, limit)


def vanity(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that the metric is better than total events and each vanity behaviour."""
    limit = config.min_gain_on_vanity
    if limit is None:
        return None
    gains = facts.gains_on_vanity
    missing = sorted(name for name, gain in gains.items() if gain is None)
    if missing or not gains:
        rivals = listed(_NAMES.get(name, name) for name in missing) or "total events"
        what = f"the difference to {rivals}"
        return not_measured("min_gain_on_vanity", wanted_above(limit), what)
    measured = {name: gain for name, gain in gains.items() if gain is not None}
    closest = min(measured, key=lambda name: measured[name].low)
    what = f"its rank correlation minus that of {_NAMES.get(closest, closest)}"
    return above("min_gain_on_vanity", what, measured[closest], limit)


def purchases(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that an indicator predicts margin better than past purchases do."""
    limit = config.min_gain_on_purchases
    if limit is None or facts.evidence != "indicator":
        return None
    what = "its rank correlation minus that of recency-frequency-monetary"
    return above("min_gain_on_purchases", what, facts.gain_on_purchases, limit)


def between(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that the metric predicts margin no worse than the champion."""
    estimate = None if facts.champion is None else facts.champion.between
    return _no_loss("max_loss_between", "between", facts, estimate, config.max_loss_between)


def within(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that margin follows its changes no worse than those of the champion."""
    estimate = None if facts.champion is None else facts.champion.within
    return _no_loss("max_loss_within", "within", facts, estimate, config.max_loss_within)


def moved(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check the share of customers that move in the ranking."""
    most = config.max_moved_share
    if most is None or facts.champion is None:
        return None
    wanted = f"at most {shown_share(most)}"
    if facts.moved_share is None:
        return not_measured("max_moved_share", wanted, "the share of customers that move")
    passed, found = facts.moved_share <= most + _ROUNDING, shown_share(facts.moved_share)
    sentence = f"{found} of {plural(facts.entity)} move by a tenth of the ranks or more"
    if not passed:
        sentence += f", {shown_share(most)} may"
    return GateCheck("max_moved_share", wanted, found, passed, sentence)


def _no_loss(
    name: str, side: str, facts: GateFacts, estimate: Estimate | None, most: float | None
) -> GateCheck | None:
    if most is None or facts.champion is None:
        return None
    champion = f"that of the champion (version {facts.champion.version})"
    what = f"its rank correlation {side} {plural(facts.entity)} minus {champion}"
    wanted = f"lower bound at least {number(-most, 3)}"
    if estimate is None:
        return not_measured(name, wanted, what)
    passed = estimate.low >= -most
    sentence = f"{what} is {estimate}"
    if not passed:
        sentence += f", so it may be worse by more than {number(most, 3)}"
    return GateCheck(name, wanted, str(estimate), passed, sentence)
