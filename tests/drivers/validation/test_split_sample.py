"""One half of the customers selects, the other weights: chance in one half is not in the other."""

from __future__ import annotations

import pytest

from engagement_ml.drivers.validation.split_sample import split_weights

NAMES = ("much", "less", "noise")


def weights(effects, candidates=NAMES):
    return split_weights(
        effects,
        candidates,
        dict.fromkeys(NAMES, 1.4),
        dict.fromkeys(NAMES, 0.0),
        at_most=3,
        min_z=4.0,
        seed=0,
    )


def test_drivers_are_selected_and_weighted_by_their_effects(two_acting_effects) -> None:
    weight = weights(two_acting_effects)
    assert list(weight) == ["much", "less"]
    assert weight["much"] == pytest.approx(66.7, abs=7)
    assert sum(weight.values()) == pytest.approx(100)


def test_a_behaviour_that_is_not_in_the_fit_gets_no_weight(two_acting_effects) -> None:
    assert set(weights(two_acting_effects, ("less", "unknown"))) == {"less"}
