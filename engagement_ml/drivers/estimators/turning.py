"""Estimates with turning responses: what `turning_response` finds replaces the monotone fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.turning_effect import (
    EffectSettings,
    TurningEffect,
    turning_effect,
)
from engagement_ml.drivers.estimation.turning_response import TurningSearch
from engagement_ml.drivers.estimation.turning_segments import turning_by_segment
from engagement_ml.drivers.estimation.window_effect import (
    add_model_uncertainty,
    estimate_window_effect,
)
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.selection.stability_selection import half_strengths
from engagement_ml.drivers.study import Study

_FORM_STREAM = 9
"""Random stream of the errors of form, next to the configured seed."""


def with_turning(study: Study, estimates: Estimates) -> Estimates:
    """Return the estimates with the effects of behaviours whose response turns.

    Their effect is the average over customers as they are, and the lags of the joint fit take the
    shape of the load's kernel, so that halves, bootstraps and intervals follow as for the others.

    Parameters
    ----------
    study : Study
    estimates : Estimates
        Of the joint fit; returned as they are if no response turns.
    """
    main = estimates.main
    if main is None:
        return estimates
    search = TurningSearch(
        study.periods, study.spans, main.behaviours, study.groups, study.thresholds
    )
    passed = {b: test for b, test in search.run().items() if test.passed}
    if not passed:
        return estimates
    effects = {b: turning_effect(search, test, _settings(study, b)) for b, test in passed.items()}
    main = replace_profiles(main, effects)
    halves = half_strengths(main, seed=study.seed)
    turning, within = {}, dict(estimates.within)
    for b, effect in effects.items():
        segments = turning_by_segment(search, passed[b], study.periods.segments, study.thresholds)
        turning[b] = replace(effect.turning, segments=segments)
        position = main.behaviours.index(b)
        estimate = estimate_window_effect(main, position, seed=study.seed)
        share = effect.form_std / abs(estimate.effect) if estimate.effect else 0.0
        within[b] = add_model_uncertainty(
            estimate, share, 0.0, (study.seed, _FORM_STREAM, position)
        )
    return replace(
        estimates,
        within=within,
        main=main,
        half_z={**estimates.half_z, **{b: halves[b] for b in effects}},
        # The search has tested the leads of the bend; those of the mean slope say nothing of it.
        leads={b: test for b, test in estimates.leads.items() if b not in effects},
        uncorrected_z={**estimates.uncorrected_z, **{b: within[b].z for b in effects}},
        factors={b: bias for b, bias in estimates.factors.items() if b not in effects},
        turning=turning,
    )


def _settings(study: Study, behaviour: str) -> EffectSettings:
    """Return levels of gains and losses per period, at the level of the panel."""
    periods, cells = study.periods, study.cells
    n_cells = max(int(cells.sum()), 1)
    return EffectSettings(
        lags=study.lags,
        gain_level=study.level * float(periods.gain[cells].sum()) / n_cells,
        loss_level=study.level * float(periods.loss[cells].sum()) / n_cells,
        cost=study.cost(behaviour),
        seed=study.seed,
    )


def replace_profiles(main: LagEffects, effects: Mapping[str, TurningEffect]) -> LagEffects:
    """Return the joint fit with the lag profiles of turning responses in place of its own.

    Gains and losses of a turning response are not kept apart: its net profile has a known shape.
    """
    coef, influence = main.coef.copy(), main.influence.copy()
    sampling = _copy(main.sampling_influence, influence)
    losses = None if main.losses is None else (main.losses[0].copy(), main.losses[1].copy())
    for b, effect in effects.items():
        i = main.behaviours.index(b)
        coef[i], influence[:, i], sampling[:, i] = effect.coef, effect.influence, effect.sampling
        if losses is not None:
            losses[0][i], losses[1][:, i] = 0.0, 0.0
    responses = {b: r for b, r in main.response_functions.items() if b not in effects}
    return replace(
        main,
        coef=coef,
        influence=influence,
        sampling_influence=sampling,
        response_functions=responses,
        losses=losses,
    )


def _copy(sampling: FloatArray | None, influence: FloatArray) -> FloatArray:
    return np.zeros_like(influence) if sampling is None else sampling.copy()
