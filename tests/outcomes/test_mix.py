"""Sentences on what is raised at the cost of what."""

from __future__ import annotations

from typing import Any

import pytest

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.outcomes import MixRow, OutcomeEvidence
from engagement_ml.outcomes.mix import product_mix

Effect = tuple[float | None, float | None, float | None]


def row(verdict: str, effect: Effect, **changes: Any) -> DriverRow:
    value, low, high = effect
    return DriverRow(
        "visit", verdict, False, None, None, value, low, high, 0.0, None, "a reason",
        label="Visit", effect_gross=value, **changes,
    )  # fmt: skip


def mix(total: DriverRow, compare: bool = True, **parts: DriverRow) -> tuple[MixRow, ...]:
    outcomes = [
        OutcomeEvidence(name, "part", name, "EUR", 100, 50.0, (of_part,))
        for name, of_part in parts.items()
    ]
    return product_mix(outcomes, [total], "EUR", compare=compare)


UP, DOWN = (3.1, 2.0, 4.2), (-5.2, -6.2, -4.2)
INERT, NET = (0.0, -0.1, 0.1), (-2.1, -3.0, -1.2)


def test_what_is_raised_at_the_cost_of_what_is_named() -> None:
    (found,) = mix(
        row("harmful", NET), core=row("driver", UP), plus=row("harmful", DOWN),
        value=row("inert", INERT),
    )  # fmt: skip
    assert found.cannibalises
    assert (found.raises, found.lowers) == (("core",), ("plus",))
    assert found.sentence == (
        "Visit raises core by €3.10 (€2.00 to €4.20) per event, at the cost of €5.20 "
        "(€4.20 to €6.20) of plus; value hardly changes; margin in all falls by €2.10 "
        "(€1.20 to €3.00)"
    )
    assert found.adds_up
    assert found.parts_sum == pytest.approx(-2.1)


@pytest.mark.parametrize("verdict", ["unverifiable", "consequence"])
def test_a_cost_that_no_verdict_backs_is_not_named(verdict: str) -> None:
    (found,) = mix(row("driver", UP), core=row("driver", UP), plus=row(verdict, DOWN))
    assert not found.cannibalises
    assert "at the cost" not in found.sentence
    assert "what it does to plus is not known" in found.sentence


def test_what_is_not_known_has_its_interval_if_that_says_no_direction() -> None:
    wide = row("unverifiable", (-1.0, -4.0, 2.0))
    (found,) = mix(row("unverifiable", wide_of(wide)), core=row("driver", UP), plus=wide)
    assert found.sentence.endswith(
        "what it does to plus (−€4.00 to €2.00) is not known; whether margin in all changes is not "
        "known"
    )


def wide_of(row: DriverRow) -> Effect:
    return row.effect, row.effect_low, row.effect_high


def test_an_interval_that_holds_zero_names_nothing() -> None:
    assert mix(row("inert", INERT), core=row("driver", (3.0, -0.1, 6.1))) == ()


def test_behaviours_without_evidence_on_any_part_have_no_sentence() -> None:
    assert mix(row("inert", INERT), core=row("inert", INERT), plus=row("unverifiable", DOWN)) == ()


def test_parts_that_do_not_add_up_are_said_and_name_no_cost() -> None:
    (found,) = mix(
        row("driver", (9.0, 8.5, 9.5)), core=row("driver", UP), plus=row("harmful", DOWN)
    )
    assert found.adds_up is False
    assert not found.cannibalises
    assert "add up to −€2.10, but the effect on margin is €9.00" in found.sentence


def test_sums_are_compared_before_cost_and_only_if_all_are_known() -> None:
    net = (-2.1 - 4.0, -7.0, -5.2)
    total = row("harmful", net, cost_per_event=4.0)
    total = DriverRow(**{**vars(total), "effect_gross": -2.1})
    (found,) = mix(total, core=row("driver", UP), plus=row("harmful", DOWN))
    assert found.adds_up
    assert "net of its cost, margin in all falls by €6.10" in found.sentence
    unknown = row("consequence", (None, None, None))
    (found,) = mix(total, core=row("driver", UP), plus=unknown)
    assert (found.adds_up, found.parts_sum) == (None, None)
    (found,) = mix(total, compare=False, core=row("driver", UP), plus=row("harmful", DOWN))
    assert found.adds_up is None
    tested = row("driver", UP, basis="experiment")
    (found,) = mix(tested, core=row("driver", UP), plus=row("harmful", DOWN))
    assert found.adds_up is None


def test_churn_and_first_purchases_are_no_part_of_the_mix() -> None:
    churn = OutcomeEvidence("churn", "churn", "churn", "percentage points", 9, 1.0,
                            (row("driver", UP),))  # fmt: skip
    assert product_mix([churn], [row("driver", UP)], "EUR") == ()
