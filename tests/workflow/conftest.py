"""A fit of the small shop, done once, for tests of what comes after it."""

from __future__ import annotations

import dataclasses

import pytest

from engagement_ml import drivers
from engagement_ml.config import parse_config
from engagement_ml.workflow.fitting import FittedPipeline, fit_pipeline
from tests.conftest import SETTINGS, stand_in_search


@pytest.fixture(scope="session")
def fitted(shop_files) -> FittedPipeline:
    """The small shop, fitted once for all tests that train."""
    sources = {n: str(shop_files / f"{n}.parquet") for n in ("events", "transactions", "customers")}
    search = stand_in_search("tutorial_done", "wishlist_add")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers, "find_drivers", search, raising=False)
        return fit_pipeline(parse_config({**SETTINGS, "sources": sources}))


@pytest.fixture
def quick_fit(fitted, monkeypatch) -> FittedPipeline:
    """Training takes the fit that is there."""
    use_fit(monkeypatch, fitted)
    return fitted


def use_fit(monkeypatch, fitted: FittedPipeline) -> None:
    def fit(config, *, frames, notes, progress):
        record = dataclasses.replace(fitted.record, config=config.to_dict())
        return dataclasses.replace(fitted, config=config, record=record)

    monkeypatch.setattr("engagement_ml.workflow.training.fit_pipeline", fit)
