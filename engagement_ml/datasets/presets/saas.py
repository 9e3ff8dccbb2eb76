"""Simulation of software as a service: trials, monthly fees, and cancellations."""

from __future__ import annotations

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Subscription,
    Survey,
)
from engagement_ml.datasets.presets.flows import AfterEntry, Mail, Reply

WEB_AND_APP = {"web": 0.65, "app": 0.35}

DESCRIPTION = Description(
    name="saas",
    economy=Subscription(
        hazard=0.055,
        trial_logit=1.3,
        plans={"starter": 49.0, "team": 149.0, "business": 399.0},
        plan_shares={"starter": 0.5, "team": 0.35, "business": 0.15},
    ),
    behaviours=(
        Behaviour("app_open", "vanity", 0.9, affinity=0.8, level_std=0.25, growth=0.25,
                  channels=WEB_AND_APP, seconds=120.0),
        Behaviour("dashboard_view", "vanity", 0.45, affinity=0.8, level_std=0.25, growth=0.3,
                  objects=("overview", "revenue", "team"), channels=WEB_AND_APP, seconds=60.0),
        Behaviour("report_export", "inert", 0.2, objects=("pdf", "csv"), seconds=20.0),
        Behaviour("automation_run", "driver", 0.2, affinity=0.2, level_std=0.3, wave_std=0.7,
                  effect=Effect(0.5, kept_weekly=0.85, saturation=10.0),
                  objects=("rule", "schedule")),
        Behaviour("teammate_invited", "driver", 0.15, affinity=0.2, level_std=0.3, wave_std=0.7,
                  effect=Effect(0.6, kept_weekly=0.85, saturation=10.0)),
        Behaviour("integration_setup", "inert", 0.1, affinity=0.2, objects=("crm", "mail", "chat")),
        Behaviour("help_article", "inert", 0.3, affinity=0.1, sections=("billing", "setup", "api"),
                  seconds=90.0),
        Behaviour("ticket_opened", "inert", 0.12, affinity=0.0, in_session=False,
                  channels={"email": 0.6, "chat": 0.4}),
    ),
    flows=(
        AfterEntry("onboarding_call_booked", logit=0.9, days=2.0, growth=0.2, first="signed_up"),
        Reply("ticket_opened", "ticket_answered", hours=9.0, growth=-0.2),
        Mail("mail_sent", "mail_opened", "mail_clicked", per_week=0.4, growth=0.2,
             campaigns=("product news", "webinar", "upgrade")),
    ),
    surveys=(
        Survey("nps", "0-10", centre=7.6, spread=1.8, growth=0.2),
        Survey("csat", "1-5", centre=4.0, spread=0.8, after="ticket_answered", share=0.7,
               touchpoint="support", affinity=0.2),
    ),
    acquired_by={"search": 0.4, "referral": 0.2, "webinar": 0.2, "partner": 0.2},
    columns={
        "size": {"1-9": 0.5, "10-49": 0.35, "50+": 0.15},
        "region": {"europe": 0.6, "americas": 0.4},
    },
    looks_good=("dau", "dashboard_views"),
    linked=("automations", "invitations"),
    newcomers=0.5,
    n_customers=3000,
)  # fmt: skip
