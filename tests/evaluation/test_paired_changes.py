"""Changes within customers: the pairs of cutoffs, and the removal of common time shocks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import WindowsConfig
from engagement_ml.evaluation import evaluate
from engagement_ml.evaluation.cutoff_groups import cutoffs_of, number_entities
from engagement_ml.evaluation.paired_changes import choose_pairs, group_by_pair
from engagement_ml.evaluation.rescaling import rescale_to_earlier_mean
from engagement_ml.features.panel import Panel
from engagement_ml.models import ChurnModel, ProfitModel
from engagement_ml.windows import DAY, History, Windows, plan_windows

START = dt.date(2022, 1, 3)
BEHAVIOURS = ("driver", "vanity", "follower")
HISTORY = tuple(
    f"history__{name}"
    for name in ("recency_days", "frequency", "monetary_value", "tenure_days", "past_margin")
)
Array = np.ndarray


@dataclass(frozen=True)
class Shop:
    """Weekly counts and margin, customers × weeks, and what sums them to a panel."""

    counts: Mapping[str, Array]
    margin: Array
    region: Array | None = None

    @property
    def windows(self) -> Windows:
        days = 7 * self.margin.shape[1]
        return plan_windows(History(START, START + days * DAY), WindowsConfig())

    def panel(self, windows: Windows) -> Panel:
        parts = []
        for cutoff in windows.cutoffs:
            week = (cutoff - START).days // 7
            n = len(self.margin)
            past = self.margin[:, week - 12 : week].sum(axis=1)
            frame = pd.DataFrame(
                {
                    "customer_id": np.arange(n),
                    "cutoff": pd.Timestamp(cutoff).as_unit("us"),
                    "part": "train" if cutoff in windows.train else "test",
                    "margin": self.margin[:, week : week + 12].sum(axis=1),
                    "churned": np.nan,
                    "history__recency_days": 1.0,
                    "history__frequency": 12.0,
                    "history__monetary_value": past / 12,
                    "history__tenure_days": 1000.0,
                    "history__past_margin": past,
                }
            )
            for name, counts in self.counts.items():
                frame[f"{name}__frequency"] = counts[:, week - 12 : week].sum(axis=1).astype(float)
            if self.region is not None:
                frame["segment__region"] = self.region
            parts.append(frame)
        features = {name: (f"{name}__frequency",) for name in self.counts}
        segments = () if self.region is None else ("segment__region",)
        frame = pd.concat(parts, ignore_index=True)
        return Panel(frame, tuple(self.counts), features, HISTORY, segments=segments)


def make_shop(
    seed: int,
    *,
    weeks: int = 60,
    n: int = 1500,
    effect: float = 1.0,
    season: float = 0.0,
    regions: bool = False,
) -> Shop:
    """A driver whose effect lasts two weeks; a vanity with the season; one that follows purchases.

    Big customers do more of everything and buy more. The season multiplies margin and vanity.
    With `regions`, half of the customers have theirs half a year later.
    """
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0.0, 0.8, n)[:, None]
    region = rng.integers(2, size=n)
    shift = 26 * region[:, None] if regions else 0
    wave = season * np.sin(2 * np.pi * (np.arange(weeks)[None, :] + shift) / 52)
    # Interest comes and goes slowly.
    interest = rng.normal(0, 0.8, (n, weeks))
    for week in range(1, weeks):
        interest[:, week] = 0.95 * interest[:, week - 1] + np.sqrt(1 - 0.95**2) * interest[:, week]
    driver = rng.poisson(0.4 * np.exp(interest))
    recent = (
        np.pad(driver, ((0, 0), (2, 0)))[:, 1:-1] + np.pad(driver, ((0, 0), (2, 0)))[:, :-2]
    ) / 2
    vanity = rng.poisson(2.0 * size * np.exp(1.5 * wave))
    orders = rng.poisson(0.4 * size * np.exp(wave) * (1 + effect * recent))
    margin = orders * 5.0
    return Shop(
        counts={"driver": driver, "vanity": vanity, "follower": rng.poisson(orders)},
        margin=margin,
        region=np.where(region == 1, "north", "south") if regions else None,
    )


def correlations_within(shop: Shop, **changes: object) -> dict[str, float]:
    found = measured(shop, **changes)["metric"]
    every = {**found["within"], **found["vanity"]}
    return {name: row["spearman"]["value"] for name, row in every.items()}


def measured(shop: Shop, *, windows: Windows | None = None, panel: Panel | None = None) -> dict:
    windows = windows or shop.windows
    panel = panel or shop.panel(windows)
    return evaluate(
        panel,
        profit=ProfitModel(columns=["driver__frequency"]).fit(panel, windows=windows),
        churn=ChurnModel().fit(panel, windows=windows),
        score=lambda counts: 10 * np.log1p(counts["driver"].to_numpy()),
        windows=windows,
        vanity=["vanity", "follower"],
        seed=0,
        n_bootstrap=20,
    )


def test_a_driver_with_short_effects_moves_with_margin_and_a_seasonal_vanity_does_not() -> None:
    shop = make_shop(0, season=0.6)
    found = correlations_within(shop)
    assert found["metric"] > 0.1
    for rival in ("total_events", "vanity", "follower", "recency_frequency_monetary"):
        assert found["metric"] > found[rival] + 0.05, rival
    assert abs(found["vanity"]) < 0.06


def test_seasons_that_differ_by_segment_are_removed() -> None:
    shop = make_shop(1, season=0.6, regions=True)
    found = correlations_within(shop)
    assert found["metric"] > 0.1
    assert abs(found["vanity"]) < 0.06
    # Without the segments, the regions' seasons would make the vanity correlate.
    without_segments = shop.panel(shop.windows)
    assert correlations_within(shop, panel=replace(without_segments, segments=()))["vanity"] > 0.1


@pytest.mark.parametrize("seed", [2, 3])
def test_without_effects_no_behaviour_moves_with_margin(seed: int) -> None:
    found = correlations_within(make_shop(seed, effect=0.0, season=0.4))
    for name in ("metric", "vanity", "follower", "total_events"):
        assert abs(found[name]) < 0.06, name


def test_a_longer_history_keeps_both_margins_out_of_fitting() -> None:
    short, long = make_shop(4, weeks=71), make_shop(4, weeks=72)
    seen, unseen = (measured(shop)["metric"] for shop in (short, long))
    assert seen["earlier_margin_seen_in_fitting"] is True
    assert unseen["earlier_margin_seen_in_fitting"] is False
    (pair,) = unseen["pairs"]
    assert [dt.date.fromisoformat(day) for day in pair] == [
        long.windows.test[0],
        long.windows.test[-1],
    ]
    assert unseen["within"]["metric"]["spearman"]["value"] > 0.1


@pytest.mark.parametrize("factor", [0.125, 8.0])
@pytest.mark.parametrize("end", [0, -1])
def test_a_cutoff_with_all_margins_multiplied_changes_nothing_within(
    factor: float, end: int
) -> None:
    shop = make_shop(5, n=300)
    windows = shop.windows
    # One pair, so that one cutoff can be scaled in all that it is compared in.
    windows = replace(windows, train=windows.train[-1:], test=windows.test[-1:])
    panel = shop.panel(windows)
    models = {
        "profit": ProfitModel().fit(panel, windows=windows),
        "churn": ChurnModel().fit(panel, windows=windows),
    }
    frame = panel.frame
    scaled = frame["cutoff"] == frame["cutoff"].unique()[end]
    other = frame.assign(margin=frame["margin"].where(~scaled, factor * frame["margin"]))

    def within(margins: pd.DataFrame) -> str:
        scores = {name: (lambda c, b=name: c[b].to_numpy()) for name in BEHAVIOURS}
        found = evaluate(
            replace(panel, frame=margins), score=scores["driver"],
            equal_weights=lambda c: c[list(BEHAVIOURS)].sum(axis=1),
            scorers=scores, windows=windows, seed=0, n_bootstrap=20, **models,
        )  # fmt: skip
        kept = ("metric", "equal_weights", *BEHAVIOURS, "total_events", "full_model")
        return json.dumps([found["metric"]["within"][name]["spearman"] for name in kept])

    assert within(frame) == within(other)


positive = st.lists(st.integers(1, 50), min_size=4, max_size=30)


@given(values=positive, factor=st.floats(0.01, 100), data=st.data())
def test_rescale_to_earlier_mean_removes_any_common_factor(
    values: list[int], factor: float, data: st.DataObject
) -> None:
    before = np.array(values, dtype=np.float64)
    after = np.array(data.draw(st.permutations(values)), dtype=np.float64)
    groups = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=len(values),
                                         max_size=len(values))))  # fmt: skip
    by_group = factor ** np.maximum(groups, 0)
    np.testing.assert_allclose(
        rescale_to_earlier_mean(after * by_group, before, groups)[groups > 0],
        rescale_to_earlier_mean(after, before, groups)[groups > 0],
        rtol=1e-9,
    )
    rescaled = rescale_to_earlier_mean(factor * after, before)
    assert rescaled.mean() == pytest.approx(before.mean())
    for group in set(groups.tolist()) - {-1}:
        group_values = rescale_to_earlier_mean(after * by_group, before, groups)[groups == group]
        assert group_values.mean() == pytest.approx(before[groups == group].mean())


@pytest.mark.parametrize("values", [[-1.0, -2.0], [0.0, 0.0], [3.0, -2.0]])
def test_values_without_a_positive_mean_are_not_rescaled(values: list[float]) -> None:
    given, other = np.array(values), np.array([4.0, 1.0])
    assert (rescale_to_earlier_mean(given, other) == given).all()
    assert (rescale_to_earlier_mean(other, given) == other).all()


configs = st.builds(
    WindowsConfig,
    observation_days=st.integers(1, 60),
    outcome_days=st.integers(1, 60),
    gap_days=st.integers(0, 20),
    every_days=st.integers(1, 50),
)


@settings(deadline=None)
@given(config=configs, more=st.integers(0, 500), fit_until=st.integers(0, 700) | st.none())
def test_windows_of_a_pair_are_disjoint_and_the_later_margin_is_unseen(
    config: WindowsConfig, more: int, fit_until: int | None
) -> None:
    clear = config.observation_days + config.gap_days + config.outcome_days
    windows = plan_windows(History(START, START + (clear + more) * DAY), config)
    until = None if fit_until is None else START + fit_until * DAY
    found = choose_pairs(windows.cutoffs, windows.test, windows, fit_until=until)
    last_seen = max(windows.fit_until, until or windows.fit_until)
    for first, second in found.pairs:
        assert second in windows.test
        assert windows.outcome(second).start >= last_seen
        assert windows.observation(first).end <= windows.outcome(first).start
        assert windows.outcome(first).end <= windows.observation(second).start
    seen = [windows.outcome(first).start < last_seen for first, _ in found.pairs]
    assert any(seen) == found.earlier_margin_seen
    assert all(seen) or not found.earlier_margin_seen or len(found.pairs) > 1
    caveat = found.caveat(windows)
    assert (caveat is None) == (bool(found.pairs) and not found.earlier_margin_seen)


@given(config=configs)
def test_the_days_that_the_notes_name_suffice(config: WindowsConfig) -> None:
    daily = config.model_copy(update={"every_days": 1})
    clear = daily.observation_days + daily.gap_days + daily.outcome_days

    def pairs(days: int):
        windows = plan_windows(History(START, START + days * DAY), daily)
        return choose_pairs(windows.cutoffs, windows.test, windows), windows

    assert pairs(2 * clear)[0].pairs
    assert not pairs(2 * clear - 1)[0].pairs
    needed = pairs(2 * clear)[1].days_for_test_pair
    assert not pairs(needed)[0].earlier_margin_seen
    assert pairs(needed - 1)[0].earlier_margin_seen


def test_both_rows_of_a_change_are_of_the_same_customer(panel, windows) -> None:
    frame = panel.frame
    codes, _ = number_entities(frame)
    pairs = choose_pairs(cutoffs_of(frame), windows.test, windows).pairs
    groups = group_by_pair(frame, codes, pairs, observation_days=84, segments=["covariate__city"])
    ids, city = frame["customer_id"].to_numpy(), frame["covariate__city"].to_numpy()
    assert len(groups) == len(windows.test)
    for group in groups:
        assert (ids[group.rows] == ids[group.later_rows]).all()
        assert (frame["history__tenure_days"].to_numpy()[group.rows] >= 84).all()
        sizes = pd.Series(city[group.rows]).value_counts()
        assert (pd.Series(group.segments).groupby(city[group.rows]).nunique() == 1).all()
        assert set(sizes[sizes < 50].index) == set(city[group.rows][group.segments == -1])


def test_a_pair_with_too_few_customers_is_left_out() -> None:
    shop = make_shop(6, n=200)
    windows = shop.windows
    panel = shop.panel(windows)
    newcomers = panel.frame["cutoff"] == panel.frame["cutoff"].min()
    tenure = panel.frame["history__tenure_days"]

    def metric(tenures: pd.Series) -> dict:
        frame = panel.frame.assign(history__tenure_days=tenures)
        return measured(shop, panel=replace(panel, frame=frame))["metric"]

    some = metric(tenure.where(~newcomers, 80.0))
    assert [first for first, _ in some["pairs"]] == [str(c) for c in windows.train[1:]]
    assert some["earlier_margin_seen_in_fitting"] is True
    none = metric(tenure * 0 + 80.0)
    assert none["pairs"] == []
    assert none["earlier_margin_seen_in_fitting"] is None
    assert none["within"]["metric"]["spearman"] is None
    (note,) = [note for note in none["notes"] if "within" in note]
    assert "fewer than 10 customers were there" in note


def test_customers_who_churn_do_not_change_the_factor() -> None:
    """Fees are constant: only customers who churned show a change."""
    rng = np.random.default_rng(0)
    fee = rng.uniform(5.0, 50.0, 400)
    retained = rng.random(400) < 0.7
    after = np.where(retained, fee, 0.0)
    rescaled = rescale_to_earlier_mean(after, fee, retained=retained) - fee
    assert np.abs(rescaled[retained]).max() < 1e-9
    assert (rescaled[~retained] < 0).all()
    # Over all customers, the factor would have raised those retained in proportion to their fee.
    assert (
        np.corrcoef((rescale_to_earlier_mean(after, fee) - fee)[retained], fee[retained])[0, 1]
        > 0.99
    )


def test_if_churn_is_an_event_the_later_outcome_determines_who_is_retained(panel, windows) -> None:
    codes, _ = number_entities(panel.frame)
    pairs = choose_pairs(windows.cutoffs, windows.test, windows).pairs
    churned = np.arange(len(panel.frame)) % 3 == 0
    frame = panel.frame.assign(churned=churned.astype(float))
    groups = group_by_pair(
        frame, codes, pairs, observation_days=windows.observation_days, ends=True
    )
    assert groups
    for group in groups:
        assert (group.retained == ~churned[group.later_rows]).all()
    plain = group_by_pair(frame, codes, pairs, observation_days=windows.observation_days)
    assert all(group.retained is None for group in plain)
