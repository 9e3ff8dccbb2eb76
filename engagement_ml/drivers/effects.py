"""What one more event of a behaviour does to the entity's own later margin.

Margin is signed, so it is taken apart: what transactions gain and what they lose, each fitted by a
Poisson model with entity and period effects on lagged counts (`fit_poisson`). The lag profile of
the net effect is then kept to what an event can do — act at once and fade, without turning its
sign — by a weighted least squares projection, and summed up with each lag's weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import Lags, lagged_sums
from engagement_ml.drivers.poisson import fit_poisson
from engagement_ml.features.periods import Periods

Floats = npt.NDArray[np.float64]

WINSOR_SHARE = 0.002
"""Share of the positive amounts per period that are cut, to the amount at that rank."""

FADES = (1.5, 4.0, 12.0, np.inf)
"""Mean memories, in periods, of the profiles by which an effect is looked for."""

_RELEVANT_LOSS = 0.002
_N_DRAWS = 400


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
    """

    behaviours: tuple[str, ...]
    lags: Lags
    coef: Floats
    influence: Floats
    same_period: Floats

    def times(self, factor: float) -> LagEffects:
        """Return the effects at another level of margin."""
        return replace(
            self,
            coef=self.coef * factor,
            influence=self.influence * factor,
            same_period=self.same_period * factor,
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
    """Mark the cells in which an entity is at risk and something of its past is known."""
    t = np.arange(periods.gain.shape[1])[None, :]
    entry = periods.entry[:, None]
    return (t >= np.where(entry > 0, entry, burn_in)) & (t < periods.exit[:, None])


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
    gain_total = periods.gain[cells].sum()
    loss_total = periods.loss[cells].sum()
    size = n_behaviours * n_groups
    for sign, amount, total in ((1.0, periods.gain, gain_total), (-1.0, periods.loss, loss_total)):
        if total <= _RELEVANT_LOSS * (gain_total + loss_total):
            continue
        fit = fit_poisson(winsorise(np.where(cells, amount, 0.0)), design, cells, group)
        level = sign * total / max(cells.sum(), 1)
        coef += level * fit.coef[:size].reshape(n_behaviours, n_groups)
        influence += level * fit.influence[:, :size].reshape(n, n_behaviours, n_groups)
    first = 1 if leads else 0
    keep = [g for g in range(n_groups) if g != first]
    return LagEffects(behaviours, lags, coef[:, keep], influence[..., keep], coef[:, first])


def fading_profiles(lags: Lags) -> Floats:
    """Return one profile per entry of `FADES`, averaged within each group of lags, shape (F, G)."""
    rows = []
    for fade in FADES:
        decay = np.exp(-(np.arange(1, lags.longest + 1) - 1) / fade)
        if np.isinf(fade):
            reach = lags.groups[-2][1] if len(lags.groups) > 1 else lags.longest
            decay[reach:] = 0.0
        rows.append([decay[a - 1 : b].mean() for a, b in lags.groups])
    return np.array(rows)


def standardised(coef: Floats, covariance: Floats, lags: Lags) -> float:
    """Return the largest signed z over the fading profiles: ``k'V⁻¹b / sqrt(k'V⁻¹k)``."""
    precision = np.linalg.inv(covariance + np.eye(len(coef)) * 1e-12 * np.trace(covariance))
    shapes = fading_profiles(lags)
    z = (shapes @ precision @ coef) / np.sqrt(np.einsum("fg,gh,fh->f", shapes, precision, shapes))
    return float(z[np.abs(z).argmax()])


def fade_out(coef: Floats, root: Floats) -> tuple[Floats, float]:
    """Project a profile on those of one sign whose size never grows with the lag.

    Weighted least squares with ``root' root`` the inverse covariance, by non-negative least squares
    on the steps down; the better fitting sign is taken.

    Returns
    -------
    profile : array (G,)
    misfit : float
    """
    from scipy.optimize import nnls

    steps = np.triu(np.ones((len(coef), len(coef))))
    target = root @ coef
    fits = [(nnls(root @ steps, sign * target), sign) for sign in (1.0, -1.0)]
    (solution, misfit), sign = min(fits, key=lambda f: f[0][1])
    return sign * (steps @ solution), float(misfit)


def is_estimated(coef: Floats, covariance: Floats) -> bool:
    """Whether the data had anything to say about every lag of a profile."""
    variances = np.diag(covariance)
    return bool(np.isfinite(coef).all() and np.isfinite(variances).all() and (variances > 0).all())


def summarise(effects: LagEffects, b: int, *, seed: int = 0) -> WithinEffect:
    """Sum a profile up to the effect of one event on the outcome window.

    The interval is that of the projection applied to draws around the unprojected profile.

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
    jitter = np.eye(len(coef)) * 1e-12 * np.trace(covariance)
    root = np.linalg.cholesky(np.linalg.inv(covariance + jitter)).T
    profile, _ = fade_out(coef, root)
    rng = np.random.default_rng([seed, b])
    noise = rng.standard_normal((_N_DRAWS, len(coef))) @ np.linalg.cholesky(covariance + jitter).T
    draws = np.array([weights @ fade_out(coef + e, root)[0] for e in noise])
    low, high = np.quantile(draws, [0.025, 0.975])
    return WithinEffect(
        effect=float(weights @ profile),
        low=float(low),
        high=float(high),
        z=standardised(coef, covariance, effects.lags),
        profile=profile,
        draws=draws,
    )
