"""One verdict per behaviour, and a sentence that says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.explanations import Wording, explain
from engagement_ml.drivers.finding import Finding, Verdict, Veto
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.verdicts import judge, passes_tests

ADVICE = "a randomised test would settle it"
WORDING = Wording()


def finding(
    effect: float = 2.0,
    half: float = 0.4,
    z: float = 12.0,
    *,
    association: Association | None = None,
    **more,
) -> Finding:
    """Worth 4 a standard deviation, where 1 is of interest; it does not follow purchases."""
    within = WindowEffect(effect, effect - half, effect + half, z, np.zeros(6), np.zeros(9))
    sign = np.sign(z)
    given = {
        "behaviour": "tutorial",
        "role": "behaviour",
        "within": within,
        "half_z": (sign * 8.0, sign * 7.0),
        "association": association or Association(0.3, 20.0, 3.0, 2.0),
        "purchase_response": PurchaseResponse("tutorial", 0.0, 0.0, (1, 1), 0.0),
        "lead_z": None,
        "frequency": 1.0,
        "cost": 0.0,
        "min_effect": 1.0,
    }
    return Finding(**(given | more))


def judged(given: Finding) -> Verdict:
    return judge(given)


def reason(given: Finding) -> str:
    return explain(judge(given), given, WORDING, ADVICE)


AFTER = PurchaseResponse("tutorial", 0.4, 30.0, (1, 1), 0.5)


def test_a_driver() -> None:
    given = finding()
    assert judged(given) == Verdict("driver", "passed")
    assert reason(given) == (
        "when a customer does more of it than usual, later margin is higher than usual: "
        "€2.00 per event (€1.60 to €2.40); it holds in both halves of the customers"
    )


def test_harmful() -> None:
    given = finding(-2.0, z=-12.0)
    assert judged(given).verdict == "harmful"
    assert "lower than usual: −€2.00 per event (−€2.40 to −€1.60)" in reason(given)


def test_contradictory_evidence_is_neither_driver_nor_harmful() -> None:
    """The sum over the lags is positive, the best-fitting decay profile is negative."""
    assert judged(finding(2.0, z=-12.0)).verdict not in ("driver", "harmful")


def test_harmful_for_its_cost() -> None:
    assert judged(finding(cost=5.0)).verdict == "harmful"
    assert judged(finding(cost=0.5)).verdict == "driver"


def test_vanity_is_correlated_without_an_effect() -> None:
    given = finding(0.0, 0.3, z=0.5, half_z=(0.2, 0.4))
    assert judged(given).verdict == "vanity"
    assert "correlates with later margin (Spearman +0.30), but when" in reason(given)


def test_inert_is_neither_correlated_nor_acting() -> None:
    uncorrelated = Association(0.0, 0.3, 0.0, 2.0)
    given = finding(0.0, 0.3, z=0.5, association=uncorrelated)
    assert judged(given).verdict == "inert"
    assert reason(given).endswith("below the smallest effect of interest")


def test_unverifiable_if_the_interval_is_wide() -> None:
    given = finding(0.5, 3.0, z=0.4, association=Association(0.0, 0.3, 0.0, 2.0))
    assert judged(given).verdict == "unverifiable"
    assert reason(given).endswith(f"which is inconclusive; {ADVICE}")


@pytest.mark.parametrize(
    "weaker",
    [
        {"z": 3.8},
        {"half_z": (9.0, 1.0)},
        {"half_z": (9.0, -1.0)},
        {"frequency": 0.7},
        {"lead_z": (5.0, 1.0), "purchase_response": AFTER},
    ],
)
def test_every_test_must_be_passed(weaker) -> None:
    assert judged(finding(**weaker)).verdict in ("unverifiable", "consequence")


def test_what_follows_purchases_is_a_consequence() -> None:
    given = finding(z=1.0, lead_z=(0.0, 0.0), purchase_response=AFTER)
    assert judged(given).verdict == "consequence"
    assert reason(given) == (
        "it follows purchases: 1 week after buying more than usual, customers do 49% more of it "
        "(per standard deviation of purchases)"
    )


def test_a_driver_that_follows_purchases_says_so() -> None:
    given = finding(lead_z=(6.0, 5.0), purchase_response=AFTER)
    assert judged(given).verdict == "driver"
    assert "it also follows purchases" in reason(given)


def test_what_follows_purchases_is_never_called_harmful() -> None:
    """After a purchase customers buy less, and what follows purchases seems to be the cause."""
    given = finding(-2.0, z=-12.0, lead_z=(-6.0, -5.0), purchase_response=AFTER)
    assert judged(given).verdict == "consequence"


def test_declared_consequence() -> None:
    assert judged(finding(role="consequence")).verdict == "consequence"


def test_without_change_within_customers() -> None:
    given = finding(within=None)
    assert judged(given).verdict == "unverifiable"
    assert "no change within customers to learn from" in reason(given)
    assert not passes_tests(given)
    endless = replace(finding().within, low=-np.inf, high=np.inf)
    assert judged(finding(within=endless)).verdict == "unverifiable"


def test_an_effect_too_small_to_matter_is_no_driver() -> None:
    given = finding(0.3, 0.05, association=Association(0.0, 0.3, 0.0, 2.0))
    assert judged(given).verdict != "driver"


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
        ({"lead_z": (1.0, 5.0)}, "as strongly associated with it before the event as after it"),
        (
            {"min_effect": 3.9, "effect": 1.9, "half": 0.4},
            "it may be below the smallest effect of interest",
        ),
        ({"frequency": 0.83}, "it passes in only 83% of bootstrap samples"),
        ({"vetoes": (Veto("flexible controls", "it is lost"),)}, "(€1.60 to €2.40); it is lost; a"),
    ],
)
def test_what_is_missing_for_a_driver_is_named(weaker, why: str) -> None:
    given = finding(**weaker)
    assert judged(given).verdict == "unverifiable"
    assert why in reason(given)


def test_words_follow_the_configured_entity_currency_and_periods() -> None:
    given = finding(z=1.0, purchase_response=replace(AFTER, lag=(2, 3), strength=-0.4))
    words = Wording(entity="company", currency="USD", period_days=3)
    assert explain(judge(given), given, words, ADVICE).startswith(
        "it follows purchases: 6 to 9 days after buying more than usual, companies do 33% less"
    )
    assert "$2.00 per event" in explain(judge(finding()), finding(), words, ADVICE)
