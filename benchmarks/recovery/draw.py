"""From a specification to what happened: behaviours, orders, fees, cancellations."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery import truth as truths
from benchmarks.recovery.engine import Mechanism, mechanism, with_strength
from benchmarks.recovery.people import draw_counts, draw_rates, draw_traits, poisson_from
from benchmarks.recovery.spec import Array, Spec

WEEK = 7.0


@dataclass(frozen=True)
class Ledger:
    """Transactions: who, when (days since the start), revenue and margin."""

    customer: NDArray[np.int64]
    day: Array
    revenue: Array
    margin: Array


@dataclass(frozen=True)
class Drawn:
    """One history. `counts` (n, T, B) is what was logged, `latent` what would be had nobody left.

    `dated` holds event times in days (customer, day) of behaviours that follow single orders;
    the others happen at uniformly random times of their week. `leave` is the week of cancelling.
    """

    mech: Mechanism
    latent: Array
    counts: Array
    dated: dict[str, tuple[NDArray[np.int64], Array]]
    ledger: Ledger
    leave: NDArray[np.int64]


def streams(kind: str, seed: int) -> dict[str, np.random.Generator]:
    """Independent random streams, so that one part redrawn leaves the others as they were."""
    names = ("spec", "traits", "rates", "counts", "luck", "money", "follow", "render")
    code = zlib.crc32(kind.encode())
    return {s: np.random.default_rng([seed, code, i]) for i, s in enumerate(names)}


def draw(spec: Spec, n: int, n_weeks: int, rngs: dict[str, np.random.Generator]) -> Drawn:
    """Draw a world's history, strengths calibrated to what each behaviour should be worth."""
    traits = draw_traits(spec, n, n_weeks, rngs["traits"])
    rates = draw_rates(spec, traits, rngs["rates"])
    counts = draw_counts(spec, rates, rngs["counts"])
    luck = rngs["luck"].random((2, n, n_weeks))
    mech = calibrate(mechanism(spec, traits, counts), counts)
    if any(b.feedback for b in spec.behaviours):
        counts = draw_feedback(mech, counts, rates, luck[0], rngs["follow"])
    if spec.subscription:
        leave = draw_leaving(mech, counts, luck[0])
        ledger = fees(mech, leave, rngs["money"])
    else:
        leave = np.full(n, n_weeks + 1)
        ledger = draw_ledger(mech, counts, luck, rngs["money"])
    logged, dated = draw_following(mech, counts, ledger, rates, rngs["follow"])
    logged = logged * (np.arange(n_weeks) < leave[:, None])[:, :, None]
    if spec.missing:
        logged, dated = lose(logged, dated, spec, rngs["render"])
    return Drawn(mech, counts, logged, dated, ledger, leave)


def calibrate(mech: Mechanism, counts: Array, rounds: int = 5, sample: int = 3000) -> Mechanism:
    """Scale strengths until one standard deviation of each behaviour is worth what it should be."""
    if not any(b.acts for b in mech.spec.behaviours):
        return mech
    spec, n_weeks = mech.spec, counts.shape[1]
    start = {
        b.name: 0.3 / mech.scales[b.name, 0][0]
        for b in spec.behaviours
        if b.worth or (b.acts and b.acts[0].via == "empty")
    }
    mech = with_strength(mech, start)
    few = _first(mech, min(sample, counts.shape[0]))
    some = counts[:sample]
    cutoffs = truths.spread_cutoffs(truths.cutoffs_of(n_weeks, spec.observation, spec.outcome), 3)
    for _ in range(rounds):
        margin = mean_margin(few, some, cutoffs)
        factors = truths.calibrated_factors(few, some, cutoffs, margin)
        few, mech = with_strength(few, factors), with_strength(mech, factors)
    return mech


def _first(mech: Mechanism, n: int) -> Mechanism:
    t = mech.traits
    cut = replace(t, **{k: getattr(t, k)[:n] for k in t.__dataclass_fields__})
    return replace(mech, traits=cut)


def mean_margin(mech: Mechanism, counts: Array, cutoffs: list[int]) -> float:
    """Mean expected margin of an outcome window, customers present, habit left out."""
    stocks = mech.stocks(counts)
    found = []
    for c in cutoffs:
        weeks = slice(c, c + mech.spec.outcome)
        now = {key: stock[:, weeks] for key, stock in stocks.items()}
        found.append(mech.expected(now, weeks)[mech.traits.entry < c].sum(axis=1))
    return float(np.concatenate(found).mean())


def order_counts(mech: Mechanism, counts: Array, luck: Array) -> tuple[dict[str, Array], Array]:
    """Orders (n, T) drawn from uniform numbers, given all behaviours."""
    weeks = slice(0, counts.shape[1])
    parts = mech.parts(mech.stocks(counts), weeks)
    if not mech.spec.habit:
        return parts, poisson_from(luck, parts["rate"])
    orders = np.zeros(luck.shape, dtype=np.float32)
    held = np.zeros(luck.shape[0])
    for t in range(luck.shape[1]):
        parts["rate"][:, t] += mech.spec.habit * held
        orders[:, t] = poisson_from(luck[:, t], parts["rate"][:, t])
        held = mech.spec.habit_memory * held + orders[:, t]
    return parts, orders


def draw_feedback(
    mech: Mechanism, counts: Array, rates: Array, luck: Array, rng: np.random.Generator
) -> Array:
    """Redraw behaviours that purchases raise, week by week, together with the purchases."""
    spec, n_weeks = mech.spec, counts.shape[1]
    fed = [j for j, b in enumerate(spec.behaviours) if b.feedback]
    counts = counts.copy()
    counts[:, :, fed] = 0
    uniform = rng.random((counts.shape[0], n_weeks, len(fed)))
    held = np.zeros(counts.shape[0])
    longest = max(len(a.kernel) for _, _, a in mech.acts())
    for t in range(n_weeks):
        for position, j in enumerate(fed):
            up = 1 + spec.behaviours[j].feedback * np.minimum(held, 6.0)
            counts[:, t, j] = poisson_from(uniform[:, t, position], rates[:, t, j] * up)
        first = max(0, t + 1 - longest)
        recent = mech.stocks(counts[:, first : t + 1])
        now = {key: stock[:, -1:] for key, stock in recent.items()}
        rate = mech.parts(now, slice(t, t + 1))["rate"][:, 0]
        held = 0.7 * held + poisson_from(luck[:, t], rate)
    return counts


def draw_ledger(mech: Mechanism, counts: Array, luck: Array, rng: np.random.Generator) -> Ledger:
    """Turn orders into transactions with revenue, margin and returns."""
    spec = mech.spec
    parts, orders = order_counts(mech, counts, luck[0])
    extra = poisson_from(luck[1], parts["additive"])
    hollow = rng.poisson(parts["empty"])
    n, n_weeks = orders.shape
    flat = np.arange(n * n_weeks)

    def rows(times: Array) -> tuple[NDArray[np.int64], Array, Array]:
        cell = np.repeat(flat, times.reshape(-1).astype(np.int64))
        noise = np.exp(
            spec.basket_sigma * rng.standard_normal(cell.size) - spec.basket_sigma**2 / 2
        )
        return cell, (cell % n_weeks + rng.random(cell.size)) * WEEK, noise

    cell, day, noise = rows(orders)
    revenue = parts["basket"].reshape(-1)[cell] * noise
    margin = revenue * parts["ratio"].reshape(-1)[cell] - spec.serve
    back = rng.random(cell.size) < parts["returns"].reshape(-1)[cell]
    more, more_day, more_noise = rows(extra)
    empty, empty_day, empty_noise = rows(hollow)
    empty_revenue = parts["basket"].reshape(-1)[empty] * empty_noise
    cells = np.concatenate([cell, more, empty, cell[back]])
    days = np.concatenate([day, more_day, empty_day, day[back] + WEEK])
    revenues = np.concatenate([revenue, spec.basket * more_noise, empty_revenue, -revenue[back]])
    margins = np.concatenate(
        [
            margin,
            spec.basket * spec.ratio * more_noise,
            empty_revenue * 0.04 * rng.standard_normal(empty.size),
            -spec.return_loss * revenue[back],
        ]
    )
    inside = days < n_weeks * WEEK
    return Ledger((cells // n_weeks)[inside], days[inside], revenues[inside], margins[inside])


def draw_leaving(mech: Mechanism, counts: Array, luck: Array) -> NDArray[np.int64]:
    """Week at whose start each subscriber cancels; T + 1 where none."""
    n_weeks = counts.shape[1]
    weeks = slice(0, n_weeks)
    chance = mech.leave_probability(mech.parts(mech.stocks(counts), weeks), weeks)
    leaves = luck < chance
    return np.where(leaves.any(axis=1), leaves.argmax(axis=1), n_weeks + 1)


def fees(mech: Mechanism, leave: NDArray[np.int64], rng: np.random.Generator) -> Ledger:
    """Fees every four weeks from sign-up until the subscriber cancels."""
    n_weeks = mech.n_weeks
    paid = mech.fee_due(slice(0, n_weeks)) & (np.arange(n_weeks) < leave[:, None])
    customer, week = np.nonzero(paid)
    margin = mech.spec.fee * mech.traits.size[customer]
    day = week * WEEK + 0.5 * rng.random(customer.size)
    return Ledger(customer, day, margin / 0.6, margin)


def draw_following(
    mech: Mechanism, counts: Array, ledger: Ledger, rates: Array, rng: np.random.Generator
) -> tuple[Array, dict[str, tuple[NDArray[np.int64], Array]]]:
    """Add what follows from purchases, or from their absence; it does nothing."""
    n, n_weeks, _ = counts.shape
    counts = counts.copy()
    dated = {}
    orders = ledger.margin > 0
    customer, day = ledger.customer[orders], ledger.day[orders]
    for j, b in enumerate(mech.spec.behaviours):
        if b.source == "orders":
            who = np.repeat(np.arange(customer.size), rng.poisson(b.rate, customer.size))
            when = day[who] + rng.exponential(4.0, who.size)
            inside = when < n_weeks * WEEK
            who, when = customer[who[inside]], when[inside]
            dated[b.name] = (who, when)
            counts[:, :, j] = weekly_sum(who, when, np.ones(who.size), n, n_weeks)
        elif b.source == "lapse":
            bought = weekly_sum(customer, day, np.ones(customer.size), n, n_weeks)
            counts[:, :, j] = rng.poisson(b.rate * lapsed(bought, mech.traits.entry))
    return counts, dated


def lapsed(bought: Array, entry: NDArray[np.int64], weeks: int = 6) -> NDArray[np.bool_]:
    """Weeks (n, T) before which a customer who was there bought nothing for some weeks."""
    total = np.concatenate([np.zeros((bought.shape[0], 1)), np.cumsum(bought, axis=1)], axis=1)
    at = np.arange(bought.shape[1])
    recent = total[:, at] - total[:, np.maximum(at - weeks, 0)]
    return (recent == 0) & (at - entry[:, None] >= weeks)


def lose(
    counts: Array,
    dated: dict[str, tuple[NDArray[np.int64], Array]],
    spec: Spec,
    rng: np.random.Generator,
) -> tuple[Array, dict[str, tuple[NDArray[np.int64], Array]]]:
    """Drop a share of events at random."""
    n, n_weeks, _ = counts.shape
    kept = rng.binomial(counts.astype(np.int64), 1 - spec.missing).astype(np.float32)
    found = {}
    for name, (who, when) in dated.items():
        stays = rng.random(who.size) >= spec.missing
        found[name] = (who[stays], when[stays])
        ones = np.ones(int(stays.sum()))
        kept[:, :, spec.index(name)] = weekly_sum(who[stays], when[stays], ones, n, n_weeks)
    return kept, found


def weekly_sum(who: NDArray[np.int64], day: Array, amount: Array, n: int, n_weeks: int) -> Array:
    cell = who * n_weeks + (day // WEEK).astype(np.int64)
    return np.bincount(cell, weights=amount, minlength=n * n_weeks).reshape(n, n_weeks)
