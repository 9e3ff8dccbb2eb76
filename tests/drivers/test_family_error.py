"""With many behaviours, evidence must be stronger; with few, nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.family_error import with_family_error
from engagement_ml.drivers.multiple_testing import bonferroni_z
from engagement_ml.drivers.thresholds import THRESHOLDS

NAMES = [f"page_{i}" for i in range(500)]


def test_chance_reaches_the_limit_as_rarely_as_is_said() -> None:
    z = np.abs(np.random.default_rng(0).normal(size=(4000, 200)))
    assert (z.max(axis=1) > bonferroni_z(200, 0.05)).mean() == pytest.approx(0.05, abs=0.012)


def test_up_to_the_default_number_of_behaviours_nothing_changes() -> None:
    config = parse_config({"name": "shop"})
    assert with_family_error(THRESHOLDS, NAMES[: config.event_types.at_most], config) == (
        THRESHOLDS, (),
    )  # fmt: skip


def test_more_candidates_need_more_evidence_and_a_note_says_so() -> None:
    raised, (note,) = with_family_error(THRESHOLDS, NAMES, parse_config({"name": "shop"}))
    assert raised.min_z == pytest.approx(4.417, abs=1e-3)
    assert note.startswith("with 500 candidates, evidence must reach z 4.42, not 4,")


def test_behaviours_that_cannot_be_chosen_do_not_count() -> None:
    roles = {name: {"role": "confounder"} for name in NAMES[60:]}
    config = parse_config({"name": "shop", "behaviours": roles})
    assert with_family_error(THRESHOLDS, NAMES, config)[0] == THRESHOLDS
