"""``em.features`` returns the panel as a frame."""

from __future__ import annotations

import inspect

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.workflow import write_features

WINDOWS = {"observation_days": 28, "outcome_days": 28}


def test_the_frame_equals_the_file(small_shop, config, tmp_path):
    folder, n_rows, n_columns = write_features(config, tmp_path / "features")
    panel = em.features(config=config)
    assert panel.shape == (n_rows, n_columns)
    pd.testing.assert_frame_equal(
        panel, pd.read_parquet(folder / "features.parquet"), check_dtype=False
    )
    frames = (small_shop.events, small_shop.transactions, small_shop.customers)
    pd.testing.assert_frame_equal(panel, em.features(*frames, config=config))


def test_keys_of_the_configuration_are_arguments(small_shop):
    panel = em.features(small_shop.events, small_shop.transactions, windows=WINDOWS)
    assert panel["cutoff"].is_monotonic_increasing
    assert not [name for name in panel if name.startswith("covariate__")]
    with pytest.raises(em.EngagementError, match=r"features: unknown key 'windw'.*'windows'"):
        em.features(small_shop.events, small_shop.transactions, windw={})


def test_the_name_stays_callable_when_the_package_is_imported():
    import engagement_ml.features.panel as module

    assert module.Panel is em.features.Panel
    assert list(inspect.signature(em.features).parameters)[:3] == [
        "events", "transactions", "customers",
    ]  # fmt: skip
