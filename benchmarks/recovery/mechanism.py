"""Structural causal model: expected margin given the behaviour of customers.

The module shares no code with the package under test, so the truth and the estimates cannot share
a mistake.

Week t covers days [7t, 7t + 7). An event ``lag`` weeks ago adds ``kernel[lag]`` to the stock of its
behaviour. Stocks change the order rate, the basket, the margin ratio, the returns or the
probability to cancel. Expected margin given all behaviours has a closed form
(``Mechanism.expected``). Orders are drawn from stored uniform numbers, so an intervention can be
repeated with common random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.recovery.spec import Act, Array, Spec, Traits

RETURN_LAG = 1  # a return is booked one week after its order


def stock_of(counts: Array, kernel: tuple[float, ...]) -> Array:
    """Return the distributed-lag sum of ``kernel[lag] * counts[:, t - lag]``, (n, T)."""
    out = np.zeros(counts.shape, dtype=np.float64)
    for lag, weight in enumerate(kernel):
        if weight and lag < counts.shape[1]:
            out[:, lag:] += weight * counts[:, : counts.shape[1] - lag]
    return out


@dataclass(frozen=True)
class Mechanism:
    """Structural equations with their parameters."""

    spec: Spec
    traits: Traits
    scales: dict[
        tuple[str, int], tuple[float, float]
    ]  # (behaviour, act) → mean stocks of the behaviour and its partner

    def acts(self) -> list[tuple[str, int, Act]]:
        return [(b.name, k, a) for b in self.spec.behaviours for k, a in enumerate(b.acts)]

    def stocks(self, counts: Array) -> dict[tuple[str, str, int], Array]:
        """Return stocks by (counted behaviour, acting behaviour, number of the act)."""
        stocks = {}
        for owner, k, act in self.acts():
            for name in filter(None, (owner, act.partner)):
                stocks[name, owner, k] = stock_of(counts[:, :, self.spec.index(name)], act.kernel)
        return stocks

    def dose(
        self, owner: str, k: int, act: Act, stocks: dict[tuple[str, str, int], Array], weeks: slice
    ) -> Array:
        """Return the effect (n, m) of one act: its saturating, timed and segmented stock."""
        stock = stocks[owner, owner, k]
        scale, partner_scale = self.scales[owner, k]
        if act.partner is not None:
            together = 1 - np.exp(-stocks[act.partner, owner, k] / partner_scale)
            out = scale * (1 - np.exp(-stock / scale)) * together
        elif act.saturation is not None:
            scale = act.saturation * scale
            out = scale * (1 - np.exp(-stock / scale))
        else:
            out = stock
        if act.until is not None:
            out = out * (np.arange(weeks.start, weeks.stop) < act.until * self.n_weeks)
        if act.segment is not None:
            out = out * (self.traits.segment == act.segment)[:, None]
        return act.strength * out

    @property
    def n_weeks(self) -> int:
        return self.traits.season.shape[1]

    def parts(self, stocks: dict[tuple[str, str, int], Array], weeks: slice) -> dict[str, Array]:
        """Return order rate, basket, margin ratio, returns, additive and empty orders, (n, m)."""
        spec, traits = self.spec, self.traits
        present = np.arange(weeks.start, weeks.stop) >= traits.entry[:, None]
        level = spec.order_rate * np.exp(
            spec.affinity_orders * traits.affinity - spec.affinity_orders**2 / 2
        )
        rate = level[:, None] * np.exp(traits.season[:, weeks] + traits.interest[:, weeks])
        basket = spec.basket * traits.size * np.exp(spec.affinity_basket * traits.affinity)
        out = {
            "rate": rate * present,
            "basket": np.repeat(basket[:, None], rate.shape[1], axis=1),
            "ratio": np.repeat(traits.ratio[:, None], rate.shape[1], axis=1),
            "returns": np.full(rate.shape, spec.return_share),
            "additive": np.zeros(rate.shape),
            "empty": np.zeros(rate.shape),
            "renewal": np.zeros(rate.shape),
        }
        empty = np.zeros(rate.shape)
        for owner, k, act in self.acts():
            dose = self.dose(owner, k, act, stocks, weeks)
            if act.via == "orders":
                out["rate"] = out["rate"] * (1 + dose)
            elif act.via == "basket":
                out["basket"] = out["basket"] * (1 + dose)
            elif act.via == "additive":
                out["additive"] = out["additive"] + dose
            elif act.via == "ratio":
                out["ratio"] = out["ratio"] - 1.5 * spec.ratio * (1 - np.exp(-dose / 1.5))
            elif act.via == "returns":
                out["returns"] = out["returns"] + 0.6 * (1 - np.exp(-dose / 0.6))
            elif act.via == "renewal":
                out["renewal"] = out["renewal"] + dose
            else:
                empty = empty + dose
        out["empty"] = out["rate"] * empty
        return out

    def expected(self, stocks: dict[tuple[str, str, int], Array], weeks: slice) -> Array:
        """Return expected margin per week (n, m) given all behaviours.

        With habit, orders before ``weeks`` are omitted: an intervention in ``weeks`` does not
        change them, and differences stay exact because habit is linear. Subscribers are assumed to
        be active at the start of ``weeks``.
        """
        spec = self.spec
        parts = self.parts(stocks, weeks)
        if spec.subscription:
            return self._expected_fees(parts, weeks)
        rate = self._with_habit(parts["rate"])
        margin = rate * (parts["basket"] * parts["ratio"] - spec.order_cost)
        margin += parts["additive"] * spec.basket * spec.ratio
        refunds = rate * parts["basket"] * parts["returns"] * spec.return_loss
        margin[:, RETURN_LAG:] -= refunds[:, :-RETURN_LAG]
        return margin

    def _with_habit(self, rate: Array) -> Array:
        if not self.spec.habit:
            return rate
        rate = rate.copy()
        habit_stock = np.zeros(rate.shape[0])
        for t in range(rate.shape[1]):
            rate[:, t] += self.spec.habit * habit_stock
            habit_stock = self.spec.habit_persistence * habit_stock + rate[:, t]
        return rate

    def leave_probability(self, parts: dict[str, Array], weeks: slice) -> Array:
        """Return the hazard (n, m) of cancelling at the start of a week.

        `Spec.churn` is the monthly hazard at mean stocks.
        """
        spec, traits = self.spec, self.traits
        hazard = 1 - (1 - spec.churn) ** (spec.decide_every / 4)
        logit = np.log(hazard / (1 - hazard)) - spec.affinity_churn * traits.affinity
        since = np.arange(weeks.start, weeks.stop) - traits.entry[:, None]
        due = (since > 0) & (since % spec.decide_every == 0)
        latent = traits.season[:, weeks] + traits.interest[:, weeks]
        mean_renewal = sum(a.strength * self.scales[b, k][0] for b, k, a in self.acts())
        return due / (1 + np.exp(-(logit[:, None] - latent - (parts["renewal"] - mean_renewal))))

    def fee_due(self, weeks: slice) -> Array:
        since = np.arange(weeks.start, weeks.stop) - self.traits.entry[:, None]
        return (since >= 0) & (since % 4 == 0)

    def _expected_fees(self, parts: dict[str, Array], weeks: slice) -> Array:
        stays = np.cumprod(1 - self.leave_probability(parts, weeks), axis=1)
        fee = self.spec.fee * self.traits.size
        return stays * self.fee_due(weeks) * fee[:, None]


def mechanism(spec: Spec, traits: Traits, counts: Array) -> Mechanism:
    """Set the scales of saturating and interacting acts to the mean stocks of these counts."""
    scales = {}
    for b in spec.behaviours:
        for k, act in enumerate(b.acts):
            scale = stock_of(counts[:, :, spec.index(b.name)], act.kernel).mean()
            partner_scale = 1.0
            if act.partner is not None:
                partner_scale = stock_of(counts[:, :, spec.index(act.partner)], act.kernel).mean()
            scales[b.name, k] = (max(float(scale), 1e-9), max(float(partner_scale), 1e-9))
    return Mechanism(spec, traits, scales)


def with_strength(mech: Mechanism, factors: dict[str, float]) -> Mechanism:
    """Multiply the strengths of each behaviour's acts."""
    behaviours = tuple(
        replace(
            b,
            acts=tuple(replace(a, strength=a.strength * factors.get(b.name, 1.0)) for a in b.acts),
        )
        for b in mech.spec.behaviours
    )
    return replace(mech, spec=replace(mech.spec, behaviours=behaviours))
