"""Covariates that features of all customers may have: those that show nothing of later."""

from __future__ import annotations

import dataclasses

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows


def without_leaks(
    tables: Tables, config: PipelineConfig, windows: Windows
) -> tuple[Tables, tuple[str, ...]]:
    """Return the tables without leaking covariates, and notes; see ``screen_covariates``.

    The tests look at the customers of the training sample, as they would in training.
    """
    from engagement_ml.features.stratified_sample import draw_sample, sample_of
    from engagement_ml.models.covariate_screening import screen_covariates

    if tables.customers is None:
        return screen_covariates(tables, config, windows)
    sample = draw_sample(tables, config, before=windows.fit_until)
    sampled = tables if sample is None else sample_of(tables, sample)
    screened, notes = screen_covariates(sampled, config, windows)
    return dataclasses.replace(tables, leaking_covariates=screened.leaking_covariates), notes
