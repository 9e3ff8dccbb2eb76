"""Net lag effects by behaviour, with their influence functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.response_functions import SaturatingResponse


@dataclass(frozen=True)
class LagEffects:
    """Net effects by behaviour and lag, in currency per event and period.

    Attributes
    ----------
    behaviours : tuple of str
        Names of the B behaviours.
    lags : Lags
    coef : array (B, G)
        Change of the entity's margin per period for one more event at each group of lags.
    influence : array (n, B, G)
        Influence function of each entity: its contribution to the error of `coef`.
    same_period : array (B,)
        Coefficient at lag 0: the association with margin in the same period, in which cause and
        consequence cannot be separated.
    sampling_influence : array (n, B, G), optional
        Influence of each entity on the average over entities: effects are larger for entities with
        a larger margin, or with more events. It is no evidence for or against an effect, nor of how
        fast it decays.
    response_functions : dict of behaviour to SaturatingResponse
        Of the behaviours with an effect on gains, with one index coefficient per group of lags.
    losses : (array (B, G), array (n, B, G)) or None
        The part of `coef` and `influence` that is due to losses; None if losses are negligible.
    loss_share : float
        Losses as a share of gains.
    same_period_influence : array (n, B), optional
        Influence function of each entity on `same_period`.
    converged : bool
        Whether all fits behind the effects converged; if not, they are no evidence.
    loss_responses : dict of behaviour to SaturatingResponse
        Of the behaviours with an effect on losses.
    """

    behaviours: tuple[str, ...]
    lags: Lags
    coef: FloatArray
    influence: FloatArray
    same_period: FloatArray
    sampling_influence: FloatArray | None = None
    response_functions: dict[str, SaturatingResponse] = field(default_factory=dict)
    losses: tuple[FloatArray, FloatArray] | None = None
    loss_share: float = 0.0
    converged: bool = True
    same_period_influence: FloatArray | None = None
    loss_responses: dict[str, SaturatingResponse] = field(default_factory=dict)

    @property
    def level_elasticity(self) -> FloatArray:
        """Elasticity of each effect with respect to the level of margin, 0 to 1, shape (B,).

        1 − φ: 1 for effects in proportion to margin, 0 for effects of the same amount for all.
        """
        responses = self.response_functions
        return np.array(
            [1.0 - responses[b].elasticity if b in responses else 1.0 for b in self.behaviours]
        )

    def rescale_margin_level(self, factor: float) -> LagEffects:
        """Return the effects at a level of margin that is higher by a factor."""
        factors = factor**self.level_elasticity
        by_lag = factors[:, None]
        sampling, losses = self.sampling_influence, self.losses
        return replace(
            self,
            coef=self.coef * by_lag,
            influence=self.influence * by_lag,
            sampling_influence=None if sampling is None else sampling * by_lag,
            same_period=self.same_period * factors,
            same_period_influence=None
            if self.same_period_influence is None
            else self.same_period_influence * factors,
            losses=None if losses is None else (losses[0] * by_lag, losses[1] * by_lag),
        )

    def gain_and_loss_profiles(self, b: int) -> tuple[FloatArray, FloatArray]:
        """Return the lag profile of behaviour b and its influence functions, in two parts.

        Losses are few and their own profile is noisy. Without evidence to the contrary they change
        in proportion to gains, as returns change with orders. So the first part is the effect if
        they do, and the second is the effect on losses beyond that; the parts add up to `coef`.

        Shapes (P · G,) and (n, P · G), as `DecayProfile` expects. P is 1 without losses, else 2.
        """
        if self.losses is None:
            return self.coef[b], self.influence[:, b]
        parts = []
        for net, loss in (
            (self.coef[b], self.losses[0][b]),
            (self.influence[:, b], self.losses[1][:, b]),
        ):
            in_proportion = (1.0 - self.loss_share) * (net - loss)
            parts.append(np.concatenate([in_proportion, net - in_proportion], axis=-1))
        return parts[0], parts[1]

    def total_z(self, b: int, horizon: int) -> float:
        """Return z of margin in the same period and in the periods after it, up to a horizon.

        What only moves margin to an earlier period has no positive total.
        """
        if self.same_period_influence is None:
            return 0.0
        width = np.array([last - a + 1 if last <= horizon else 0 for a, last in self.lags.groups])
        total = self.same_period[b] + float(width @ self.coef[b])
        influence = self.same_period_influence[:, b] + self.influence[:, b] @ width
        error = float(np.sqrt((influence**2).sum()))
        return total / error if error > 0 else 0.0

    def lasting_z(self, b: int, first: int, last: int) -> float:
        """Return z of margin in the periods from `first` to `last` after the period of an event.

        Groups of lags that begin in these periods count, and at least one.
        """
        starts = np.array([a for a, _ in self.lags.groups])
        inside = (starts >= first) & (starts <= last)
        if not inside.any():
            inside = starts == starts.max()
        width = np.array([b - a + 1 for a, b in self.lags.groups]) * inside
        error = float(np.sqrt(((self.influence[:, b] @ width) ** 2).sum()))
        return float(width @ self.coef[b]) / error if error > 0 else 0.0

    def covariance(self, b: int) -> FloatArray:
        """Covariance of behaviour b's lag profile, clustered by entity, shape (G, G)."""
        return self.influence[:, b].T @ self.influence[:, b]


def concatenate_effects(fits: Sequence[LagEffects], lags: Lags) -> LagEffects:
    """Concatenate the effects of several fits by behaviour, without their leads.

    Sampling influence and response functions are dropped. Losses are kept if all fits have them.
    """
    lag_columns = slice(-len(lags.groups), None)
    losses = [fit.losses for fit in fits if fit.losses is not None]
    all_losses = None
    if len(losses) == len(fits):
        all_losses = (
            np.concatenate([coef[:, lag_columns] for coef, _ in losses]),
            np.concatenate([influence[..., lag_columns] for _, influence in losses], axis=1),
        )
    return LagEffects(
        tuple(name for fit in fits for name in fit.behaviours),
        lags,
        np.concatenate([fit.coef[:, lag_columns] for fit in fits]),
        np.concatenate([fit.influence[..., lag_columns] for fit in fits], axis=1),
        np.concatenate([fit.same_period for fit in fits]),
        losses=all_losses,
        loss_share=fits[0].loss_share,
        converged=all(fit.converged for fit in fits),
        same_period_influence=np.concatenate(
            [fit.same_period_influence for fit in fits if fit.same_period_influence is not None],
            axis=1,
        ),
    )
