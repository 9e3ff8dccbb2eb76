"""What is true in a world: verdicts, effects per event by intervention, shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmarks.recovery.engine import Mechanism
    from benchmarks.recovery.spec import Act, Array


SMALLEST_EFFECT = 0.01  # of mean margin for one standard deviation: less is not worth having

# at the mean stock: beyond it a behaviour would be all there is to margin
LARGEST_DOSE = {"orders": 0.6, "basket": 0.6, "additive": 0.6, "ratio": 0.3, "returns": 0.3}


@dataclass(frozen=True)
class Truth:
    """The answers an estimator is judged by.

    Attributes
    ----------
    verdicts : behaviour → driver, harmful, vanity, consequence or inert
        `vanity` goes with margin across customers and does nothing, `inert` does neither.
    accepted : behaviour → verdicts that would also be right (its own included)
    drivers : behaviours that raise margin
    either : behaviours that may be chosen or not, as a driver that stopped midway
    effect : behaviour → currency per event, net of what serving it costs
        One more event at a uniformly random time of the observation window (of the part in which
        the customer was there), all else as it was, change of expected margin over the outcome
        window, mean over customers present and up to six cutoffs spread over the history.
        Subscribers are those still there at the cutoff, with the additional event as without it.
    gross : the same before the cost of serving
    cost : behaviour → currency per event that serving it costs
    spread : behaviour → standard deviation of the window count, customers and cutoffs pooled
    shares : driver → effect × spread, adding up to 1
    mean_margin : mean margin of an outcome window
    identifiable : False where no data of this form could tell, a single cross-section
    """

    verdicts: dict[str, str]
    effect: dict[str, float]
    gross: dict[str, float]
    cost: dict[str, float]
    spread: dict[str, float]
    mean_margin: float
    identifiable: bool = True
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    either: frozenset[str] = frozenset()

    @property
    def drivers(self) -> frozenset[str]:
        return frozenset(b for b, v in self.verdicts.items() if v == "driver")

    @property
    def shares(self) -> dict[str, float]:
        worth = {b: self.effect[b] * self.spread[b] for b in sorted(self.drivers)}
        total = sum(worth.values())
        return {b: w / total for b, w in worth.items()} if total > 0 else {}

    @property
    def worth(self) -> dict[str, float]:
        """Effect of one standard deviation as a share of mean margin."""
        return {b: self.effect[b] * self.spread[b] / self.mean_margin for b in self.effect}


def cutoffs_of(n_weeks: int, observation: int, outcome: int, every: int = 4) -> list[int]:
    """Weeks at which an observation window ends and a whole outcome window fits."""
    return list(range(n_weeks - outcome, observation - 1, -every))[::-1]


def spread_cutoffs(cutoffs: list[int], at_most: int = 6) -> list[int]:
    chosen = np.linspace(0, len(cutoffs) - 1, min(at_most, len(cutoffs))).round().astype(int)
    return [cutoffs[i] for i in chosen]


def window_sums(weekly: Array, cutoffs: list[int], length: int, *, after: bool) -> Array:
    """Sums over the ``length`` weeks before (or after) each cutoff, (n, cutoffs)."""
    total = np.concatenate([np.zeros((weekly.shape[0], 1)), np.cumsum(weekly, axis=1)], axis=1)
    at = np.array(cutoffs)
    first, last = (at, at + length) if after else (at - length, at)
    return total[:, last] - total[:, np.maximum(first, 0)]


def effect_per_event(
    mech: Mechanism, counts: Array, behaviour: str, cutoffs: list[int], leave: NDArray[np.int64]
) -> float:
    """Change of expected margin for one more event of `behaviour`, by intervening.

    The week of the additional event goes round the window from customer to customer, so that
    every week gets the same number of customers.
    """
    spec = mech.spec
    touched = [
        (behaviour, owner, k) for owner, k, act in mech.acts() if behaviour in (owner, act.partner)
    ]
    if not touched:
        return 0.0
    stocks = mech.stocks(counts)
    n = counts.shape[0]
    changes = []
    for number, cutoff in enumerate(cutoffs):
        start = cutoff if spec.subscription else max(cutoff - spec.observation, 0)
        weeks = slice(start, cutoff + spec.outcome)
        present = (mech.traits.entry < cutoff) & (leave >= cutoff)
        span = np.clip(cutoff - mech.traits.entry, 1, spec.observation)
        when = cutoff - 1 - (np.arange(n) + 5 * number) % span
        before = {key: stock[:, weeks] for key, stock in stocks.items()}
        after = dict(before)
        for key in touched:
            kernel = np.array(next(a for o, k, a in mech.acts() if (o, k) == key[1:]).kernel)
            lag = np.arange(weeks.start, weeks.stop)[None, :] - when[:, None]
            inside = (lag >= 0) & (lag < len(kernel))
            after[key] = before[key] + np.where(inside, kernel[np.where(inside, lag, 0)], 0.0)
        change = mech.expected(after, weeks) - mech.expected(before, weeks)
        changes.append(change[present, cutoff - start :].sum(axis=1))
    return float(np.concatenate(changes).mean())


def calibrated_factors(
    mech: Mechanism, counts: Array, cutoffs: list[int], margin: float
) -> dict[str, float]:
    """Factors on the strengths that bring each behaviour closer to its worth."""
    leave = np.full(counts.shape[0], counts.shape[1] + 1)
    factors = {}
    for b in mech.spec.behaviours:
        if not b.acts or not b.worth:
            continue
        effect = effect_per_event(mech, counts, b.name, cutoffs, leave)
        spread = spread_of(counts[:, :, mech.spec.index(b.name)], mech, cutoffs, leave)
        found = effect * spread / margin
        ratio = b.worth / found if found * b.worth > 0 else 0.5
        room = min(
            largest_dose(act, mech.spec.order_rate) / (act.strength * mech.scales[b.name, k][0])
            for k, act in enumerate(b.acts)
        )
        factors[b.name] = float(np.clip(ratio, 0.2, min(5.0, room)))
    return factors


def largest_dose(act: Act, order_rate: float) -> float:
    most = LARGEST_DOSE.get(act.via, 1.5) * (order_rate if act.via == "additive" else 1.0)
    # what is soon forgotten must do more at once to be worth as much
    soon_forgotten = len(act.kernel) <= 5 and act.via in ("orders", "basket", "additive")
    return most * (3.0 if act.partner or act.saturates else 1.6 if soon_forgotten else 1.0)


def spread_of(
    counts: Array, mech: Mechanism, cutoffs: list[int], leave: NDArray[np.int64]
) -> float:
    sums = window_sums(counts, cutoffs, mech.spec.observation, after=False)
    at = np.array(cutoffs)
    there = (mech.traits.entry[:, None] < at) & (leave[:, None] >= at)
    return float(sums[there].std())


def truth_of(
    mech: Mechanism,
    latent: Array,
    seen: Array,
    margin: Array,
    leave: NDArray[np.int64],
    either: frozenset[str],
    accepted: dict[str, frozenset[str]],
) -> Truth:
    """Intervene in a drawn history; verdicts follow from the effects where something acts.

    Parameters
    ----------
    latent, seen : (n, T, B) counts had nobody left, and as logged
    margin : (n, T) as booked
    """
    spec = mech.spec
    cutoffs = cutoffs_of(mech.n_weeks, spec.observation, spec.outcome)
    some = spread_cutoffs(cutoffs)
    at = np.array(cutoffs)
    there = (mech.traits.entry[:, None] < at) & (leave[:, None] >= at)
    mean_margin = float(window_sums(margin, cutoffs, spec.outcome, after=True)[there].mean())
    gross, cost, spread, verdicts = {}, {}, {}, {}
    for j, b in enumerate(spec.behaviours):
        gross[b.name] = effect_per_event(mech, latent, b.name, some, leave)
        cost[b.name] = round(b.cost_ratio * gross[b.name], 3)
        spread[b.name] = spread_of(seen[:, :, j], mech, cutoffs, leave)
        worth = (gross[b.name] - cost[b.name]) * spread[b.name] / mean_margin
        verdicts[b.name] = b.truth
        if b.truth in ("driver", "harmful"):
            if abs(worth) < SMALLEST_EFFECT:
                verdicts[b.name] = "inert"
            if SMALLEST_EFFECT / 2 < abs(worth) < SMALLEST_EFFECT * 1.5:
                either = either | {b.name}
                accepted = accepted | {b.name: frozenset({b.truth, "inert"})}
    return Truth(
        verdicts=verdicts,
        effect={name: gross[name] - cost[name] for name in gross},
        gross=gross,
        cost=cost,
        spread=spread,
        mean_margin=mean_margin,
        either=either,
        accepted=accepted,
    )
