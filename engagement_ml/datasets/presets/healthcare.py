"""Simulation of a care provider: appointments, refills, a portal, and services that are paid."""

from __future__ import annotations

from engagement_ml.datasets.presets.care import Appointments, Refills
from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Purchases,
    Survey,
)
from engagement_ml.datasets.presets.flows import Mail, Reply

DESCRIPTION = Description(
    name="healthcare",
    economy=Purchases(
        per_week=0.14, amount=90.0, cost_share=0.6, fixed_cost=6.0, refund_share=0.03,
        products={"check-up": 0.4, "therapy": 0.35, "laboratory": 0.25},
        channels={"clinic": 0.8, "video": 0.2},
    ),
    behaviours=(
        Behaviour("portal_login", "vanity", 1.0, affinity=0.9, level_std=0.25, growth=0.35,
                  channels={"portal": 1.0}, seconds=90.0),
        Behaviour("article_read", "vanity", 0.6, affinity=0.8, level_std=0.3, growth=0.2,
                  sections=("nutrition", "exercise", "sleep"), channels={"portal": 1.0},
                  seconds=150.0),
        Behaviour("coaching_call", "driver", 0.12, affinity=0.2, wave_std=0.7, in_session=False,
                  effect=Effect(0.45, saturation=4.0), channels={"phone": 1.0}, seconds=900.0),
        Behaviour("care_plan_reviewed", "driver", 0.14, affinity=0.3, wave_std=0.7,
                  effect=Effect(0.4, saturation=4.0), channels={"portal": 1.0}),
        Behaviour("appointment_booked", "inert", 0.18, affinity=0.2, in_session=False,
                  channels={"phone": 0.4, "portal": 0.6}),
        Behaviour("question_sent", "inert", 0.12, affinity=0.1, in_session=False,
                  channels={"portal": 1.0}),
        Behaviour("symptom_diary", "inert", 0.25, affinity=0.2, channels={"app": 1.0}),
    ),
    flows=(
        Appointments("appointment_booked", "appointment_attended", "appointment_moved",
                     "appointment_cancelled_by_provider"),
        Reply("question_sent", "question_answered", hours=10.0, channel="portal"),
        Refills("medication_refill"),
        Mail("reminder_sent", "reminder_opened", "reminder_clicked", per_week=0.25, opens=0.0,
             campaigns=("check-up", "vaccination")),
    ),
    surveys=(
        Survey("csat", "1-5", centre=4.1, spread=0.8, after="appointment_attended", share=0.4,
               touchpoint="clinic", affinity=0.2),
        Survey("nps", "0-10", centre=8.0, spread=1.6, every_weeks=26),
    ),
    acquired_by={"doctor": 0.5, "insurance": 0.3, "referral": 0.2},
    columns={
        "programme": {"diabetes": 0.3, "heart": 0.3, "general": 0.4},
        "age_group": {"under 40": 0.3, "40 to 64": 0.45, "65 and over": 0.25},
    },
    looks_good=("portal_logins", "articles_read"),
    linked=("coaching", "care_plans"),
    n_customers=1000,
)  # fmt: skip
