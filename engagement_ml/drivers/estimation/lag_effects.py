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
            losses=None if losses is None else (losses[0] * by_lag, losses[1] * by_lag),
        )

    def gain_and_loss_profiles(self, b: int) -> tuple[FloatArray, FloatArray]:
        """Return the lag profile of behaviour b and its influence functions, gains before losses.

        Shapes (P · G,) and (n, P · G), as `DecayProfile` expects. P is 1 without losses, else 2.
        """
        if self.losses is None:
            return self.coef[b], self.influence[:, b]
        loss_coef, loss_influence = self.losses[0][b], self.losses[1][:, b]
        return (
            np.concatenate([self.coef[b] - loss_coef, loss_coef]),
            np.concatenate([self.influence[:, b] - loss_influence, loss_influence], axis=1),
        )

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
    )
