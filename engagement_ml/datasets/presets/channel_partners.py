"""Simulation of channel partners: training, joint visits, leads, special prices and deals."""

from __future__ import annotations

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Purchases,
    Survey,
)
from engagement_ml.datasets.presets.flows import AfterEntry, AfterPurchase, Mail, Reply

DESCRIPTION = Description(
    name="channel-partners",
    economy=Purchases(
        per_week=0.16, amount=1_100.0, cost_share=0.65, fixed_cost=30.0, refund_share=0.03,
        products={"licences": 0.5, "hardware": 0.3, "services": 0.2},
        channels={"resale": 0.7, "referral": 0.3},
    ),
    behaviours=(
        Behaviour("portal_login", "vanity", 1.5, affinity=0.9, level_std=0.25, growth=0.3,
                  channels={"portal": 1.0}, seconds=120.0),
        Behaviour("brochure_download", "vanity", 0.5, affinity=0.8, level_std=0.3, growth=0.3,
                  channels={"portal": 1.0}),
        Behaviour("training_finished", "driver", 0.13, affinity=0.3, wave_std=0.7,
                  effect=Effect(0.42, kept_weekly=0.9, saturation=4.0),
                  objects=("product", "sales", "service"), channels={"portal": 1.0},
                  seconds=3600.0, newcomers=1.5),
        Behaviour("joint_customer_visit", "driver", 0.1, affinity=0.2, wave_std=0.7,
                  effect=Effect(0.5, saturation=4.0), in_session=False, channels={"field": 1.0}),
        Behaviour("special_price_requested", "harmful", 0.07, affinity=0.2, wave_std=0.6,
                  effect=Effect(0.45, kept_weekly=0.8, saturation=1.5, discount=0.25),
                  in_session=False, channels={"email": 1.0}),
        Behaviour("certificate_renewed", "inert", 0.05, affinity=0.2, channels={"portal": 1.0}),
        Behaviour("lead_received", "inert", 0.15, affinity=0.0, in_session=False,
                  direction="outbound", channels={"portal": 1.0}),
        Behaviour("support_request", "inert", 0.12, affinity=0.1, in_session=False,
                  channels={"email": 0.6, "phone": 0.4}),
    ),
    flows=(
        AfterEntry("kick_off_booked", logit=0.9, days=4.0, first="signed_up"),
        Reply("lead_received", "lead_contacted", hours=26.0, spread=0.9, direction="inbound",
              channel="phone", answered=0.85),
        Reply("support_request", "support_answer", hours=10.0),
        AfterPurchase({"rebate_claimed": 10.0}, share=0.6, channel="portal"),
        Mail("mail_sent", "mail_opened", "mail_clicked", per_week=0.3,
             campaigns=("new licence", "partner day")),
    ),
    surveys=(Survey("nps", "0-10", centre=7.5, spread=1.8, touchpoint="programme"),),
    acquired_by={"fair": 0.35, "distributor": 0.4, "referral": 0.25},
    columns={
        "tier": {"registered": 0.5, "silver": 0.35, "gold": 0.15},
        "country": {"DE": 0.4, "AT": 0.25, "CH": 0.35},
    },
    looks_good=("portal_logins", "brochures"),
    linked=("trainings", "joint_visits"),
    n_customers=900,
)  # fmt: skip
