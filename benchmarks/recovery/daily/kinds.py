"""The kinds of daily simulations by name; ``NAME_null`` is the twin without effects."""

from __future__ import annotations

from benchmarks.recovery.daily import kinds_company as company
from benchmarks.recovery.daily import kinds_hidden as hidden
from benchmarks.recovery.daily import kinds_orders as orders
from benchmarks.recovery.daily import kinds_response as response
from benchmarks.recovery.daily.draft import Kind

KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        hidden.calm, hidden.life_events, hidden.interest, hidden.two_waves, hidden.lone_wave,
        hidden.riding_driver, hidden.preparing, hidden.holiday_pauses, hidden.team_accounts,
        company.notice, company.churn_plain,
        response.turning, response.turning_high, response.turning_segments,
        response.segments_differ, response.segments_same, response.long_memory,
        response.pulled_forward, response.pulled_after,
        orders.gifts, orders.six_drivers, orders.same_week, orders.poor_margin,
        orders.rare_driver, orders.habit, orders.mediated, orders.with_feedback, orders.bots,
        company.policy, company.targeted_calls, company.price_change, company.app_release,
        company.lossy,
    )
}  # fmt: skip
NULL = "_null"
DAILY_KINDS: tuple[str, ...] = tuple(name + end for end in ("", NULL) for name in KINDS)
