"""The causal part of a world: from what customers do to the margin to expect of them.

Nothing here comes from the package under test, so that truth and estimate cannot share a mistake.

A week t runs over days [7t, 7t + 7). An event ``lag`` weeks ago adds ``kernel[lag]`` to the stock
of its behaviour; stocks move the order rate, the basket, the margin ratio, the returns or the
chance to cancel. Expected margin given all behaviours is closed-form (``Mechanism.expected``), and
orders are drawn from stored uniform numbers, so an intervention can be repeated with all else
as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.recovery.spec import Act, Array, Spec, Traits

RETURN_LAG = 1  # a return is booked seven days after its order


def stock_of(counts: Array, kernel: tuple[float, ...]) -> Array:
    """Sum over lags of ``kernel[lag] * counts[:, t - lag]``, (n, T)."""
    out = np.zeros(counts.shape, dtype=np.float64)
    for lag, weight in enumerate(kernel):
        if weight and lag < counts.shape[1]:
            out[:, lag:] += weight * counts[:, : counts.shape[1] - lag]
    return out


@dataclass(frozen=True)
class Mechanism:
    """From stocks to expected margin: the world's causal part, strengths included."""

    spec: Spec
    traits: Traits
    scales: dict[tuple[str, int], tuple[float, float]]  # (behaviour, act) → mean stocks

    def acts(self) -> list[tuple[str, int, Act]]:
        return [(b.name, k, a) for b in self.spec.behaviours for k, a in enumerate(b.acts)]

    def stocks(self, counts: Array) -> dict[tuple[str, str, int], Array]:
        """Stocks by (behaviour counted, behaviour owning the act, number of the act)."""
        found = {}
        for owner, k, act in self.acts():
            for name in filter(None, (owner, act.partner)):
                found[name, owner, k] = stock_of(counts[:, :, self.spec.index(name)], act.kernel)
        return found

    def dose(
        self, owner: str, k: int, act: Act, stocks: dict[tuple[str, str, int], Array], weeks: slice
    ) -> Array:
        stock = stocks[owner, owner, k]
        own, other = self.scales[owner, k]
        if act.partner is not None:
            together = 1 - np.exp(-stocks[act.partner, owner, k] / other)
            out = own * (1 - np.exp(-stock / own)) * together
        elif act.saturates is not None:
            scale = act.saturates * own
            out = scale * (1 - np.exp(-stock / scale))
        else:
            out = stock
        if act.until is not None:
            out = out * (np.arange(weeks.start, weeks.stop) < act.until * self.n_weeks)
        if act.only is not None:
            out = out * (self.traits.segment == act.only)[:, None]
        return act.strength * out

    @property
    def n_weeks(self) -> int:
        return self.traits.season.shape[1]

    def parts(self, stocks: dict[tuple[str, str, int], Array], weeks: slice) -> dict[str, Array]:
        """Order rate, basket, margin ratio, return share, additional and empty orders, (n, m)."""
        spec, traits = self.spec, self.traits
        present = np.arange(weeks.start, weeks.stop) >= traits.entry[:, None]
        level = spec.order_rate * np.exp(
            spec.liking_orders * traits.liking - spec.liking_orders**2 / 2
        )
        rate = level[:, None] * np.exp(traits.season[:, weeks] + traits.interest[:, weeks])
        basket = spec.basket * traits.size * np.exp(spec.liking_basket * traits.liking)
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
        """Expected margin a week (n, m) given all behaviours.

        With habit, orders before ``weeks`` are left out: they are the same with and without an
        intervention in ``weeks``, and the difference is exact as habit is linear. A subscriber is
        taken to be there when ``weeks`` begin.
        """
        spec = self.spec
        parts = self.parts(stocks, weeks)
        if spec.subscription:
            return self._expected_fees(parts, weeks)
        rate = self._with_habit(parts["rate"])
        margin = rate * (parts["basket"] * parts["ratio"] - spec.serve)
        margin += parts["additive"] * spec.basket * spec.ratio
        back = rate * parts["basket"] * parts["returns"] * spec.return_loss
        margin[:, RETURN_LAG:] -= back[:, :-RETURN_LAG]
        return margin

    def _with_habit(self, rate: Array) -> Array:
        if not self.spec.habit:
            return rate
        rate = rate.copy()
        held = np.zeros(rate.shape[0])
        for t in range(rate.shape[1]):
            rate[:, t] += self.spec.habit * held
            held = self.spec.habit_memory * held + rate[:, t]
        return rate

    def leave_probability(self, parts: dict[str, Array], weeks: slice) -> Array:
        """Chance (n, m) to cancel at the start of a week, for one still subscribed.

        `churn` is the monthly chance at mean stocks.
        """
        spec, traits = self.spec, self.traits
        per_decision = 1 - (1 - spec.churn) ** (spec.decide_every / 4)
        logit = np.log(per_decision / (1 - per_decision)) - spec.liking_churn * traits.liking
        since = np.arange(weeks.start, weeks.stop) - traits.entry[:, None]
        due = (since > 0) & (since % spec.decide_every == 0)
        hidden = traits.season[:, weeks] + traits.interest[:, weeks]
        usual = sum(a.strength * self.scales[b, k][0] for b, k, a in self.acts())
        return due / (1 + np.exp(-(logit[:, None] - hidden - (parts["renewal"] - usual))))

    def fee_due(self, weeks: slice) -> Array:
        since = np.arange(weeks.start, weeks.stop) - self.traits.entry[:, None]
        return (since >= 0) & (since % 4 == 0)

    def _expected_fees(self, parts: dict[str, Array], weeks: slice) -> Array:
        stays = np.cumprod(1 - self.leave_probability(parts, weeks), axis=1)
        fee = self.spec.fee * self.traits.size
        return stays * self.fee_due(weeks) * fee[:, None]


def mechanism(spec: Spec, traits: Traits, counts: Array) -> Mechanism:
    """Fix the scales of saturating and paired acts at the mean stocks of these counts."""
    scales = {}
    for b in spec.behaviours:
        for k, act in enumerate(b.acts):
            own = stock_of(counts[:, :, spec.index(b.name)], act.kernel).mean()
            other = 1.0
            if act.partner is not None:
                other = stock_of(counts[:, :, spec.index(act.partner)], act.kernel).mean()
            scales[b.name, k] = (max(float(own), 1e-9), max(float(other), 1e-9))
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
