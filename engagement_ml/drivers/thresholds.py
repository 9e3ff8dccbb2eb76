"""The thresholds behind verdicts and selection, in one place.

Run ``python -m engagement_ml.drivers.thresholds`` to print them as a Markdown table. A sensitivity
run passes its own: ``find_drivers(..., thresholds=replace(THRESHOLDS, min_z=3.5))``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


def threshold(default: Any, meaning: str) -> Any:
    """Return a dataclass field with its meaning for the printed table."""
    return dataclasses.field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Thresholds:
    """Limits that decide verdicts, selection and robustness checks.

    Examples
    --------
    >>> from dataclasses import replace
    >>> replace(Thresholds(), min_z=3.5).min_z
    3.5
    """

    min_z: float = threshold(4.0, "z that the within-customer evidence must reach")
    family_error: float = threshold(
        0.05,
        "probability, if nothing acts, that any behaviour reaches that z by chance; if there are "
        "too many behaviours for it, they must reach a larger z (Bonferroni)",
    )
    profile_tests: int = threshold(
        10, "tests that the search for the decay profile of one behaviour counts as"
    )
    min_half_z: float = threshold(2.0, "z that it must reach in each random half of the customers")
    min_lead_z: float = threshold(
        2.0, "z by which the association after the event must exceed the one before it (lead test)"
    )
    min_lead_z_opposite: float = threshold(
        1.0, "the same, if the association before the event has the opposite sign"
    )
    min_lead_z_following: float = threshold(
        5.0, "the same, both ways, for a behaviour that follows purchases"
    )
    min_lead_excess: float = threshold(
        0.0,
        "z by which the association after the event must exceed twice the one before it, over four "
        "and over eight periods (equivalence test of the leads)",
    )
    min_lead_excess_following: float = threshold(
        3.0, "the same, for a behaviour that past purchases predict, by however little"
    )
    clear_lead_z: float = threshold(
        4.0,
        "z of margin before a behaviour from which, unless margin after it exceeds twice that, it "
        "is left out of the joint fit",
    )
    preparing_share: float = threshold(
        0.2,
        "share of the association after the event by which margin is lower before it, from which "
        "the behaviour may be preparation that ends with the purchase",
    )
    preparing_z: float = threshold(3.0, "and the z of the lower margin before it")
    preparing_increase_z: float = threshold(
        1.0, "z of an increase after purchases from which it does not end with them"
    )
    min_lasting_z: float = threshold(
        3.0,
        "z of margin after the first two weeks below which a sequence may be the way to a purchase",
    )
    max_misfit: float = threshold(
        0.3,
        "share of the lag profile that no effect which fades from a peak explains, from which its "
        "timing is not that of an effect",
    )
    correction_error: float = threshold(
        0.5, "standard error of the correction for a hidden cause, as a share of the correction"
    )
    min_bootstrap_share: float = threshold(
        0.9, "share of bootstrap samples of customers in which a driver must pass again"
    )
    hint_z: float = threshold(3.5, "z from which an unproven effect is called a hint")
    follows_z: float = threshold(
        5.0, "z of a behaviour's response to past purchases from which it counts as following them"
    )
    follows_increase: float = threshold(
        0.08, "and the smallest increase of its log rate per standard deviation of purchases"
    )
    follows_decrease: float = threshold(
        -0.2, "or the smallest decrease; a behaviour that moves purchases shows a weak one itself"
    )
    follows_at_once_z: float = threshold(
        2.5, "the same z for a behaviour that moves with margin of the same period, not after it"
    )
    same_period_z: float = threshold(
        5.0, "and the z of that association with margin of the same period"
    )
    vanity_z: float = threshold(
        4.0, "z of the between-customer correlation from which a count counts as correlated"
    )
    vanity_share: float = threshold(
        0.5, "share of the between-customer slope that the effect must stay below for `vanity`"
    )
    vanity_effect: float = threshold(
        2.0, "multiple of the smallest effect of interest that the estimate must stay below, too"
    )
    may_act_z: float = threshold(
        2.0, "z from which a behaviour is a possible cause that other checks allow for"
    )
    lost_share: float = threshold(
        0.5, "share of its z below which flexible controls count an effect as lost"
    )
    lost_min_z: float = threshold(2.0, "z from which on there is an effect that could be lost")
    max_effect_change: float = threshold(
        0.25,
        "relative change of an effect without behaviours that may follow purchases, beyond which "
        "the check fails",
    )
    min_share_left: float = threshold(
        1 / 3, "share of the overall effect below which a later effect counts as ended"
    )
    placebo_draws: int = threshold(20, "draws of placebo behaviours of each kind")
    placebo_quantile: float = threshold(
        0.95, "quantile of the largest |z| in a placebo draw that evidence must exceed, too"
    )
    before_z: float = threshold(
        3.0, "z from which margin before a behaviour counts as changed (placebo outcome)"
    )
    max_before_share: float = threshold(
        1 / 3, "and the share of the change after it from which the change before it is too large"
    )
    negative_control_ratio: float = threshold(
        2.0, "multiple of z of a negative control that passes as a driver that drivers must reach"
    )
    form_error: float = threshold(
        0.05, "relative error of an effect from its functional form, added to its interval"
    )
    common_error: float = threshold(
        0.06, "relative error that all effects share, added to intervals and not to shares"
    )
    min_periods: int = threshold(8, "periods of history that estimates need")
    min_buyers: int = threshold(30, "customers with any margin that estimates need")
    min_repeat_buyers: float = threshold(
        0.2, "share of buyers with margin in several periods that within-customer estimates need"
    )
    min_churned: int = threshold(100, "churned customers that effects on churn need")
    min_common_z: float = threshold(3.0, "z of the change that most behaviours share before churn")
    min_common_change: float = threshold(
        0.05, "and its size, as a log ratio, from which leavers have a common state"
    )
    min_joint_z: float = threshold(
        3.0, "z of the correlation of behaviours among leavers that a common state needs"
    )
    min_joint_correlation: float = threshold(0.02, "and the size of that correlation")
    certain_common_change: float = threshold(
        0.5, "size of the shared change that needs no such correlation"
    )
    max_common_z_left: float = threshold(
        1.5, "z of the shared change below which a notice period has not begun"
    )
    max_common_share_left: float = threshold(0.25, "and its share of the largest shared change")
    lifetime_days: int = threshold(
        1095, "days after an event over which the worth of a longer customer lifetime counts"
    )
    min_group: int = threshold(
        50, "customers of a segment combination that get period effects of their own"
    )
    max_groups: int = threshold(20, "segment combinations; beyond that, all share period effects")
    max_weight_gap: float = threshold(
        10.0, "points by which weights of the other half may differ from the metric's"
    )
    min_order_tau: float = threshold(
        0.4, "Kendall's tau of the drivers' order by SHAP and by effect below which it is reported"
    )
    indicator_share: float = threshold(
        0.5, "share of fits on random halves that must select an indicator"
    )
    stable_share: float = threshold(
        0.9, "share of these fits that must select each chosen indicator for weights to differ"
    )
    rival_share: float = threshold(
        0.4, "share of these fits that any other indicator must stay below for weights to differ"
    )
    max_correlation: float = threshold(
        0.9, "rank correlation from which on two indicators are redundant"
    )
    min_segment: int = threshold(
        100, "customers that a segment's own estimate needs; smaller segments are pooled"
    )
    segment_p_value: float = threshold(
        0.05, "Holm-adjusted p-value of Cochran's Q below which effects differ between segments"
    )
    pair_p_value: float = threshold(
        0.01, "Holm-adjusted p-value below which an interaction is reported"
    )
    max_pair_behaviours: int = threshold(
        12,
        "behaviours that may act, first by SHAP, whose pairs are tested; a note says if it binds",
    )
    pair_screen_z: float = threshold(
        2.5, "|z| of a score test from which a pair of other candidates is estimated as well"
    )
    max_screened_pairs: int = threshold(
        12, "pairs of other candidates that are estimated, those with the largest |z| first"
    )
    min_customers_per_pair: int = threshold(
        20, "customers with margin per pair that is tested; with fewer, fewer behaviours are paired"
    )
    turning_screen_z: float = threshold(
        3.0, "z of a response's downward bend from which it is tested for a turn"
    )
    turning_z: float = threshold(4.0, "z that the downward bend of a turning response must reach")
    turning_arm_z: float = threshold(
        3.0, "z that its rise up to the optimum and its fall beyond it must each reach"
    )
    turning_lead_share: float = threshold(
        0.5, "largest bend before the events, as a share of the one after them"
    )
    turning_segment_p_value: float = threshold(
        0.01, "Holm-adjusted p-value below which turning responses differ by segment"
    )
    min_turning_customers: int = threshold(
        100, "customers that must have been on both sides of the optimum"
    )


THRESHOLDS = Thresholds()
"""The values in use."""


def thresholds_markdown(thresholds: Thresholds = THRESHOLDS) -> str:
    """Return a Markdown table: name, value, meaning.

    Examples
    --------
    >>> thresholds_markdown().splitlines()[2]
    '| `min_z` | 4 | z that the within-customer evidence must reach |'
    """
    lines = ["| threshold | value | meaning |", "| --- | --- | --- |"]
    for each in dataclasses.fields(thresholds):
        value = getattr(thresholds, each.name)
        lines.append(f"| `{each.name}` | {value:g} | {each.metadata['meaning']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(thresholds_markdown() + "\n")
