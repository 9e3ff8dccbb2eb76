"""One verdict per behaviour, and a sentence that says why."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.verdicts import Finding, Verdict, is_certain, judge

ADVICE = "a randomised test would tell"


def finding(
    effect: float = 2.0,
    half: float = 0.4,
    z: float = 12.0,
    *,
    association: Association | None = None,
    **more,
) -> Finding:
    """Worth 4 a standard deviation, where 1 is worth having; it does not answer to purchases."""
    within = WindowEffect(effect, effect - half, effect + half, z, np.zeros(6), np.zeros(9))
    sign = np.sign(z)
    given = {
        "behaviour": "tutorial",
        "role": "behaviour",
        "within": within,
        "half_z": (sign * 8.0, sign * 7.0),
        "association": association or Association(0.3, 20.0, 3.0, 2.0),
        "response": PurchaseResponse("tutorial", 0.0, 0.0, (1, 1), 0.0),
        "lead_z": None,
        "frequency": 1.0,
        "cost": 0.0,
        "smallest": 1.0,
    }
    return Finding(**(given | more))


def said(given: Finding) -> Verdict:
    return judge(given, currency="EUR", entity="customer", advice=ADVICE)


AFTER = PurchaseResponse("tutorial", 0.4, 30.0, (1, 1), 0.5)


def test_a_driver() -> None:
    verdict = said(finding())
    assert verdict.verdict == "driver"
    for part in ("2.00 EUR per event", "1.60 to 2.40 EUR", "z 12.0", "both halves"):
        assert part in verdict.reason


def test_harmful() -> None:
    verdict = said(finding(-2.0, z=-12.0))
    assert verdict.verdict == "harmful"
    assert "less than usual" in verdict.reason


def test_evidence_that_points_both_ways_names_nothing() -> None:
    """The profile's sum says more, its best-fitting shape says less."""
    assert said(finding(2.0, z=-12.0)).verdict not in ("driver", "harmful")


def test_harmful_for_its_cost() -> None:
    assert said(finding(cost=5.0)).verdict == "harmful"
    assert said(finding(cost=0.5)).verdict == "driver"


def test_vanity_claims_much_and_moves_little() -> None:
    nothing = finding(0.0, 0.3, z=0.5, half_z=(0.2, 0.4))
    assert said(nothing).verdict == "vanity"
    assert "Spearman +0.30" in said(nothing).reason


def test_inert_goes_with_nothing_and_moves_nothing() -> None:
    alone = Association(0.0, 0.3, 0.0, 2.0)
    assert said(finding(0.0, 0.3, z=0.5, association=alone)).verdict == "inert"


def test_unverifiable_where_the_interval_is_wide() -> None:
    alone = Association(0.0, 0.3, 0.0, 2.0)
    verdict = said(finding(0.5, 3.0, z=0.4, association=alone))
    assert verdict.verdict == "unverifiable"
    assert verdict.reason.endswith(ADVICE)


@pytest.mark.parametrize(
    "weaker",
    [
        {"z": 3.8},
        {"half_z": (9.0, 1.0)},
        {"half_z": (9.0, -1.0)},
        {"frequency": 0.7},
        {"lead_z": (5.0, 1.0), "response": AFTER},
    ],
)
def test_every_test_must_be_passed(weaker) -> None:
    verdict = said(finding(**weaker)).verdict
    assert verdict in ("unverifiable", "consequence")


def test_what_answers_to_purchases_is_a_consequence() -> None:
    verdict = said(finding(z=1.0, lead_z=(0.0, 0.0), response=AFTER))
    assert verdict.verdict == "consequence"
    assert "1 period" in verdict.reason
    assert "there is more of it" in verdict.reason


def test_what_answers_and_yet_drives_is_a_driver_that_says_so() -> None:
    verdict = said(finding(lead_z=(6.0, 5.0), response=AFTER))
    assert verdict.verdict == "driver"
    assert "answers to purchases too" in verdict.reason


def test_what_answers_is_never_called_harmful() -> None:
    """After a purchase one buys less, and what follows purchases seems to do it."""
    given = finding(-2.0, z=-12.0, lead_z=(-6.0, -5.0), response=AFTER)
    assert said(given).verdict == "consequence"


def test_declared_consequence() -> None:
    assert said(finding(role="consequence")).verdict == "consequence"


def test_without_change_within_entities() -> None:
    verdict = said(finding(within=None))
    assert verdict.verdict == "unverifiable"
    assert "no within-customer change to learn from" in verdict.reason
    assert not is_certain(finding(within=None))
    endless = replace(finding().within, low=-np.inf, high=np.inf)
    assert said(finding(within=endless)).verdict == "unverifiable"


def test_too_small_to_be_worth_having_is_no_driver() -> None:
    given = finding(0.3, 0.05, association=Association(0.0, 0.3, 0.0, 2.0))
    assert said(given).verdict != "driver"


def test_net_effect_and_bounds() -> None:
    given = finding(2.0, 0.4, cost=0.5)
    assert given.effect == pytest.approx(1.5)
    assert given.bounds == pytest.approx((1.1, 1.9))
    unknown = finding(within=None)
    assert np.isnan([unknown.effect, *unknown.bounds]).all()


@pytest.mark.parametrize(
    ("weaker", "why"),
    [
        ({"z": 3.8}, "its z is 3.8, and 4 is needed"),
        ({"half_z": (9.0, 1.0)}, "it does not show in both halves of the customers"),
        ({"lead_z": (1.0, 5.0)}, "margin goes with it before it as much as after it"),
        ({"smallest": 3.9, "effect": 1.9, "half": 0.4}, "it may be less than is worth having"),
        ({"borrowed": True}, "their bend, not its own"),
        ({"ended": dt.date(2024, 5, 6)}, "that was so before 2024-05-06, and is gone since"),
    ],
)
def test_what_is_missing_for_a_driver_is_named(weaker, why: str) -> None:
    verdict = said(finding(**weaker))
    assert verdict.verdict == "unverifiable"
    assert why in verdict.reason
