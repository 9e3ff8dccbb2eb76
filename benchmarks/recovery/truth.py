"""Ground truth of a simulation: verdicts, interventional effects per event, weight shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmarks.recovery.mechanism import Mechanism
    from benchmarks.recovery.spec import Act, Array


MIN_EFFECT = 0.01  # smallest effect of interest: share of mean margin per standard deviation

# largest relative effect at the mean stock, so that no single behaviour dominates margin
MAX_DOSE = {"orders": 0.6, "basket": 0.6, "additive": 0.6, "ratio": 0.3, "returns": 0.3}


@dataclass(frozen=True)
class Truth:
    """The estimands that methods are judged by.

    Attributes
    ----------
    verdicts : behaviour → driver, harmful, vanity, consequence or inert
        `vanity` correlates with margin across customers without an effect, `inert` does neither.
    accepted : behaviour → verdicts that count as correct (the true one included)
    drivers : behaviours that raise margin
    optional : behaviours that may be selected or not, such as a driver whose effect ended
    effect : behaviour → currency per event, net of the cost of serving it
        The change of expected margin over the outcome window after adding one event at a uniformly
        random time of the observation window (after the customer's entry), holding everything
        else fixed; the mean over customers present and up to six cutoffs spread over the history.
        Subscribers are conditioned on being active at the cutoff.
    gross : the effect before the cost of serving
    cost : behaviour → cost of serving one event, in currency
    std : behaviour → standard deviation of the window count, pooled over customers and cutoffs
    shares : driver → effect × std, normalised to a sum of 1
    mean_margin : mean margin of an outcome window
    identifiable : False for a single cross-section, from which effects are not identified
    """

    verdicts: dict[str, str]
    effect: dict[str, float]
    gross: dict[str, float]
    cost: dict[str, float]
    std: dict[str, float]
    mean_margin: float
    identifiable: bool = True
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    @property
    def drivers(self) -> frozenset[str]:
        return frozenset(b for b, v in self.verdicts.items() if v == "driver")

    @property
    def shares(self) -> dict[str, float]:
        margin = {b: self.effect[b] * self.std[b] for b in sorted(self.drivers)}
        total = sum(margin.values())
        return {b: m / total for b, m in margin.items()} if total > 0 else {}

    @property
    def standardised_effects(self) -> dict[str, float]:
        """Effect of one standard deviation as a share of mean margin."""
        return {b: self.effect[b] * self.std[b] / self.mean_margin for b in self.effect}


def cutoffs_of(n_weeks: int, observation: int, outcome: int, every: int = 4) -> list[int]:
    """Return weeks at which an observation window ends and a whole outcome window follows."""
    return list(range(n_weeks - outcome, observation - 1, -every))[::-1]


def evenly_spaced(cutoffs: list[int], at_most: int = 6) -> list[int]:
    """Return at most `at_most` cutoffs, evenly spaced."""
    chosen = np.linspace(0, len(cutoffs) - 1, min(at_most, len(cutoffs))).round().astype(int)
    return [cutoffs[i] for i in chosen]


def window_sums(weekly: Array, cutoffs: list[int], length: int, *, after: bool) -> Array:
    """Return sums over the ``length`` weeks before (or after) each cutoff, (n, cutoffs)."""
    total = np.concatenate([np.zeros((weekly.shape[0], 1)), np.cumsum(weekly, axis=1)], axis=1)
    at = np.array(cutoffs)
    first, last = (at, at + length) if after else (at - length, at)
    return total[:, last] - total[:, np.maximum(first, 0)]


def effect_per_event(
    mech: Mechanism, counts: Array, behaviour: str, cutoffs: list[int], leave: NDArray[np.int64]
) -> float:
    """Return the average effect of adding one event of `behaviour` (do-intervention).

    The week of the added event cycles through the window from customer to customer, so that every
    week gets the same number of customers.
    """
    spec = mech.spec
    affected = [
        (behaviour, owner, k) for owner, k, act in mech.acts() if behaviour in (owner, act.partner)
    ]
    if not affected:
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
        for key in affected:
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
    """Return factors on the strengths that move each effect towards its target."""
    leave = np.full(counts.shape[0], counts.shape[1] + 1)
    factors = {}
    for b in mech.spec.behaviours:
        if not b.acts or not b.standardised_effect:
            continue
        effect = effect_per_event(mech, counts, b.name, cutoffs, leave)
        std = window_std(counts[:, :, mech.spec.index(b.name)], mech, cutoffs, leave)
        current = effect * std / margin
        ratio = b.standardised_effect / current if current * b.standardised_effect > 0 else 0.5
        room = min(
            max_dose(act, mech.spec.order_rate) / (act.strength * mech.scales[b.name, k][0])
            for k, act in enumerate(b.acts)
        )
        factors[b.name] = float(np.clip(ratio, 0.2, min(5.0, room)))
    return factors


def max_dose(act: Act, order_rate: float) -> float:
    """Return the largest allowed effect of an act at the mean stock."""
    limit = MAX_DOSE.get(act.via, 1.5) * (order_rate if act.via == "additive" else 1.0)
    # a short kernel needs a larger instant effect to reach the same total
    short_kernel = len(act.kernel) <= 5 and act.via in ("orders", "basket", "additive")
    return limit * (3.0 if act.partner or act.saturation else 1.6 if short_kernel else 1.0)


def window_std(
    counts: Array, mech: Mechanism, cutoffs: list[int], leave: NDArray[np.int64]
) -> float:
    """Return the pooled standard deviation of the window count."""
    sums = window_sums(counts, cutoffs, mech.spec.observation, after=False)
    at = np.array(cutoffs)
    present = (mech.traits.entry[:, None] < at) & (leave[:, None] >= at)
    return float(sums[present].std())


def compute_truth(
    mech: Mechanism,
    latent: Array,
    logged: Array,
    margin: Array,
    leave: NDArray[np.int64],
    optional: frozenset[str],
    accepted: dict[str, frozenset[str]],
) -> Truth:
    """Compute the truth of a simulated history by intervening in it.

    Parameters
    ----------
    latent, logged : (n, T, B) counts without cancellations, and as logged
    margin : (n, T) as booked
    """
    spec = mech.spec
    cutoffs = cutoffs_of(mech.n_weeks, spec.observation, spec.outcome)
    some = evenly_spaced(cutoffs)
    at = np.array(cutoffs)
    present = (mech.traits.entry[:, None] < at) & (leave[:, None] >= at)
    mean_margin = float(window_sums(margin, cutoffs, spec.outcome, after=True)[present].mean())
    gross, cost, std, verdicts = {}, {}, {}, {}
    for j, b in enumerate(spec.behaviours):
        gross[b.name] = effect_per_event(mech, latent, b.name, some, leave)
        cost[b.name] = round(b.cost_ratio * gross[b.name], 3)
        std[b.name] = window_std(logged[:, :, j], mech, cutoffs, leave)
        standardised = (gross[b.name] - cost[b.name]) * std[b.name] / mean_margin
        verdicts[b.name] = b.truth
        if b.truth in ("driver", "harmful"):
            if abs(standardised) < MIN_EFFECT:
                verdicts[b.name] = "inert"
            if MIN_EFFECT / 2 < abs(standardised) < MIN_EFFECT * 1.5:
                optional = optional | {b.name}
                accepted = accepted | {b.name: frozenset({b.truth, "inert"})}
    return Truth(
        verdicts=verdicts,
        effect={name: gross[name] - cost[name] for name in gross},
        gross=gross,
        cost=cost,
        std=std,
        mean_margin=mean_margin,
        optional=optional,
        accepted=accepted,
    )
