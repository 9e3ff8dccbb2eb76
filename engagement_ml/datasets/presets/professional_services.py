"""Simulation of a consultancy: projects, a client portal, questions, drafts and referrals."""

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
    name="professional-services",
    economy=Purchases(
        per_week=0.1, amount=3_200.0, cost_share=0.62, fixed_cost=120.0, refund_share=0.02,
        affinity=0.5,
        products={"audit": 0.3, "implementation": 0.4, "training": 0.3},
        channels={"direct": 0.8, "partner": 0.2},
    ),
    behaviours=(
        Behaviour("portal_login", "vanity", 1.3, affinity=0.8, level_std=0.25, growth=0.3,
                  channels={"portal": 1.0}, seconds=180.0, newcomers=1.5),
        Behaviour("document_download", "vanity", 0.5, affinity=0.8, level_std=0.3, growth=0.2,
                  sections=("reports", "templates"), channels={"portal": 1.0}),
        Behaviour("strategy_session", "driver", 0.12, affinity=0.2, wave_std=0.7, in_session=False,
                  effect=Effect(0.5, saturation=4.0), channels={"call": 1.0}, seconds=3600.0),
        Behaviour("roadmap_updated", "driver", 0.14, affinity=0.3, wave_std=0.7,
                  effect=Effect(0.45, saturation=4.0), channels={"portal": 1.0}),
        Behaviour("question_asked", "inert", 0.18, affinity=0.1, in_session=False,
                  channels={"email": 0.7, "portal": 0.3}),
        Behaviour("draft_delivered", "inert", 0.12, affinity=0.0, in_session=False,
                  direction="outbound", channels={"portal": 1.0}),
        Behaviour("referral_made", "inert", 0.012, affinity=0.4, in_session=False,
                  channels={"email": 1.0}),
        Behaviour("webinar_attended", "inert", 0.1, affinity=0.2, channels={"web": 1.0},
                  seconds=2700.0),
    ),
    flows=(
        AfterEntry("welcome_call_booked", logit=1.3, days=3.0, growth=0.3, first="signed_up"),
        Reply("question_asked", "question_answered", hours=11.0, growth=-0.2),
        Reply("draft_delivered", "draft_reviewed", hours=30.0, spread=0.8, direction="inbound",
              channel="portal", answered=0.9),
        AfterPurchase({"project_started": 7.0, "project_finished": 40.0}),
        Mail("mail_sent", "mail_opened", "mail_clicked", per_week=0.3,
             campaigns=("case studies", "webinar")),
    ),
    surveys=(
        Survey("nps", "0-10", centre=8.0, spread=1.6),
        Survey("csat", "1-5", centre=4.1, spread=0.8, after="project_finished", share=0.8,
               touchpoint="project", affinity=0.3),
    ),
    acquired_by={"referral": 0.35, "webinar": 0.25, "search": 0.25, "fair": 0.15},
    columns={
        "sector": {"industry": 0.4, "retail": 0.3, "public": 0.3},
        "size": {"small": 0.5, "medium": 0.35, "large": 0.15},
    },
    looks_good=("login_frequency", "downloads"),
    linked=("strategy_sessions", "roadmaps"),
    newcomers=0.45,
    n_customers=1200,
)  # fmt: skip
