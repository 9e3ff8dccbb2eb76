"""What one more event of a behaviour does to the entity's own later margin.

Margin is signed, so it is taken apart: what transactions gain and what they lose, each fitted by a
Poisson model with entity and period effects on lagged counts (`fit_poisson`). The lag profile of
the net effect is then kept to what an event can do — act at once and fade, without turning its
sign — by a weighted least squares projection, and summed up with each lag's weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.bending import fit_bending
from engagement_ml.drivers.design import Lags, lagged_sums
from engagement_ml.drivers.poisson import fit_poisson
from engagement_ml.drivers.projection import (
    fade_out,
    is_estimated,
    precision_root,
    standardised,
)
from engagement_ml.drivers.shapes import Bend
from engagement_ml.features.periods import Periods

Floats = npt.NDArray[np.float64]

WINSOR_SHARE = 0.002
"""Share of the positive amounts per period that are cut, to the amount at that rank."""

_RELEVANT_LOSS = 0.002
_ACTING_Z = 1.5  # those who do most can hide an effect while its response may not bend
_N_DRAWS = 400
_NORMAL_95 = 1.959964
_BLOCK = 4096  # of entities


@dataclass(frozen=True)
class LagEffects:
    """Net effects by behaviour and lag, in currency per event and period.

    Attributes
    ----------
    behaviours : tuple of str, B of them
    lags : Lags
    coef : array (B, G)
        Change of the entity's margin per period for one more event at each group of lags.
    influence : array (n, B, G)
        Each entity's share in the error of `coef`.
    same_period : array (B,)
        The coefficient at lag 0: what goes with margin in the same period, whichever causes which.
    sampling : array (n, B, G)
        Each entity's share in the error that comes from averaging over these entities: those with
        a larger margin, or who do more, gain more or less by an event. It says nothing of whether
        there is an effect, or of how fast it fades.
    bends : dict of behaviour to Bend
        The responses of the behaviours that raise or lower gains, their index by group of lags.
    """

    behaviours: tuple[str, ...]
    lags: Lags
    coef: Floats
    influence: Floats
    same_period: Floats
    sampling: Floats | None = None
    bends: dict[str, Bend] = field(default_factory=dict)

    @property
    def proportion(self) -> Floats:
        """How far each effect goes along with the level of margin, from 0 to 1, shape (B,)."""
        known = self.bends
        return np.array([1.0 - known[b].elasticity if b in known else 1.0 for b in self.behaviours])

    def times(self, factor: float) -> LagEffects:
        """Return the effects at another level of margin."""
        factors = factor**self.proportion
        return replace(
            self,
            coef=self.coef * factors[:, None],
            influence=self.influence * factors[:, None],
            sampling=None if self.sampling is None else self.sampling * factors[:, None],
            same_period=self.same_period * factors,
        )

    def covariance(self, b: int) -> Floats:
        """Covariance of behaviour b's profile, clustered by entity, shape (G, G)."""
        return self.influence[:, b].T @ self.influence[:, b]


@dataclass(frozen=True)
class WithinEffect:
    """The effect of one event on the outcome window, in currency, before the cost of serving it.

    Attributes
    ----------
    effect, low, high : float
        With a 95% interval.
    z : float
        Evidence against no effect: the largest of the standardised effects over `FADES`, signed.
    profile : array (G,)
        Effect per period by group of lags, fading.
    draws : array (D,)
        Draws of the effect that the interval is taken from.
    """

    effect: float
    low: float
    high: float
    z: float
    profile: Floats
    draws: Floats


def winsorise(values: Floats, share: float = WINSOR_SHARE) -> Floats:
    """Cut the largest positive amounts to the quantile at `share` from the top.

    Examples
    --------
    >>> winsorise(np.array([0.0, 1, 2, 3, 1000]), share=0.3).max() < 1000
    np.True_
    """
    positive = values[values > 0]
    if positive.size == 0:
        return values
    return np.minimum(values, np.quantile(positive, 1.0 - share))


def usable_cells(periods: Periods, burn_in: int) -> npt.NDArray[np.bool_]:
    """Mark the cells in which an entity is at risk, and margin and some of its past are known."""
    t = np.arange(periods.gain.shape[1])[None, :]
    entry = periods.entry[:, None]
    first = np.maximum(np.where(entry > 0, entry, burn_in), periods.paid_from)
    return (t >= first) & (t < periods.exit[:, None])


def tenure_steps(periods: Periods) -> npt.NDArray[np.float32]:
    """Return indicators of the first periods after an entry: newcomers differ for a while."""
    since = np.arange(periods.gain.shape[1])[None, :] - periods.entry[:, None]
    newcomer = (periods.entry > 0)[:, None]
    bounds = ((0, 2), (2, 4), (4, 8), (8, 16))
    steps = [newcomer & (since >= a) & (since < b) for a, b in bounds]
    kept = [s for s in steps if s.any()]
    shape = (*since.shape, len(kept))
    return np.stack(kept, axis=-1).astype(np.float32) if kept else np.zeros(shape, np.float32)


def estimate_lag_effects(
    periods: Periods,
    behaviours: tuple[str, ...],
    lags: Lags,
    *,
    burn_in: int,
    controls: npt.NDArray[np.float32] | None = None,
    leads: int = 0,
    group: npt.NDArray[np.int64] | None = None,
    bending: bool = False,
) -> LagEffects:
    """Fit gains and losses on lagged counts and join them into net effects in currency.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
        Fitted together, so each effect is direct: what is left given the others.
    lags : Lags
    burn_in : int
        Periods at the start of the record that are only used as past.
    controls : float32 array (n, T, C), optional
        Further regressors.
    leads : int
        Where positive, the sum over as many periods ahead joins each profile as its first group.
    group : int array (n,), optional
        Entities of a group share period effects.
    bending : bool, default False
        Let the responses of behaviours that act bend (`fit_bending`); without it all are
        log-linear, enough to see whether there is an effect, and short of its size.

    Returns
    -------
    LagEffects
        Amounts are winsorised for fitting; currency is at the raw mean.
    """
    columns = [periods.behaviours.index(b) for b in behaviours]
    groups = (((-leads, -1),) if leads else ()) + ((0, 0), *lags.groups)
    x = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    n, n_periods, n_behaviours, n_groups = x.shape
    extra = [tenure_steps(periods)] + ([controls] if controls is not None else [])
    design = np.concatenate([x.reshape(n, n_periods, -1), *extra], axis=2)
    cells = usable_cells(periods, burn_in)
    coef = np.zeros((n_behaviours, n_groups))
    influence = np.zeros((n, n_behaviours, n_groups))
    sampling = np.zeros((n, n_behaviours, n_groups))
    n_cells = max(int(cells.sum()), 1)
    bends: dict[str, Bend] = {}
    gain_total = periods.gain[cells].sum()
    loss_total = periods.loss[cells].sum()
    size = n_behaviours * n_groups
    for sign, amount, total in ((1.0, periods.gain, gain_total), (-1.0, periods.loss, loss_total)):
        if total <= _RELEVANT_LOSS * (gain_total + loss_total):
            continue
        y = winsorise(np.where(cells, amount, 0.0))
        fit = fit_poisson(y, design, cells, group)
        level = sign * total / n_cells
        bent_sums: dict[int, Floats] = {}
        part = fit.coef[:size].reshape(n_behaviours, n_groups)
        share = fit.influence[:, :size].reshape(n, n_behaviours, n_groups)
        acting = _acting(part, share, lags) if bending and not leads else []
        if acting:
            bent = fit_bending(y, x, np.concatenate(extra, axis=2), cells, group, fit, acting)
            part, share, bent_sums = bent.coef, bent.influence, bent.own
            if sign > 0:
                bends = {
                    behaviours[b]: replace(e, index=e.index[1:]) for b, e in bent.bends.items()
                }
        coef += level * part
        influence += level * share
        there = np.where(cells, amount, 0.0).sum(axis=1)
        own = there[:, None, None] * part
        for b, sums in bent_sums.items():
            own[:, b] = sums * (total / max(float(y.sum()), 1e-300))
        sampling += sign * (own - cells.sum(axis=1)[:, None, None] * abs(level) * part) / n_cells
    first = 1 if leads else 0
    keep = [g for g in range(n_groups) if g != first]
    return LagEffects(
        behaviours,
        lags,
        coef[:, keep],
        influence[..., keep],
        coef[:, first],
        sampling[..., keep],
        bends,
    )


def _acting(coef: Floats, influence: Floats, lags: Lags) -> list[int]:
    """Return the behaviours that may have an effect on this part of margin, lag 0 left out."""
    found = []
    for b in range(coef.shape[0]):
        own = influence[:, b, 1:]
        covariance = own.T @ own
        known = is_estimated(coef[b, 1:], covariance)
        if known and abs(standardised(coef[b, 1:], covariance, lags)) >= _ACTING_Z:
            found.append(b)
    return found


def summarise(effects: LagEffects, b: int, *, seed: int = 0) -> WithinEffect:
    """Sum a profile up to the effect of one event on the outcome window.

    The interval is normal around the effect, with the standard deviation of the effects that draws
    around the profile as estimated lead to; draws of the behaviours of one fit belong together.

    Parameters
    ----------
    effects : LagEffects
        Without leads.
    b : int
        The behaviour's place.
    seed : int
    """
    coef, covariance = effects.coef[b], effects.covariance(b)
    weights = effects.lags.weights
    if not is_estimated(coef, covariance):
        nothing = np.zeros_like(coef)
        return WithinEffect(0.0, -np.inf, np.inf, 0.0, nothing, np.zeros(_N_DRAWS))
    root = precision_root(covariance)
    profile, _ = fade_out(coef, root)
    effect = float(weights @ profile)
    noise = _joint_noise(effects, b, seed)
    moved = np.array([weights @ fade_out(coef + e, root)[0] for e in noise[:, :-1]])
    moved += noise[:, -1] - moved.mean()
    reach = _NORMAL_95 * float(moved.std())
    return WithinEffect(
        effect=effect,
        low=effect - reach,
        high=effect + reach,
        z=standardised(coef, covariance, effects.lags),
        profile=profile,
        draws=effect + moved,
    )


def widened(found: WithinEffect, share: float) -> WithinEffect:
    """Return an effect whose interval allows for an error of so much of its size besides.

    Parameters
    ----------
    found : WithinEffect
    share : float
        Standard deviation of the error as a share of the effect. Draws are left as they are: what
        is wrong with the size of all effects alike is not wrong with their shares.
    """
    reach = np.hypot(found.high - found.effect, _NORMAL_95 * share * found.effect)
    return replace(found, low=float(found.effect - reach), high=float(found.effect + reach))


def _joint_noise(effects: LagEffects, b: int, seed: int) -> Floats:
    """Draw errors of a profile and, last, of the average over entities, shape (D, G + 1).

    Entities' influences times standard normal numbers that depend on draw and entity alone, so
    that the draws of several behaviours belong together.
    """
    parts = [effects.influence[:, b]]
    if effects.sampling is None:
        parts.append(np.zeros((parts[0].shape[0], 1)))
    else:
        parts.append((effects.sampling[:, b] @ effects.lags.weights)[:, None])
    own = np.concatenate(parts, axis=1)
    rng = np.random.default_rng([seed, 5])
    noise = np.zeros((_N_DRAWS, own.shape[1]))
    for start in range(0, own.shape[0], _BLOCK):
        block = own[start : start + _BLOCK]
        noise += rng.standard_normal((_N_DRAWS, block.shape[0])) @ block
    return noise
