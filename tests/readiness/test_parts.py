"""`check` finds what is wrong with parts of margin."""

from __future__ import annotations

from typing import Any

import pytest

import engagement_ml as em


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ({"department": "x"}, "column 'department' is missing, which key 'outcomes.a.where' names"),
        ({"product": "clothin"}, "never is 'clothin', which key 'outcomes.a.where.product' names "
         "(did you mean 'clothing'?)"),
    ],
)  # fmt: skip
def test_faults_of_parts_are_found(small_shop: Any, where: Any, fault: str) -> None:
    frames = {"events": small_shop.events, "transactions": small_shop.transactions}
    config = {"name": "x", "outcomes": {"a": {"where": where}}}
    result = em.check(config, frames=frames, progress=False)
    assert [fault in each.message for each in result.faults] == [True]


def test_what_no_part_covers_is_noted(small_shop: Any) -> None:
    frames = {"events": small_shop.events, "transactions": small_shop.transactions}
    config = {"name": "x", "outcomes": {"a": {"where": {"product": "clothing"}}}}
    result = em.check(config, frames=frames, progress=False)
    assert not result.faults
    assert any("is the part 'other'" in note for note in result.notes)
