"""Simulation of an online shop: visits, carts, checkouts, discounts and support."""

from __future__ import annotations

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Purchases,
    Survey,
)
from engagement_ml.datasets.presets.flows import AfterPurchase, Carts, Mail, Reply

WEB_AND_APP = {"web": 0.6, "app": 0.4}

DESCRIPTION = Description(
    name="e-commerce",
    economy=Purchases(
        per_week=0.13, amount=62.0, cost_share=0.5, fixed_cost=3.0, refund_share=0.06,
        products={"clothing": 0.4, "home": 0.3, "beauty": 0.2, "sport": 0.1}, channels=WEB_AND_APP,
    ),
    behaviours=(
        Behaviour("page_view", "vanity", 1.5, affinity=0.9, level_std=0.25, growth=0.3,
                  sections=("home", "category", "product", "blog"), channels=WEB_AND_APP,
                  seconds=40.0),
        Behaviour("social_like", "vanity", 0.5, affinity=0.9, level_std=0.3, growth=0.4,
                  channels={"social": 1.0}, in_session=False),
        Behaviour("size_advisor_used", "driver", 0.15, wave_std=0.7,
                  effect=Effect(0.42, saturation=3.0), channels=WEB_AND_APP, seconds=120.0),
        Behaviour("wishlist_add", "driver", 0.15, wave_std=0.7,
                  effect=Effect(0.38, kept_weekly=0.85, saturation=3.0), channels=WEB_AND_APP),
        Behaviour("discount_code_used", "harmful", 0.06, affinity=0.2, wave_std=0.6,
                  effect=Effect(0.2, kept_weekly=0.8, saturation=1.5, discount=0.22)),
        Behaviour("faq_view", "inert", 0.25, affinity=0.0, sections=("delivery", "returns"),
                  seconds=50.0),
        Behaviour("friend_invited", "inert", 0.03, affinity=0.3, channels={"app": 1.0}),
        Behaviour("support_request", "inert", 0.06, affinity=0.0, in_session=False,
                  channels={"email": 0.5, "chat": 0.5}),
    ),
    flows=(
        Reply("support_request", "support_answer", hours=8.0, growth=-0.1),
        Carts("cart_filled", "checkout_started", "checkout_done", left=1.9),
        AfterPurchase({"parcel_tracked": 2.0}, share=0.7),
        Mail("mail_sent", "mail_opened", "mail_clicked", per_week=0.5, growth=0.1,
             campaigns=("newsletter", "spring sale", "autumn sale")),
    ),
    surveys=(
        Survey("nps", "0-10", centre=7.9, spread=1.7),
        Survey("csat", "1-5", centre=3.9, spread=0.9, after="support_answer", share=0.8,
               touchpoint="support", affinity=0.2),
    ),
    acquired_by={"search": 0.45, "social": 0.25, "referral": 0.15, "spring sale": 0.15},
    columns={
        "region": {"north": 0.3, "south": 0.4, "west": 0.3},
        "plan": {"basic": 0.7, "club": 0.3},
    },
    looks_good=("page_views", "likes"),
    linked=("size_advisor", "wish_list"),
    n_customers=1500,
)  # fmt: skip
