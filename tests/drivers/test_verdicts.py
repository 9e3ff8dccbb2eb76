"""Verdicts and the sentences that explain them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.estimation.common_factor import FactorBias
from engagement_ml.drivers.estimation.event_study import LeadTest
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.explanations import explain
from engagement_ml.drivers.finding import Finding, Verdict, Veto
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.turning_explanations import explain_turning
from engagement_ml.drivers.verdicts import judge, passes_tests
from engagement_ml.drivers.wording import Wording

ADVICE = "a randomised test would settle it"
WORDING = Wording()


def finding(
    effect: float = 2.0,
    half: float = 0.4,
    z: float = 12.0,
    *,
    association: Association | None = None,
    **overrides,
) -> Finding:
    """A finding with effect 4 per standard deviation; the smallest of interest is 1."""
    within = WindowEffect(effect, effect - half, effect + half, z, np.zeros(6), np.zeros(9))
    sign = np.sign(z)
    values = {
        "behaviour": "tutorial",
        "role": "behaviour",
        "within": within,
        "half_z": (sign * 8.0, sign * 7.0),
        "association": association or Association(0.3, 20.0, 3.0, 2.0),
        "purchase_response": PurchaseResponse("tutorial", 0.0, 0.0, (1, 1), 0.0),
        "leads": None,
        "frequency": 1.0,
        "cost": 0.0,
        "min_effect": 1.0,
    }
    return Finding(**(values | overrides))


def reason(tested: Finding) -> str:
    return explain(judge(tested), tested, WORDING, ADVICE)


LEADS = LeadTest(9.0, 9.0, (0.1, 0.1), (1.0, 1.0), (8.0, 8.0))
NO_DIFFERENCE = LeadTest(0.5, 9.0, (0.9, 0.9), (8.0, 8.0), (-5.0, -5.0))
WEAKLY_FOLLOWS = PurchaseResponse("tutorial", 0.02, 6.0, (1, 1), 0.5, increase_z=6.0)
FOLLOWS_PURCHASES = PurchaseResponse("tutorial", 0.4, 30.0, (1, 1), 0.5)


def test_a_driver_passes_all_tests() -> None:
    tested = finding()
    assert judge(tested) == Verdict("driver", "passed")
    assert reason(tested) == (
        "when a customer does more of it than usual, later margin is higher than usual: "
        "€2.00 per event (€1.60 to €2.40); it holds in both halves of the customers"
    )


def test_a_negative_effect_is_harmful() -> None:
    tested = finding(-2.0, z=-12.0)
    assert judge(tested).verdict == "harmful"
    assert "lower than usual: −€2.00 per event (−€2.40 to −€1.60)" in reason(tested)


def test_contradictory_evidence_is_neither_driver_nor_harmful() -> None:
    """The sum over the lags is positive, the best-fitting decay profile is negative."""
    assert judge(finding(2.0, z=-12.0)).verdict not in ("driver", "harmful")


def test_a_cost_above_the_effect_is_harmful() -> None:
    assert judge(finding(cost=5.0)).verdict == "harmful"
    assert judge(finding(cost=0.5)).verdict == "driver"


def test_vanity_is_correlated_without_an_effect() -> None:
    tested = finding(0.0, 0.3, z=0.5, half_z=(0.2, 0.4))
    assert judge(tested).verdict == "vanity"
    assert "correlates with later margin (Spearman +0.30), but when" in reason(tested)


def test_inert_is_neither_correlated_nor_acting() -> None:
    uncorrelated = Association(0.0, 0.3, 0.0, 2.0)
    tested = finding(0.0, 0.3, z=0.5, association=uncorrelated)
    assert judge(tested).verdict == "inert"
    assert reason(tested).endswith("below the smallest effect of interest")


def test_unverifiable_if_the_interval_is_wide() -> None:
    tested = finding(0.5, 3.0, z=0.4, association=Association(0.0, 0.3, 0.0, 2.0))
    assert judge(tested).verdict == "unverifiable"
    assert reason(tested).endswith(f"which is inconclusive; {ADVICE}")


@pytest.mark.parametrize(
    "weaker",
    [
        {"z": 3.8},
        {"half_z": (9.0, 1.0)},
        {"half_z": (9.0, -1.0)},
        {"frequency": 0.7},
        {"leads": NO_DIFFERENCE, "purchase_response": FOLLOWS_PURCHASES},
        {"leads": replace(LEADS, excess_z=(6.0, -0.1))},
        {"leads": replace(LEADS, excess_z=(6.0, 2.0)), "purchase_response": WEAKLY_FOLLOWS},
        {"converged": False},
    ],
)
def test_a_driver_must_pass_every_test(weaker) -> None:
    assert judge(finding(**weaker)).verdict in ("unverifiable", "consequence")


def test_a_behaviour_that_follows_purchases_is_a_consequence() -> None:
    tested = finding(z=1.0, leads=NO_DIFFERENCE, purchase_response=FOLLOWS_PURCHASES)
    assert judge(tested).verdict == "consequence"
    assert reason(tested) == (
        "it follows purchases: 1 week after buying more than usual, customers do 49% more of it "
        "(per standard deviation of purchases)"
    )


def test_an_effect_apart_from_the_joint_fit_needs_stronger_leads() -> None:
    """It has no bootstraps of its own, so the sentence must not speak of them."""
    weak = LeadTest(4.0, 4.0, (0.4, 0.4), (3.0, 3.0), (0.5, 0.5))
    assert judge(finding(leads=weak)).verdict == "driver"
    tested = finding(leads=weak, apart=True, frequency=0.0)
    assert judge(tested) == Verdict("unverifiable", "inconclusive", "leads")
    assert "bootstrap" not in reason(tested)
    assert judge(finding(leads=LEADS, apart=True)).verdict == "driver"


def test_the_reason_of_a_driver_mentions_that_it_follows_purchases() -> None:
    tested = finding(leads=LEADS, purchase_response=FOLLOWS_PURCHASES)
    assert judge(tested).verdict == "driver"
    assert "it also follows purchases" in reason(tested)


MIRRORED = LeadTest(-9.0, -9.0, (0.1, 0.1), (-1.0, -1.0), (-8.0, -8.0))


def test_a_behaviour_that_follows_purchases_is_harmful_on_clear_evidence() -> None:
    """Coupons after a purchase may move the next ones forward at a lower margin."""
    tested = finding(
        -2.0, z=-12.0, leads=MIRRORED, purchase_response=FOLLOWS_PURCHASES, total_z=-6.0
    )
    assert judge(tested).verdict == "harmful"


def test_margin_of_the_same_period_must_not_make_up_for_lower_margin_later() -> None:
    """After an order there are fewer for a while, which biases effects of what follows it."""
    tested = finding(
        -2.0, z=-12.0, leads=MIRRORED, purchase_response=FOLLOWS_PURCHASES, total_z=8.0
    )
    assert judge(tested).verdict == "consequence"
    assert judge(finding(-2.0, z=-12.0, leads=MIRRORED, total_z=8.0)).verdict != "harmful"


def test_a_fit_that_did_not_converge_is_no_evidence() -> None:
    tested = finding(converged=False)
    assert judge(tested) == Verdict("unverifiable", "not converged")
    assert reason(tested) == (f"the fit behind it did not converge, so it is no evidence; {ADVICE}")


def test_a_hidden_cause_is_named_with_what_moves_together() -> None:
    factor = FactorBias(0.5, ("search", "price_page"), 0.5, 0.9)
    tested = finding(0.2, 0.6, z=0.5, factor=factor, uncorrected_z=14.9, half_z=(0.3, 0.4))
    assert judge(tested) == Verdict("unverifiable", "hidden cause")
    assert "it moves together with search and price_page, as a hidden cause" in reason(tested)
    assert "its z falls from 14.9 to 0.5" in reason(tested)
    strong = finding(factor=factor, uncorrected_z=20.0)
    assert judge(strong).verdict == "driver"


def test_what_ends_with_a_purchase_may_be_preparation() -> None:
    before = LeadTest(9.0, 9.0, (-0.3, -0.4), (-4.0, -5.0), (4.0, 3.0))
    tested = finding(leads=before)
    assert judge(tested) == Verdict("unverifiable", "preparing")
    assert "customers do less of it after a purchase: it may be preparation" in reason(tested)
    assert judge(finding(leads=before, outbound=True)).verdict == "driver"
    rising = PurchaseResponse("tutorial", 0.02, 3.0, (1, 1), 0.0, increase_z=3.0)
    assert judge(finding(leads=before, purchase_response=rising)).verdict == "driver"
    odd = replace(finding().within, misfit=0.5)
    assert judge(finding(within=odd)) == Verdict("unverifiable", "preparing")


def test_a_sequence_after_which_margin_is_higher_for_two_weeks_only_may_be_preparation() -> None:
    short = finding(lasting_z=1.0)
    assert judge(short) == Verdict("unverifiable", "preparing")
    assert "margin is not clearly higher after the first two weeks" in reason(short)
    assert judge(finding(lasting_z=4.0)).verdict == "driver"
    assert judge(finding(-2.0, z=-12.0, lasting_z=0.0)).verdict == "harmful"


def test_an_act_of_the_company_that_depends_on_purchases_is_targeted() -> None:
    lapsed = PurchaseResponse("tutorial", -0.4, -30.0, (1, 1), -0.5)
    tested = finding(z=1.0, leads=NO_DIFFERENCE, purchase_response=lapsed)
    assert judge(tested) == Verdict("unverifiable", "targeted")
    assert "customers do 33% less of it" in reason(tested)
    sent = finding(z=1.0, purchase_response=FOLLOWS_PURCHASES, outbound=True)
    assert judge(sent) == Verdict("unverifiable", "targeted")


def test_a_declared_consequence_is_a_consequence() -> None:
    assert judge(finding(role="consequence")).verdict == "consequence"


def test_without_within_customer_variation_a_behaviour_is_unverifiable() -> None:
    tested = finding(within=None)
    assert judge(tested).verdict == "unverifiable"
    assert "no change within customers to learn from" in reason(tested)
    assert not passes_tests(tested)
    unbounded = replace(finding().within, low=-np.inf, high=np.inf)
    assert judge(finding(within=unbounded)).verdict == "unverifiable"


def test_an_effect_too_small_to_matter_is_no_driver() -> None:
    tested = finding(0.3, 0.05, association=Association(0.0, 0.3, 0.0, 2.0))
    assert judge(tested).verdict != "driver"


def test_effect_and_bounds_are_net_of_cost() -> None:
    tested = finding(2.0, 0.4, cost=0.5)
    assert tested.effect == pytest.approx(1.5)
    assert tested.bounds == pytest.approx((1.1, 1.9))
    without_estimate = finding(within=None)
    assert np.isnan([without_estimate.effect, *without_estimate.bounds]).all()


@pytest.mark.parametrize(
    ("weaker", "failed_test"),
    [
        ({"z": 3.8}, "its z is 3.8, and 4 is needed"),
        ({"half_z": (9.0, 1.0)}, "it does not show in both halves of the customers"),
        ({"leads": NO_DIFFERENCE}, "what follows does not clearly exceed twice that"),
        (
            {"min_effect": 3.9, "effect": 1.9, "half": 0.4},
            "it may be below the smallest effect of interest",
        ),
        ({"frequency": 0.83}, "it passes in only 83% of bootstrap samples"),
        ({"vetoes": (Veto("flexible controls", "it is lost"),)}, "(€1.60 to €2.40); it is lost; a"),
    ],
)
def test_the_reason_names_the_failed_test(weaker, failed_test: str) -> None:
    tested = finding(**weaker)
    assert judge(tested).verdict == "unverifiable"
    assert failed_test in reason(tested)


def test_the_wording_follows_the_configured_entity_currency_and_periods() -> None:
    tested = finding(z=1.0, purchase_response=replace(FOLLOWS_PURCHASES, lag=(2, 3), strength=-0.4))
    wording = Wording(entity="company", currency="USD", period_days=3)
    assert explain(judge(tested), tested, wording, ADVICE).startswith(
        "6 to 9 days after buying more than usual, companies do 33% less"
    )
    assert "$2.00 per event" in explain(judge(finding()), finding(), wording, ADVICE)


TURNING = Turning(4, 12.2, 11.0, 13.4, 24.4, (0.0, 12.0), (0.0, 9.0), (0.0, 8.0), (0.0, 10.0),
                  -9.0, 8.0, -7.0)  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "half", "verdict"),
    [
        (2.0, 0.4, "driver"),
        (-2.0, 0.4, "harmful"),
        (0.05, 0.1, "inert"),
        (0.5, 3.0, "unverifiable"),
    ],
)
def test_a_turn_leaves_the_verdict_to_the_average_effect(effect, half, verdict):
    z = 2 * effect / half
    turned = finding(effect, half, z, turning=TURNING)
    result = judge(turned)
    assert result.verdict == verdict
    sentence = explain(result, turned, WORDING, ADVICE)
    assert "pays up to 12 events" in sentence
    assert "costs beyond 24" in sentence
    assert "pays up to" not in explain(result, replace(turned, turning=None), WORDING, ADVICE)


def test_a_turn_without_a_break_even_within_the_counts_says_so():
    text = explain_turning(replace(TURNING, break_even=None))
    assert "beyond" not in text
    assert text.endswith("each further event costs some of that gain")
