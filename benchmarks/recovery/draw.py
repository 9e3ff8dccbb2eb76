"""Simulation of one history: behaviours, orders, subscription fees and cancellations."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery import truth
from benchmarks.recovery.customers import draw_counts, draw_rates, draw_traits, poisson_from
from benchmarks.recovery.mechanism import Mechanism, mechanism, with_strength
from benchmarks.recovery.spec import Array, Spec

WEEK = 7.0


@dataclass(frozen=True)
class Ledger:
    """Transactions as arrays: customer, day since the start, revenue and margin."""

    customer: NDArray[np.int64]
    day: Array
    revenue: Array
    margin: Array


@dataclass(frozen=True)
class History:
    """One simulated history.

    Attributes
    ----------
    latent : (n, T, B) counts if no customer cancelled
    counts : (n, T, B) logged counts
    event_times : (customer, day) of each event, for behaviours that follow single orders; the
        other events happen at uniformly random times within their week
    leave : week at whose start the customer cancels
    """

    mech: Mechanism
    latent: Array
    counts: Array
    event_times: dict[str, tuple[NDArray[np.int64], Array]]
    ledger: Ledger
    leave: NDArray[np.int64]


def streams(kind: str, seed: int) -> dict[str, np.random.Generator]:
    """Return independent random streams, so that changing one part leaves the others unchanged."""
    names = ("spec", "traits", "rates", "counts", "uniforms", "money", "follow", "render")
    code = zlib.crc32(kind.encode())
    return {s: np.random.default_rng([seed, code, i]) for i, s in enumerate(names)}


def draw(spec: Spec, n: int, n_weeks: int, rngs: dict[str, np.random.Generator]) -> History:
    """Simulate a history, with effects calibrated to each behaviour's target."""
    traits = draw_traits(spec, n, n_weeks, rngs["traits"])
    rates = draw_rates(spec, traits, rngs["rates"])
    counts = draw_counts(spec, rates, rngs["counts"])
    uniforms = rngs["uniforms"].random((2, n, n_weeks))
    mech = calibrate(mechanism(spec, traits, counts), counts)
    if any(b.feedback for b in spec.behaviours):
        counts = draw_feedback(mech, counts, rates, uniforms[0], rngs["follow"])
    if spec.subscription:
        leave = draw_cancellations(mech, counts, uniforms[0])
        ledger = fees(mech, leave, rngs["money"])
    else:
        leave = np.full(n, n_weeks + 1)
        ledger = draw_ledger(mech, counts, uniforms, rngs["money"])
    logged, event_times = draw_following(mech, counts, ledger, rates, rngs["follow"])
    logged = logged * (np.arange(n_weeks) < leave[:, None])[:, :, None]
    if spec.missing_share:
        logged, event_times = drop_events(logged, event_times, spec, rngs["render"])
    return History(mech, counts, logged, event_times, ledger, leave)


def calibrate(mech: Mechanism, counts: Array, rounds: int = 5, sample: int = 3000) -> Mechanism:
    """Scale strengths until the effect of one standard deviation meets each behaviour's target."""
    if not any(b.acts for b in mech.spec.behaviours):
        return mech
    spec, n_weeks = mech.spec, counts.shape[1]
    start = {
        b.name: 0.3 / mech.scales[b.name, 0][0]
        for b in spec.behaviours
        if b.standardised_effect or (b.acts and b.acts[0].via == "empty")
    }
    mech = with_strength(mech, start)
    subset_mech = _first(mech, min(sample, counts.shape[0]))
    subset = counts[:sample]
    cutoffs = truth.evenly_spaced(truth.cutoffs_of(n_weeks, spec.observation, spec.outcome), 3)
    for _ in range(rounds):
        margin = mean_margin(subset_mech, subset, cutoffs)
        factors = truth.calibrated_factors(subset_mech, subset, cutoffs, margin)
        subset_mech = with_strength(subset_mech, factors)
        mech = with_strength(mech, factors)
    return mech


def _first(mech: Mechanism, n: int) -> Mechanism:
    t = mech.traits
    cut = replace(t, **{k: getattr(t, k)[:n] for k in t.__dataclass_fields__})
    return replace(mech, traits=cut)


def mean_margin(mech: Mechanism, counts: Array, cutoffs: list[int]) -> float:
    """Return mean expected margin per outcome window of customers present, without habit."""
    stocks = mech.stocks(counts)
    margins = []
    for c in cutoffs:
        weeks = slice(c, c + mech.spec.outcome)
        now = {key: stock[:, weeks] for key, stock in stocks.items()}
        margins.append(mech.expected(now, weeks)[mech.traits.entry < c].sum(axis=1))
    return float(np.concatenate(margins).mean())


def order_counts(mech: Mechanism, counts: Array, uniforms: Array) -> tuple[dict[str, Array], Array]:
    """Draw orders (n, T) by inverse transform of `uniforms`, given all behaviours."""
    weeks = slice(0, counts.shape[1])
    parts = mech.parts(mech.stocks(counts), weeks)
    if not mech.spec.habit:
        return parts, poisson_from(uniforms, parts["rate"])
    orders = np.zeros(uniforms.shape, dtype=np.float32)
    habit_stock = np.zeros(uniforms.shape[0])
    for t in range(uniforms.shape[1]):
        parts["rate"][:, t] += mech.spec.habit * habit_stock
        orders[:, t] = poisson_from(uniforms[:, t], parts["rate"][:, t])
        habit_stock = mech.spec.habit_persistence * habit_stock + orders[:, t]
    return parts, orders


def draw_feedback(
    mech: Mechanism, counts: Array, rates: Array, uniforms: Array, rng: np.random.Generator
) -> Array:
    """Redraw behaviours with feedback from purchases week by week, together with the purchases."""
    spec, n_weeks = mech.spec, counts.shape[1]
    with_feedback = [j for j, b in enumerate(spec.behaviours) if b.feedback]
    counts = counts.copy()
    counts[:, :, with_feedback] = 0
    uniform = rng.random((counts.shape[0], n_weeks, len(with_feedback)))
    habit_stock = np.zeros(counts.shape[0])
    longest = max(len(a.kernel) for _, _, a in mech.acts())
    for t in range(n_weeks):
        for position, j in enumerate(with_feedback):
            increase = 1 + spec.behaviours[j].feedback * np.minimum(habit_stock, 6.0)
            counts[:, t, j] = poisson_from(uniform[:, t, position], rates[:, t, j] * increase)
        first = max(0, t + 1 - longest)
        recent = mech.stocks(counts[:, first : t + 1])
        now = {key: stock[:, -1:] for key, stock in recent.items()}
        rate = mech.parts(now, slice(t, t + 1))["rate"][:, 0]
        habit_stock = 0.7 * habit_stock + poisson_from(uniforms[:, t], rate)
    return counts


def draw_ledger(
    mech: Mechanism, counts: Array, uniforms: Array, rng: np.random.Generator
) -> Ledger:
    """Draw the transactions of orders and returns, with revenue and margin."""
    spec = mech.spec
    parts, orders = order_counts(mech, counts, uniforms[0])
    additive_orders = poisson_from(uniforms[1], parts["additive"])
    empty_orders = rng.poisson(parts["empty"])
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
    margin = revenue * parts["ratio"].reshape(-1)[cell] - spec.order_cost
    returned = rng.random(cell.size) < parts["returns"].reshape(-1)[cell]
    additive, additive_day, additive_noise = rows(additive_orders)
    empty, empty_day, empty_noise = rows(empty_orders)
    empty_revenue = parts["basket"].reshape(-1)[empty] * empty_noise
    cells = np.concatenate([cell, additive, empty, cell[returned]])
    days = np.concatenate([day, additive_day, empty_day, day[returned] + WEEK])
    revenues = np.concatenate(
        [revenue, spec.basket * additive_noise, empty_revenue, -revenue[returned]]
    )
    margins = np.concatenate(
        [
            margin,
            spec.basket * spec.ratio * additive_noise,
            empty_revenue * 0.04 * rng.standard_normal(empty.size),
            -spec.return_loss * revenue[returned],
        ]
    )
    inside = days < n_weeks * WEEK
    return Ledger((cells // n_weeks)[inside], days[inside], revenues[inside], margins[inside])


def draw_cancellations(mech: Mechanism, counts: Array, uniforms: Array) -> NDArray[np.int64]:
    """Draw the week at whose start each subscriber cancels; T + 1 means never."""
    n_weeks = counts.shape[1]
    weeks = slice(0, n_weeks)
    hazard = mech.leave_probability(mech.parts(mech.stocks(counts), weeks), weeks)
    leaves = uniforms < hazard
    return np.where(leaves.any(axis=1), leaves.argmax(axis=1), n_weeks + 1)


def fees(mech: Mechanism, leave: NDArray[np.int64], rng: np.random.Generator) -> Ledger:
    """Return fees every four weeks from sign-up until the subscriber cancels."""
    n_weeks = mech.n_weeks
    paid = mech.fee_due(slice(0, n_weeks)) & (np.arange(n_weeks) < leave[:, None])
    customer, week = np.nonzero(paid)
    margin = mech.spec.fee * mech.traits.size[customer]
    day = week * WEEK + 0.5 * rng.random(customer.size)
    return Ledger(customer, day, margin / 0.6, margin)


def draw_following(
    mech: Mechanism, counts: Array, ledger: Ledger, rates: Array, rng: np.random.Generator
) -> tuple[Array, dict[str, tuple[NDArray[np.int64], Array]]]:
    """Add behaviours caused by purchases or their absence; they have no effect."""
    n, n_weeks, _ = counts.shape
    counts = counts.copy()
    event_times = {}
    orders = ledger.margin > 0
    customer, day = ledger.customer[orders], ledger.day[orders]
    for j, b in enumerate(mech.spec.behaviours):
        if b.source == "orders":
            row = np.repeat(np.arange(customer.size), rng.poisson(b.rate, customer.size))
            when = day[row] + rng.exponential(4.0, row.size)
            inside = when < n_weeks * WEEK
            customers, when = customer[row[inside]], when[inside]
            event_times[b.name] = (customers, when)
            counts[:, :, j] = weekly_sum(customers, when, np.ones(customers.size), n, n_weeks)
        elif b.source == "lapse":
            bought = weekly_sum(customer, day, np.ones(customer.size), n, n_weeks)
            counts[:, :, j] = rng.poisson(b.rate * lapsed(bought, mech.traits.entry))
    return counts, event_times


def lapsed(bought: Array, entry: NDArray[np.int64], weeks: int = 6) -> NDArray[np.bool_]:
    """Return weeks (n, T) before which a present customer bought nothing for `weeks` weeks."""
    total = np.concatenate([np.zeros((bought.shape[0], 1)), np.cumsum(bought, axis=1)], axis=1)
    at = np.arange(bought.shape[1])
    recent = total[:, at] - total[:, np.maximum(at - weeks, 0)]
    return (recent == 0) & (at - entry[:, None] >= weeks)


def drop_events(
    counts: Array,
    event_times: dict[str, tuple[NDArray[np.int64], Array]],
    spec: Spec,
    rng: np.random.Generator,
) -> tuple[Array, dict[str, tuple[NDArray[np.int64], Array]]]:
    """Remove a share of events at random (missing completely at random)."""
    n, n_weeks, _ = counts.shape
    logged = rng.binomial(counts.astype(np.int64), 1 - spec.missing_share).astype(np.float32)
    logged_times = {}
    for name, (customers, when) in event_times.items():
        keep = rng.random(customers.size) >= spec.missing_share
        logged_times[name] = (customers[keep], when[keep])
        ones = np.ones(int(keep.sum()))
        logged[:, :, spec.index(name)] = weekly_sum(customers[keep], when[keep], ones, n, n_weeks)
    return logged, logged_times


def weekly_sum(
    customers: NDArray[np.int64], day: Array, amount: Array, n: int, n_weeks: int
) -> Array:
    """Sum amounts by customer and week, (n, T)."""
    cell = customers * n_weeks + (day // WEEK).astype(np.int64)
    return np.bincount(cell, weights=amount, minlength=n * n_weeks).reshape(n, n_weeks)
