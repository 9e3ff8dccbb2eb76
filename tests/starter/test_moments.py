"""Formats of times and marks of numbers, found from the values alone."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config.formats import check_format
from engagement_ml.starter.moments import EPOCHS, FORMATS, moment_format
from engagement_ml.starter.profile import profile_of

MOMENTS = st.lists(
    st.datetimes(dt.datetime(1991, 1, 1), dt.datetime(2060, 1, 1)), min_size=3, max_size=8
)


@given(MOMENTS, st.sampled_from(FORMATS))
@settings(max_examples=60)
def test_what_was_written_in_a_format_is_read_in_it(moments, form):
    found = moment_format([moment.strftime(form) for moment in moments])
    assert found is not None
    assert form in (found.format, *found.others) or str(found.format).startswith("epoch")


@given(MOMENTS, st.sampled_from(list(EPOCHS)))
@settings(max_examples=30)
def test_numbers_since_1970_show_their_unit(moments, unit):
    numbers = [int((m - dt.datetime(1970, 1, 1)).total_seconds() * EPOCHS[unit]) for m in moments]
    for values in (numbers, [str(number) for number in numbers]):
        found = moment_format(values)
        assert found is not None
        assert found.format == unit


def test_every_format_is_one_that_tables_are_read_in():
    for form in FORMATS:
        check_format(form)


@pytest.mark.parametrize(
    ("values", "decimal", "ambiguous"),
    [
        (["1.234,50", "-2,00"], ",", False),
        (["1 234,50", "2"], ",", False),
        (["1,234.50", "2"], ".", False),
        (["1234.5", "1e3"], None, False),
        (["1,234", "5,678"], ".", True),
    ],
)
def test_the_decimal_mark_is_found(values, decimal, ambiguous):
    profile = profile_of("amount", values)
    assert (profile.looks, profile.decimal, profile.ambiguous) == ("number", decimal, ambiguous)


@pytest.mark.parametrize("values", [["12 EUR"], ["1.2.3"], ["1,23,4"], ["--5"], ["5%"]])
def test_text_is_no_number(values):
    assert profile_of("amount", values).looks == "text"
