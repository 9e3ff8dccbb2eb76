"""Small companies as period panels: margin per week with a known response to contacts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.contact.counts import ContactCounts
from engagement_ml.contact.definition import ContactDefinition
from engagement_ml.contact.find import ContactData
from engagement_ml.features.period_panel import Periods
from engagement_ml.windows import History, Windows

START = dt.date(2023, 1, 2)
SETTINGS = {"name": "company", "tracking": {"uri": None}, "contact": {}, "segments": ["plan"]}


def config(**changes: object) -> PipelineConfig:
    return parse_config({**SETTINGS, **changes})


def company(
    response: Callable[[np.ndarray, np.ndarray], np.ndarray],
    n: int = 500,
    weeks: int = 90,
    seed: int = 0,
    after_orders: float = 0.0,
) -> tuple[Periods, ContactData, Windows]:
    """Simulate weeks; the response is to the mails of the last four weeks, and to the plan."""
    rng = np.random.default_rng(seed)
    plus = rng.random(n) < 0.5
    wave, visits = np.zeros(n), rng.poisson(0.8, (n, weeks))
    mails, orders = np.zeros((n, weeks), int), np.zeros((n, weeks), int)
    affinity = np.exp(0.4 * rng.standard_normal(n))
    for t in range(weeks):
        wave = 0.8 * wave + 0.5 * rng.standard_normal(n)
        ordered = orders[:, max(t - 4, 0) : t].sum(axis=1)
        mails[:, t] = rng.poisson(1.1 * np.exp(wave - 0.35 + after_orders * np.minimum(ordered, 3)))
        load = mails[:, max(t - 3, 0) : t].sum(axis=1) + mails[:, t] / 2
        if t >= 4:
            load = load + mails[:, t - 4] / 2
        orders[:, t] = rng.poisson(0.9 * affinity * response(load, plus))
    gain = orders * 20.0
    until = START + dt.timedelta(weeks=weeks)
    ids = np.array([f"c{i:04d}" for i in range(n)], dtype=object)
    periods = Periods(
        entities=ids,
        behaviours=("mail", "visit"),
        period_days=7,
        start=START,
        until=until,
        counts=np.stack([mails, visits], axis=-1).astype(np.float32),
        gain=gain,
        loss=np.zeros_like(gain),
        orders=orders.astype(np.float32),
        entry=np.zeros(n, np.int32),
        exit=np.full(n, weeks, np.int32),
        segments={"plan": np.where(plus, "plus", "basic").astype(object)},
    )
    customer, week = np.nonzero(mails)
    counts = ContactCounts(
        ("mail",),
        ids[customer],
        np.zeros(customer.size, np.int64),
        np.datetime64(START, "D") + 7 * week,
        mails[customer, week],
    )
    recent = mails[:, -12:].sum(axis=1)
    data = ContactData(
        ContactDefinition(("mail",)),
        counts,
        {"mail": "mail"},
        until.isoformat(),
        ids[recent > 0],
        recent[recent > 0],
        {"plan": periods.segments["plan"][recent > 0]},
    )
    windows = Windows(84, 84, 0, (until,), (), until, History(START, until))
    return periods, data, windows
