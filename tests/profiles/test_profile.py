"""Groups of unprofitable engaged customers: planted ones are found, chance ones are not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.unprofitable.worlds import KINDS, draw
from engagement_ml.profiles import UnprofitableProfile, compare_counts, profile_unprofitable
from engagement_ml.profiles.mean_interval import mean_below, mean_interval
from engagement_ml.profiles.rules import meets

LABELS = {name: name for name in KINDS} | {"call": "Support call"}


def profile_of(world: str, n: int, seed: int) -> UnprofitableProfile:
    customers = draw(world, n, seed)
    return profile_unprofitable(customers.frame, customers.net, KINDS, LABELS, seed=seed)


def test_a_planted_group_is_found_in_words() -> None:
    customers = draw("region and calls", 6000, 1)
    profile = profile_unprofitable(customers.frame, customers.net, KINDS, LABELS, seed=1)
    (group,) = (group for group in profile.groups if group.loses)
    assert profile.groups[0] is group
    found = re.fullmatch(r"region is north, and ([567]) or more events of Support call", group.rule)
    assert found
    members = meets(customers.frame, group.conditions)
    north, calls = customers.frame["region"] == "north", customers.frame["call"]
    assert (members == (north & (calls >= int(found[1])))).all()
    assert group.n_entities == members.sum()
    assert group.low < customers.mean[members].mean() < group.high < 0.0
    assert group.share_low < customers.unprofitable[members].mean() < group.share_high
    assert sum(each.n_entities for each in profile.groups) == len(customers.net)


def test_groups_are_measured_on_the_half_that_did_not_grow_them() -> None:
    """Amounts of the measuring half change the numbers and never the groups."""
    customers = draw("one region", 3000, 0)
    half = np.random.default_rng(0).permutation(3000) < 1500
    other = np.where(half, customers.net, customers.net - 500.0)
    first, second = (
        profile_unprofitable(customers.frame, net, KINDS, LABELS, seed=0)
        for net in (customers.net, other)
    )
    assert first.groups
    assert {g.rule for g in first.groups} == {g.rule for g in second.groups}
    for group in first.groups:
        (same,) = (g for g in second.groups if g.rule == group.rule)
        assert same.net_margin == pytest.approx(group.net_margin - 500.0)


def test_chance_makes_no_group() -> None:
    found = [profile_of("null, heavy tails", 1500, seed) for seed in range(12)]
    assert sum(bool(profile.groups) for profile in found) <= 1
    assert not any(group.loses for profile in found for group in profile.groups)
    assert all(profile.reason for profile in found if not profile.groups)


def test_who_earns_less_and_does_not_lose_is_no_losing_group() -> None:
    profile = profile_of("all earn, some less", 4000, 2)
    assert len(profile.groups) > 1
    assert not any(group.loses for group in profile.groups)


def test_missing_values_and_rare_levels_belong_to_exactly_one_group() -> None:
    for world in ("old and missing", "many levels", "three ways"):
        customers = draw(world, 3000, 4)
        customers.frame.loc[:5, "city"] = [f"only once {i}" for i in range(6)]
        profile = profile_unprofitable(customers.frame, customers.net, KINDS, LABELS, seed=4)
        inside = sum(
            meets(customers.frame, group.conditions).astype(int) for group in profile.groups
        )
        assert len(profile.groups) > 1
        assert (inside == 1).all()


def test_too_few_customers_have_no_groups_and_a_reason() -> None:
    customers = draw("one region", 150, 0)
    profile = profile_unprofitable(customers.frame, customers.net, KINDS, LABELS, seed=0)
    assert profile.groups == ()
    assert profile.reason == "only 150 engaged customers: groups need 200"
    assert profile.net_margin is None
    assert profile.n_unprofitable == (customers.net < 0).sum()


def test_constant_and_empty_columns_are_no_reason_to_split() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"empty": np.full(400, np.nan), "one": "a", "x": rng.normal(size=400)})
    kinds = {"empty": "number", "one": "level", "x": "number"}
    profile = profile_unprofitable(
        frame, np.full(400, 3.0), kinds, {name: name for name in kinds}, seed=0
    )
    assert profile.groups == ()
    assert (profile.net_margin, profile.low, profile.high) == (3.0, 3.0, 3.0)


def test_intervals_of_skewed_amounts_hold() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.lognormal(0, 1, (3000, 60))
    truth = np.exp(0.5)
    skewed = np.mean([low <= truth <= high for _, low, high in map(mean_interval, drawn)])
    student = np.mean([abs(x.mean() - truth) <= 2.0 * x.std(ddof=1) / np.sqrt(60) for x in drawn])
    assert student < 0.92 < skewed < 0.97
    below = np.mean([mean_below(x - truth) <= 0.025 for x in drawn])
    by_student = np.mean([x.mean() - truth <= -2.0 * x.std(ddof=1) / np.sqrt(60) for x in drawn])
    assert below < 0.065 < by_student


def test_what_the_unprofitable_do_more_of() -> None:
    net = np.array([-5.0] * 12 + [10.0] * 13)
    counts = np.column_stack(
        [np.where(net < 0, 6.0, 2.0), np.ones(25), np.where(net < 0, 1.0, 0.0)]
    )
    names, labels = ["return", "visit", "claim"], ["Returns", "Visits", "Claims"]
    rows = compare_counts(counts, net, names, labels)
    assert [(row.behaviour, row.ratio) for row in rows] == [("claim", None), ("return", 3.0)]
    assert compare_counts(counts[6:], net[6:], names, labels) == ()
