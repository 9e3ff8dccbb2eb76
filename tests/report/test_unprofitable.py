"""The section on unprofitable engaged customers: groups that lose are named, others are not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engagement_ml.profiles import ProfileGroup, UnprofitableProfile
from engagement_ml.report import SECTIONS, render_report
from tests.report.test_page import Page

Record = dict[str, Any]


def group(rule: str, net: float, *, loses: bool) -> ProfileGroup:
    return ProfileGroup(rule, 120, net, net - 5.0, net + 5.0, 0.6, 0.5, 0.7, loses, 60)


def section(record: Record, profile: UnprofitableProfile) -> str:
    record["further"] = {"profile": asdict(profile)}
    chosen = [each for each in SECTIONS if each.key == "unprofitable"]
    return str(Page(render_report(record, sections=chosen)).text)


def profile(*groups: ProfileGroup, **more: Any) -> UnprofitableProfile:
    given = {"low": 1.0, "high": 3.0, "margin_lost": 900.0, "engaged_from": 40.0} | more
    return UnprofitableProfile(400, 90, 2.0, groups, cutoff="2024-12-02", **given)


def test_groups_that_lose_are_named_in_a_sentence(record: Record) -> None:
    losing = group("region is <b>north</b>, and 6 or more events of Call", -12.0, loses=True)
    text = section(record, profile(losing, group("region is not north", 8.0, loses=False)))
    assert "Of the 400 customers with a score of 40 or more on 2024-12-02, 90 (22%) cost" in text
    assert "Together they cost €900" in text
    assert "All of them earn €2.00 (€1.00 to €3.00) each on average" in text
    assert "One group loses money: “region is <b>north</b>, and 6 or more events of Call”" in text
    assert "(120 customers)" in text
    # Once in the table: the other group has no such mark.
    assert text.count("loses money") == 2
    assert "60%50% to 70%" in text.replace(" 50%", "50%")


def test_without_a_group_that_loses_it_says_so(record: Record) -> None:
    text = section(record, profile(group("plan is free", 1.0, loses=False)))
    assert "none of them is known to lose money" in text
    assert "One group loses" not in text


def test_without_groups_the_reason_is_given(record: Record) -> None:
    text = section(record, profile(reason="only 90 engaged customers: groups need 200"))
    assert "There are no groups: only 90 engaged customers: groups need 200." in text


def test_a_metric_that_abstains_has_a_reason_and_no_numbers(record: Record) -> None:
    reason = "the metric abstains, so that no customer counts as engaged"
    text = section(record, UnprofitableProfile(0, 0, None, reason=reason))
    assert "The metric abstains, so that no customer counts as engaged." in text
    assert "cost more than they bring" not in text


def test_records_of_earlier_versions_keep_their_numbers(record: Record) -> None:
    chosen = [each for each in SECTIONS if each.key == "unprofitable"]
    text = Page(render_report(record, sections=chosen)).text
    assert "customers with the highest 25% of scores, 214 (11%) cost more" in text
