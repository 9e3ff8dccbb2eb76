"""The review: what changed since, and which of it is beyond noise."""

import datetime as dt
import math

import numpy as np
import pytest

from engagement_ml.errors import InputError
from engagement_ml.measures.kinds.wilson import wilson
from engagement_ml.scorecard.card import Link, Value
from engagement_ml.scorecard.review import changes_since, difference, holm
from tests.scorecard.examples import around, card, months

PERIODS = months().each


def since(cards, day="2024-04-30"):
    return changes_since(dt.date.fromisoformat(day), cards, PERIODS, "EUR")


def test_from_the_last_period_that_ended_by_the_day():
    series = {"2024-03": 10.0, "2024-04": 20.0, "2024-06": 50.0}
    assert since([card(series=series)])[0].change == 30.0
    assert since([card(series=series)], "2024-05-15")[0].change == 30.0
    assert since([card(series=series)], "2024-04-29")[0].change == 40.0


def test_better_and_worse_and_vanity_are_said():
    rise = {"2024-04": 20.0, "2024-06": 50.0}
    good, less, vain, none = since(
        [
            card("a", rise),
            card("b", rise, better="less"),
            card("c", rise, link=Link("vanity")),
            card("d", rise, better=None),
        ]
    )
    assert (good.good, less.good, none.good) == (True, False, None)
    assert "which is better" in good.sentence
    assert "which is worse" in less.sentence
    assert "it is vanity: margin does not follow" in vain.sentence


def test_noise_is_not_called_a_change_and_the_clearest_comes_first():
    small = card("small", {"2024-04": around(50.0, 5), "2024-06": around(52.0, 5)})
    big = card("big", {"2024-04": around(50.0, 5), "2024-06": around(90.0, 5)})
    bare = card("bare", {"2024-04": Value(1.0, n=1), "2024-06": Value(9.0, n=1)})
    empty = card("empty", {"2024-04": 50.0, "2024-06": None})
    first, *rest = since([small, bare, empty, big])
    assert first.measure == "big"
    assert first.beyond_noise
    assert [each.measure for each in rest] == ["small", "bare"]
    assert not any(each.beyond_noise or each.good is not None for each in rest)
    assert "within noise" in rest[0].sentence
    assert "no interval" in rest[1].sentence


def test_many_measures_without_a_change_are_rarely_called_changed():
    rng = np.random.default_rng(0)
    false_alarms = 0
    for _ in range(300):
        pairs = []
        for _ in range(20):
            ends = [Value(100 * k / 400, *(100 * x for x in wilson(int(k), 400)), 400)
                    for k in rng.binomial(400, 0.3, 2)]  # fmt: skip
            pairs.append(card("m", {"2024-04": ends[0], "2024-06": ends[1]}))
        false_alarms += any(each.beyond_noise for each in since(pairs))
    assert false_alarms / 300 <= 0.08


def test_difference_of_shares_agrees_with_the_pooled_test():
    counts, n = (120, 160), 400
    old, new = (Value(k / n, *wilson(k, n), n) for k in counts)
    low, high, p = difference(old, new)
    pooled = sum(counts) / (2 * n)
    z = (counts[1] - counts[0]) / n / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert p == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.2)
    assert low < 0.1 < high


def test_holm_is_bonferroni_for_the_smallest():
    assert holm([0.026, 0.5]) == [False, False]
    assert holm([0.024, 0.5]) == [True, False]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("day", "words"),
    [("2024-01-30", "no period ended by that day"), ("2024-06-30", "no complete period follows")],
)
def test_days_without_a_review(day, words):
    with pytest.raises(InputError, match=words):
        since([card(series={"2024-06": 1.0})], day)
