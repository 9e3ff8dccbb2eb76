"""Data and parameter state of the nonlinear response model."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array


@dataclass(frozen=True)
class LaggedPanel:
    """Outcome and regressors of the nonlinear response model.

    Attributes
    ----------
    y : array (n, T)
    x : float32 array (n, T, B, G)
        Counts by behaviour and group of lags.
    controls : float32 array (n, T, C)
        Further regressors, log-linear.
    at_risk : bool array (n, T)
        The estimation sample.
    group : int array (n,) or None
        Entities of a group share period effects.
    clusters : int array (n,) or None
        Entities of a cluster are not independent.
    """

    y: FloatArray
    x: Float32Array
    controls: Float32Array
    at_risk: BoolArray
    group: Int64Array | None
    clusters: Int64Array | None = None


@dataclass(frozen=True)
class ResponseDerivatives:
    """Derivatives of one behaviour's response f, each of shape (n, T), and its mean index.

    Attributes
    ----------
    by_index : float32 array
        By ``x'c``.
    by_curvature, by_elasticity : float32 arrays
        By κ and by φ.
    by_scale : float32 array
        By the log of a factor on c.
    mean_index : float
        Mean of |u| over the estimation sample.
    """

    by_index: Float32Array
    by_curvature: Float32Array
    by_elasticity: Float32Array
    by_scale: Float32Array
    mean_index: float


@dataclass(frozen=True)
class NonlinearState:
    """Parameters of the model, with the likelihood's value and derivatives there.

    Attributes
    ----------
    theta : array (K,)
        Coefficients of lagged counts and controls, then κ and φ of each nonlinear behaviour.
    period_effects : array (S, T)
    eta : array (n, T)
        log E[y] without entity and period effects.
    derivatives : tuple of ResponseDerivatives
        One for each nonlinear behaviour.
    objective : float
        Penalised log pseudo-likelihood.
    converged : bool
        Whether the search ended because no step gains anything of note.
    """

    theta: FloatArray
    period_effects: FloatArray
    eta: FloatArray
    derivatives: tuple[ResponseDerivatives, ...]
    objective: float
    converged: bool = False
