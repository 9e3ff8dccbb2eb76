"""Effects by behaviour and lag, of one fit or of several put together."""

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
    behaviours : tuple of str, B of them
    lags : Lags
    coef : array (B, G)
        Change of the entity's margin per period for one more event at each group of lags.
    influence : array (n, B, G)
        Each entity's share in the error of `coef`.
    same_period : array (B,)
        The coefficient at lag 0: what goes with margin in the same period, whichever causes which.
    sampling_influence : array (n, B, G)
        Each entity's share in the error that comes from averaging over these entities: those with
        a larger margin, or who do more, gain more or less by an event. It says nothing of whether
        there is an effect, or of how fast it fades.
    response_functions : dict of behaviour to SaturatingResponse
        The responses of the behaviours that raise or lower gains, their index by group of lags.
    losses : (array (B, G), array (n, B, G)) or None
        The part of `coef` and `influence` that is due to losses; None where there are none to
        speak of.
    """

    behaviours: tuple[str, ...]
    lags: Lags
    coef: FloatArray
    influence: FloatArray
    same_period: FloatArray
    sampling_influence: FloatArray | None = None
    response_functions: dict[str, SaturatingResponse] = field(default_factory=dict)
    losses: tuple[FloatArray, FloatArray] | None = None

    @property
    def level_elasticity(self) -> FloatArray:
        """How far each effect goes along with the level of margin, from 0 to 1, shape (B,)."""
        known = self.response_functions
        return np.array([1.0 - known[b].elasticity if b in known else 1.0 for b in self.behaviours])

    def rescale_margin_level(self, factor: float) -> LagEffects:
        """Return the effects at another level of margin."""
        factors = factor**self.level_elasticity
        return replace(
            self,
            coef=self.coef * factors[:, None],
            influence=self.influence * factors[:, None],
            sampling_influence=None
            if self.sampling_influence is None
            else self.sampling_influence * factors[:, None],
            same_period=self.same_period * factors,
            losses=None
            if self.losses is None
            else (self.losses[0] * factors[:, None], self.losses[1] * factors[:, None]),
        )

    def gain_and_loss_profiles(self, b: int) -> tuple[FloatArray, FloatArray]:
        """Return behaviour b's profile and influences, gains apart from losses.

        Shapes (P · G,) and (n, P · G), for `DecayProfile`; P is 1 where nothing is lost, else 2.
        """
        if self.losses is None:
            return self.coef[b], self.influence[:, b]
        lost, its_influence = self.losses[0][b], self.losses[1][:, b]
        return (
            np.concatenate([self.coef[b] - lost, lost]),
            np.concatenate([self.influence[:, b] - its_influence, its_influence], axis=1),
        )

    def covariance(self, b: int) -> FloatArray:
        """Covariance of behaviour b's profile, clustered by entity, shape (G, G)."""
        return self.influence[:, b].T @ self.influence[:, b]


def concatenate_effects(fits: Sequence[LagEffects], lags: Lags) -> LagEffects:
    """Return the effects of several fits, of which any first group of leads is left out."""
    keep = -len(lags.groups)
    lost = [fit.losses for fit in fits if fit.losses is not None]
    return LagEffects(
        tuple(name for fit in fits for name in fit.behaviours),
        lags,
        np.concatenate([fit.coef[:, keep:] for fit in fits]),
        np.concatenate([fit.influence[..., keep:] for fit in fits], axis=1),
        np.concatenate([fit.same_period for fit in fits]),
        losses=None
        if len(lost) < len(fits)
        else (
            np.concatenate([coef[:, keep:] for coef, _ in lost]),
            np.concatenate([influence[..., keep:] for _, influence in lost], axis=1),
        ),
    )
