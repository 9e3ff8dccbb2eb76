"""Which transactions belong to which part of margin."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config import OutcomeConfig, parse_config
from engagement_ml.errors import InputError, InvalidConfigError
from engagement_ml.outcomes.parts import assign_parts, part_columns

MARGIN = {("core",): 5.0, (" core ",): 1.0, ("Core",): 2.0, ("plus",): -3.0, (None,): 4.0}


def outcomes(**where: Any) -> dict[str, OutcomeConfig]:
    return {name: OutcomeConfig(where=columns) for name, columns in where.items()}


def test_texts_are_compared_without_spaces_and_with_case() -> None:
    parts = assign_parts(outcomes(a={"product": " core"}), ["product"], MARGIN)
    assert parts.members == {"a": (("core",), (" core ",))}
    assert parts.other == "other"
    assert "Core, no value and plus" in parts.notes[0]


def test_margin_that_no_part_covers_gets_a_name_that_is_free() -> None:
    taken = outcomes(other={"product": "core"}, Other_2={"product": "plus"})
    assert assign_parts(taken, ["product"], MARGIN).other == "other_3"


def test_rows_without_margin_are_no_part() -> None:
    parts = assign_parts(
        outcomes(a={"product": "core"}), ["product"], {("core",): 1.0, ("gift",): 0.0}
    )
    assert parts.other is None
    assert parts.notes == ()


def test_a_row_in_two_parts_is_allowed_and_said() -> None:
    both = outcomes(a={"product": ["core", "plus"]}, b={"product": "plus"})
    parts = assign_parts(both, ["product"], MARGIN)
    assert parts.overlaps
    assert "in two parts or more (plus)" in parts.notes[1]


def test_all_columns_of_a_part_must_match() -> None:
    margin = {("a", "web"): 1.0, ("a", "shop"): 1.0, ("b", "web"): 1.0, ("a", None): 1.0}
    parts = assign_parts(
        outcomes(x={"product": "a", "channel": ["web", "shop"]}, y={"product": "b"}),
        ["product", "channel"],
        margin,
    )
    assert parts.members == {"x": (("a", "web"), ("a", "shop")), "y": (("b", "web"),)}
    assert parts.other == "other"
    with pytest.raises(InputError, match=r"no row matches all columns of key 'outcomes.z.where'"):
        assign_parts(
            outcomes(z={"product": "b", "channel": "shop"}), ["product", "channel"], margin
        )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("cores", "column 'product' never is 'cores', which key 'outcomes.a.where.product' names "
         "(did you mean 'Core'?); correct the value or remove it"),
        ("xyz", "its values are Core, core and plus"),
    ],
)  # fmt: skip
def test_a_value_that_never_occurs_is_an_error(value: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        assign_parts(outcomes(a={"product": value}), ["product"], MARGIN)
    assert message in str(error.value)


def test_a_column_that_is_missing_is_an_error_that_says_how_to_map() -> None:
    with pytest.raises(InputError) as error:
        part_columns(outcomes(a={"department": "x"}), ["customer_id", "margin", "product"])
    message = str(error.value)
    assert "transactions: column 'department' is missing" in message
    assert "they have product" in message
    assert "columns: {transactions: {product: department}}" in message
    with pytest.raises(InputError, match="they have no such column"):
        part_columns(outcomes(a={"margin": "5"}), ["customer_id", "margin"])


def test_settings_of_parts_are_checked() -> None:
    base = {"name": "x", "sources": {"events": "e", "transactions": "t"}}
    config = parse_config({**base, "outcomes": {"core": {"where": {"product": [101, " b "]}}}})
    assert config.outcomes["core"].values == {"product": ("101", "b")}
    assert config.reads_extra
    with pytest.raises(InvalidConfigError, match="the list is empty"):
        parse_config({**base, "outcomes": {"core": {"where": {"product": []}}}})


texts = st.sampled_from(["a", "b", " a", "B", "c", None])


@given(
    margin=st.dictionaries(st.tuples(texts, texts), st.floats(-9, 9, allow_nan=False), min_size=1),
    wanted=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True),
)
def test_every_amount_is_in_a_part_or_in_the_other(margin: Any, wanted: list[str]) -> None:
    seen = {(value[0] or "").strip() for value in margin}
    configured = {w: OutcomeConfig(where={"product": w}) for w in wanted if w in seen}
    if not configured:
        return
    parts = assign_parts(configured, ["product", "channel"], margin)
    inside = {value for part in parts.members.values() for value in part}
    left = [value for value, amount in margin.items() if value not in inside and amount]
    assert not parts.overlaps
    assert (parts.other is not None) == bool(left)
    assert all((value[0] or "").strip() in configured for value in inside)
    assert not any((value[0] or "").strip() in configured for value in left)
