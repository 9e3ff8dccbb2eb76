"""Simulation of a streaming service: watching, comments, likes, and subscriptions that end."""

from __future__ import annotations

from engagement_ml.datasets.presets.description import (
    Behaviour,
    Description,
    Effect,
    Subscription,
    Survey,
)
from engagement_ml.datasets.presets.flows import Mail, Reply

SCREENS = {"tv": 0.5, "app": 0.3, "web": 0.2}

DESCRIPTION = Description(
    name="media",
    economy=Subscription(
        hazard=0.045, trial_weeks=0, started=None, closed=None, cancelled="unsubscribed",
        plans={"with ads": 5.99, "standard": 10.99, "family": 16.99},
        plan_shares={"with ads": 0.4, "standard": 0.4, "family": 0.2},
        cost_share=0.45,
    ),
    behaviours=(
        Behaviour("video_watched", "vanity", 1.5, affinity=0.7, level_std=0.25, growth=0.25,
                  objects=("series", "film", "news", "sport"), channels=SCREENS,
                  seconds=1800.0, value=2400.0),
        Behaviour("like", "vanity", 0.6, affinity=0.8, level_std=0.3, growth=0.4,
                  channels={"app": 1.0}),
        Behaviour("comment_posted", "driver", 0.12, affinity=0.2, wave_std=0.7,
                  effect=Effect(0.55, kept_weekly=0.85, saturation=10.0), channels={"app": 1.0}),
        Behaviour("show_followed", "driver", 0.18, affinity=0.3, wave_std=0.7,
                  effect=Effect(0.4, kept_weekly=0.85, saturation=10.0), channels=SCREENS),
        Behaviour("share", "inert", 0.12, affinity=0.2, channels={"app": 0.6, "web": 0.4}),
        Behaviour("search", "inert", 0.4, affinity=0.2, channels=SCREENS),
        Behaviour("download", "inert", 0.15, affinity=0.2, channels={"app": 1.0}),
        Behaviour("complaint", "inert", 0.05, affinity=0.0, in_session=False,
                  channels={"email": 1.0}),
    ),
    flows=(
        Reply("complaint", "complaint_answered", hours=14.0),
        Mail("push_sent", "push_opened", "push_clicked", per_week=0.6, opens=-1.2, growth=0.1,
             campaigns=("new season", "live sport"), channel="app"),
    ),
    surveys=(Survey("nps", "0-10", centre=7.4, spread=1.9),),
    acquired_by={"search": 0.35, "social": 0.3, "referral": 0.15, "new season": 0.2},
    columns={
        "household": {"single": 0.4, "couple": 0.3, "family": 0.3},
        "region": {"north": 0.5, "south": 0.5},
    },
    looks_good=("watch_minutes", "likes"),
    linked=("comments", "shows_followed"),
    newcomers=0.5,
    n_customers=2400,
)  # fmt: skip
