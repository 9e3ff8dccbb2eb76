"""Hits and false alarms of the screening for covariates that show what happened after a cutoff.

``python -m benchmarks.covariate_leaks --seeds 20`` simulates customers of three kinds of business,
whose table has honest columns and such as sum up what customers did, and prints the share of seeds
in which each column was left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.models.covariate_screening import screen_covariates
from engagement_ml.windows import plan_windows

BUSINESSES = ("shop", "grocer", "subscription")
WEEKS = 52
EARLIER = 57
"""Weeks before the data in which customers signed up and bought already."""
START = pd.Timestamp("2023-01-02")
NEVER = (
    "country", "plan", "premium", "noisy_plan", "channel", "age", "credit_limit",
    "exact_potential", "signed_up_days_ago", "region_code",
)  # fmt: skip
"""Columns that must stay."""
HARD = ("spent_since_signup", "segment_since_signup", "noisy_spent")
"""Columns that are mostly known before the data begin, or by noise; a miss costs little."""

Array = npt.NDArray[Any]


def simulate(business: str, seed: int, n: int) -> dict[str, pd.DataFrame]:
    """Return events, transactions and customers.

    Customers have a lasting potential, by country, plan and channel and of their own, and a state
    that varies over months. Customers of some channels leave sooner.
    """
    rng = np.random.default_rng([BUSINESSES.index(business), seed])
    country, channel = rng.integers(0, 4, n), rng.integers(0, 3, n)
    plan = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    age = rng.normal(45, 12, n).round()
    log = 0.3 * country + 0.7 * plan + 0.2 * channel + 0.01 * (age - 45)
    potential = np.exp(log + rng.normal(0, 0.7, n))
    signup = rng.uniform(-EARLIER * 7, 120, n)
    left = signup + rng.exponential(1 / np.array([0.0005, 0.002, 0.006])[channel])
    weeks = np.arange(-EARLIER, WEEKS)
    state = np.zeros((n, len(weeks)))
    state[:, 0] = rng.normal(size=n)
    for k in range(1, len(weeks)):
        state[:, k] = 0.93 * state[:, k - 1] + np.sqrt(1 - 0.93**2) * rng.normal(size=n)
    day = weeks * 7 + 3
    here = (day >= signup[:, None]) & (day < left[:, None])
    rate = np.exp(0.5 * state) * (potential / potential.mean())[:, None] * here
    if business == "subscription":
        orders = (here & (np.arange(len(weeks)) % 4 == 0)).astype(np.int64)
        amounts = orders * np.array([10.0, 30.0, 100.0])[plan][:, None]
    else:
        per_week, spread = (0.18, 1) if business == "shop" else (1.0, 4)
        orders = rng.poisson(per_week * rate)
        amounts = np.where(orders > 0, rng.gamma(np.maximum(orders, 1) * spread, 20), 0.0)
    visits = rng.poisson(3 * rate + 0.1 * here)
    data = weeks >= 0
    customers = _covariates(
        rng, orders[:, data], amounts[:, data], visits[:, data], amounts.sum(axis=1), left
    )
    customers |= {
        "signup": START + pd.to_timedelta(np.floor(signup), unit="D"),
        "country": _text("country", country),
        "plan": _text("plan", plan),
        "premium": plan == 2,
        "noisy_plan": _text("plan", np.where(rng.random(n) < 0.2, rng.integers(0, 3, n), plan)),
        "channel": _text("channel", channel),
        "region_code": country * 1000.0 + rng.integers(0, 50, n),
        "age": age,
        "credit_limit": (1000 * potential * np.exp(0.2 * rng.normal(size=n))).round(-2),
        "exact_potential": potential,
        "signed_up_days_ago": np.floor(WEEKS * 7 - signup),
    }
    # Only one plan allows these, and the first one tells the plan.
    calls = rng.poisson(0.05 * (here & (plan == 2)[:, None]))
    events = [_rows(rng, visits[:, data], event_type="visit"),
              _rows(rng, calls[:, data], event_type="priority_call")]  # fmt: skip
    return {
        "events": pd.concat(events, ignore_index=True),
        "transactions": _rows(rng, orders[:, data], margin=amounts[:, data]),
        "customers": pd.DataFrame({"customer_id": np.arange(n), **customers}),
    }


def _covariates(
    rng: np.random.Generator, orders: Array, amounts: Array, visits: Array, ever: Array, left: Array
) -> dict[str, Any]:
    """Return columns that sum up what customers did until the export."""
    spent = amounts.sum(axis=1)
    bought = orders.sum(axis=1) > 0
    last = np.where(bought, WEEKS - np.argmax(orders[:, ::-1] > 0, axis=1), 0)
    moments = START + pd.to_timedelta(last * 7 - 1, unit="D")
    text = np.where(bought, moments.strftime("%Y-%m-%d"), None)
    return {
        "total_spent": spent,
        "rounded_spent": spent.round(-2),
        "noisy_spent": spent * np.exp(0.3 * rng.normal(size=len(spent))),
        "n_orders": orders.sum(axis=1),
        "n_visits": visits.sum(axis=1),
        "average_order": np.where(bought, spent / np.maximum(orders.sum(axis=1), 1), np.nan),
        "last_order_date": pd.Series(moments).where(bought),
        "last_order_text": text,
        "days_since_last_order": np.where(bought, (WEEKS - last) * 7.0, np.nan),
        "spent_in_last_quarter": amounts[:, -13:].sum(axis=1),
        "churned": left < WEEKS * 7,
        "inactive": last < WEEKS - 12,
        "value_segment": _quarters(spent),
        "spent_since_signup": ever,
        "segment_since_signup": _quarters(ever),
    }


def _quarters(values: Array) -> Array:
    return _text("quarter", np.digitize(values, np.quantile(values, [0.25, 0.5, 0.75])))


def _text(name: str, codes: Array) -> Array:
    return np.array([f"{name} {code}" for code in codes], dtype=object)


def _rows(rng: np.random.Generator, counts: Array, **more: Any) -> pd.DataFrame:
    """Return a row for each customer and week with a count, or for each event."""
    who, week = np.nonzero(counts)
    if "margin" in more:
        more = {"margin": more["margin"][who, week].round(2)}
    else:
        repeats = counts[who, week]
        who, week = np.repeat(who, repeats), np.repeat(week, repeats)
    minutes = rng.integers(0, 7 * 1440, len(who))
    moments = START + pd.to_timedelta(week * 7 * 1440 + minutes, unit="min")
    return pd.DataFrame({"customer_id": who, "timestamp": moments, **more})


def left_out(business: str, seed: int, n: int) -> tuple[set[str], list[str]]:
    """Return the columns that no model uses after the screening, and all columns."""
    from engagement_ml.features.covariates import Covariates

    frames = simulate(business, seed, n)
    config = parse_config({"name": "leaks", "engine": {"keep": None}})
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, frames)
        windows = plan_windows(tables.history, config.windows)
        screened, _ = screen_covariates(tables, config, windows)
        used = {
            name.removeprefix("covariate__") for name in Covariates.of(screened, config).covariates
        }
    columns = [c for c in frames["customers"] if c not in ("customer_id", "signup")]
    return set(columns) - used, columns


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table: how often each column was left out, by business."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=2000)
    options = parser.parse_args(arguments)
    shares: dict[str, dict[str, float]] = {}
    for business in BUSINESSES:
        for seed in range(options.seeds):
            gone, columns = left_out(business, seed, options.customers)
            for column in columns:
                row = shares.setdefault(column, dict.fromkeys(BUSINESSES, 0.0))
                row[business] += (column in gone) / options.seeds
    print(f"Share of {options.seeds} seeds in which a column was left out")
    print("| column | must | " + " | ".join(BUSINESSES) + " |\n| --- | --- |" + " ---: |" * 3)
    for column, row in sorted(shares.items(), key=lambda each: (each[0] in NEVER, each[0] in HARD)):
        must = "stay" if column in NEVER else "go if it can be told" if column in HARD else "go"
        cells = " | ".join(f"{row[business]:.0%}" for business in BUSINESSES)
        print(f"| `{column}` | {must} | {cells} |")


if __name__ == "__main__":
    main()
