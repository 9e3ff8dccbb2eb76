"""Simulation of employees in sales: coaching, visits, discounts, and their customers' margin."""

from __future__ import annotations

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Purchases,
    Survey,
)
from engagement_ml.datasets.presets.flows import AfterEntry, Mail, Reply

DESCRIPTION = Description(
    name="employees",
    economy=Purchases(
        per_week=0.3, amount=420.0, cost_share=0.62, fixed_cost=12.0, refund_share=0.03,
        affinity=0.5,
        products={"new customer": 0.3, "renewal": 0.4, "add-on": 0.3},
        channels={"phone": 0.5, "field": 0.5},
    ),
    behaviours=(
        Behaviour("intranet_view", "vanity", 1.6, affinity=0.8, level_std=0.25, growth=0.25,
                  sections=("news", "people", "policies"), channels={"intranet": 1.0},
                  seconds=60.0),
        Behaviour("kudos_given", "vanity", 0.5, affinity=0.9, level_std=0.3, growth=0.4,
                  channels={"chat": 1.0}),
        Behaviour("coaching_session", "driver", 0.12, affinity=0.2, wave_std=0.7, in_session=False,
                  effect=Effect(0.4, saturation=4.0), channels={"office": 1.0}, seconds=2700.0),
        Behaviour("customer_visit", "driver", 0.2, affinity=0.3, wave_std=0.7, in_session=False,
                  effect=Effect(0.3, kept_weekly=0.85, saturation=5.0), channels={"field": 1.0}),
        Behaviour("discount_granted", "harmful", 0.08, affinity=0.2, wave_std=0.6,
                  effect=Effect(0.4, kept_weekly=0.8, saturation=1.5, discount=0.25),
                  in_session=False, channels={"phone": 1.0}),
        Behaviour("course_finished", "inert", 0.12, affinity=0.2, objects=("tools", "safety"),
                  channels={"intranet": 1.0}, seconds=1800.0, newcomers=3.0),
        Behaviour("team_meeting", "inert", 0.5, affinity=0.0, in_session=False,
                  channels={"office": 1.0}),
        Behaviour("customer_question", "inert", 0.3, affinity=0.0, in_session=False,
                  direction="outbound", channels={"email": 1.0}),
    ),
    flows=(
        AfterEntry("buddy_meeting", logit=1.2, days=3.0, first="hired"),
        Reply("customer_question", "customer_question_answered", hours=7.0, direction="inbound"),
        Mail("newsletter_sent", "newsletter_opened", "newsletter_clicked", per_week=0.25,
             opens=0.0, campaigns=("monthly news",)),
    ),
    surveys=(
        Survey("esat", "1-5", centre=3.7, spread=0.9, affinity=0.3, share=0.9, answers=0.4,
               touchpoint="work"),
    ),
    acquired_by={"referral": 0.3, "job board": 0.5, "campus": 0.2},
    columns={
        "team": {"north": 0.35, "south": 0.35, "key accounts": 0.3},
        "contract": {"full time": 0.75, "part time": 0.25},
    },
    looks_good=("intranet_use", "kudos"),
    linked=("coaching", "customer_visits"),
    newcomers=0.3,
    n_customers=800,
)  # fmt: skip
