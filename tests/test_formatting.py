from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.formatting import MINUS, Money, count, number, one_line, percent, plural
from engagement_ml.report.svg import Scale, nice_values

numbers = st.floats(-1e9, 1e9, allow_nan=False)


def read(text: str) -> float:
    return float(text.replace(",", "").replace(MINUS, "-"))


@given(numbers)
def test_a_shown_number_reads_back_to_within_its_rounding(value: float) -> None:
    shown = read(number(value))
    assert shown == pytest.approx(value, rel=0.051, abs=5e-7)


@given(numbers)
def test_zero_never_has_a_sign(value: float) -> None:
    text = number(value, 2, signed=True)
    assert not (text.startswith((MINUS, "+")) and read(text) == 0)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, "12", True])
def test_what_is_no_number_is_a_dash(missing: object) -> None:
    assert number(missing) == percent(missing) == count(missing) == Money("EUR")(missing) == "–"


def test_an_interval_with_a_bound_missing_shows_the_estimate_alone() -> None:
    assert Money("EUR").estimate(3.456, None, 4.0) == "€3.46"


def test_an_estimate_and_its_bounds_have_the_same_decimals() -> None:
    assert Money("EUR").estimate(0.004, -0.0194, 0.0276) == "€0.004 (−€0.019 to €0.028)"
    assert Money("USD").estimate(120, 80.4, 160.2) == "$120 ($80 to $160)"


def test_the_currency_may_be_one_without_a_symbol() -> None:
    assert Money("CHF")(-12.5) == "−12.50 CHF"
    assert Money("CHF").tick(20, 0) == "20"


@given(st.floats(0, 1, exclude_max=True, exclude_min=True), st.integers(0, 1))
def test_a_share_is_shown_as_none_or_all_only_where_it_is(share: float, decimals: int) -> None:
    text = percent(share, decimals)
    assert text not in ("0%", "0.0%", "100%", "100.0%")


@pytest.mark.parametrize(
    ("one", "many"),
    [("partner", "partners"), ("agency", "agencies"), ("boss", "bosses"), ("key", "keys"),
     ("Sales rep", "Sales reps"), ("salesperson", "salespeople"), ("employee", "employees")],
)  # fmt: skip
def test_plurals_by_the_common_rules(one: str, many: str) -> None:
    assert plural(one) == many


def test_text_of_users_holds_no_control_characters() -> None:
    assert one_line("a\x1b]0;title\x07b\r\nc\x00\ud800") == "a�]0;title�b c��"


@given(numbers, st.floats(1e-6, 1e9))
def test_ticks_are_few_ascending_and_on_the_scale(low: float, width: float) -> None:
    high = low + width
    values = nice_values(low, high)
    assert 1 <= len(values) <= 9
    assert values == sorted(set(values))
    slack = 1e-6 * max(abs(low), abs(high), width)
    assert all(low - slack <= value <= high + slack for value in values)


def test_tick_labels_tell_neighbours_apart() -> None:
    labels = [tick.text for tick in Scale(0.0, 0.004).ticks(number)]
    assert len(set(labels)) == len(labels) > 2
