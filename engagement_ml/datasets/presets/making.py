"""Tables of a preset's simulated data set."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml.datasets import preset_names
from engagement_ml.datasets.presets.answers import survey_rows
from engagement_ml.datasets.presets.description import Description
from engagement_ml.datasets.presets.logs import COLUMNS, behaviour_log, pick, texts
from engagement_ml.datasets.presets.money import lifecycle, transactions
from engagement_ml.datasets.presets.truth import PresetTruth
from engagement_ml.datasets.presets.world import BURN_IN_WEEKS, DAY, WEEK, World, draw_world
from engagement_ml.errors import ConfigError, nearest

if TYPE_CHECKING:
    import pandas as pd

START = dt.date(2024, 1, 1)
N_WEEKS = 78


@dataclass(frozen=True, eq=False)
class Preset:
    """Tables of a preset's simulated data set, and their true effects.

    Attributes
    ----------
    name : str
    events, transactions, customers, surveys : DataFrame
        In the columns of the input tables; timestamps are naive UTC.
    truth : PresetTruth
    """

    name: str
    events: pd.DataFrame = field(repr=False)
    transactions: pd.DataFrame = field(repr=False)
    customers: pd.DataFrame = field(repr=False)
    surveys: pd.DataFrame = field(repr=False)
    truth: PresetTruth = field(repr=False)


def make_preset(
    name: str,
    n_customers: int | None = None,
    n_weeks: int = N_WEEKS,
    seed: int = 0,
    start: dt.date = START,
) -> Preset:
    r"""Simulate the data set of a preset, from equations with known effects on margin.

    Parameters
    ----------
    name : str
        ``e-commerce``, ``saas``, ``media``, ``healthcare``, ``professional-services``,
        ``channel-partners`` or ``employees``.
    n_customers : int or None
        Number of customers, some of whom come during the history; None is the preset's own.
    n_weeks : int
        Number of weeks.
    seed : int
        The same seed gives the same tables.
    start : date
        First day of the first week.

    Returns
    -------
    Preset

    Raises
    ------
    ConfigError
        If there is no such preset, or no customer or week to simulate.

    Notes
    -----
    Customer i has a hidden affinity L, standard normal and constant. The number of events of
    behaviour b in week w is

    .. math:: x_{ibw} \sim Poisson(r_b \exp(a_b L_i + s_b e_{ib} + v_b u_{ibw} + g_b t_w)),

    with e standard normal, u a slow wave of variance 1 (AR(1)) that is independent of purchases,
    and t the time in years. Memory and response of an effect are those of the simulated shop,

    .. math:: m_{ibw} = k_b m_{ib,w-1} + x_{ib,w-1}, \quad g_b(m) = q_b (1 - \exp(-m / q_b)).

    Either the number of purchases in a week is
    :math:`Poisson(\lambda \exp(a L_i + 0.2 e_i + \sum_b \beta_b g_b))`, or a subscriber
    cancels in a week with probability :math:`h \exp(-a L_i - \sum_b \beta_b g_b)`. All other events
    follow from these, from entry or from purchases, and move no margin.

    Examples
    --------
    >>> preset = make_preset("saas", n_customers=40, n_weeks=30)
    >>> preset.truth.roles["app_open"], preset.truth.effect_per_event("app_open")
    ('vanity', 0.0)
    """
    if seed < 0:
        raise ConfigError(f"seed: must be a whole number from 0 on, found {seed}")
    description = describe(name)
    n_customers = description.n_customers if n_customers is None else n_customers
    if n_customers < 1 or n_weeks < 1:
        raise ConfigError(
            f"a preset needs at least one customer and one week, found n_customers={n_customers}, "
            f"n_weeks={n_weeks}"
        )
    world = draw_world(description, n_customers, n_weeks, seed, start)
    logs = {b.name: behaviour_log(world, b) for b in world.description.behaviours}
    sold = transactions(world)
    logs |= _named(lifecycle(world)) | {"orders": sold[sold["revenue"] > 0]}
    for flow in world.description.flows:
        logs |= _named(flow.events(world, logs))
    surveys = [survey_rows(world, survey, logs) for survey in world.description.surveys]
    customers = _customers(world)
    del logs["orders"]
    return Preset(
        name,
        events=_events(world, logs),
        transactions=_transactions(world, sold),
        customers=customers,
        surveys=_surveys(world, surveys),
        truth=PresetTruth.of(world),
    )


def describe(name: str) -> Description:
    """Return the description of a preset.

    Raises
    ------
    ConfigError
        If there is no such preset.
    """
    if name not in preset_names:
        raise ConfigError(
            f"preset: '{name}' is unknown{nearest(name, preset_names)}; "
            f"give one of {', '.join(preset_names)}"
        )
    module = import_module(f"engagement_ml.datasets.presets.{name.replace('-', '_')}")
    description: Description = module.DESCRIPTION
    return description


def _named(logs: list[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {log["event_type"].iloc[0]: log for log in logs if len(log)}


def _events(world: World, logs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    table = pd.concat(
        [log.dropna(axis="columns", how="all") for log in logs.values()], ignore_index=True
    )
    table = _inside(world, table).sort_values(
        ["second", "customer", "event_type"], kind="stable", ignore_index=True
    )
    columns: dict[str, Any] = {
        "event_id": np.arange(len(table)),
        "customer_id": table["customer"] + 1,
        "timestamp": _timestamps(world, table["second"]),
        "event_type": table["event_type"],
    }
    for name in COLUMNS:
        if name in table:
            columns[name] = _timestamps(world, table[name]) if name == "due" else table[name]
    return pd.DataFrame(columns)


def _transactions(world: World, sold: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    table = _inside(world, sold).sort_values(
        ["second", "order", "revenue"], kind="stable", ignore_index=True
    )
    return pd.DataFrame(
        {
            "transaction_id": np.arange(len(table)),
            "order_id": texts(table["order"].to_numpy(), "order-"),
            "customer_id": table["customer"] + 1,
            "timestamp": _timestamps(world, table["second"]),
            "revenue": table["revenue"],
            "cost": table["cost"],
            "product": table["product"],
            "channel": table["channel"],
        }
    )


def _customers(world: World) -> pd.DataFrame:
    import pandas as pd

    rng = world.rng
    before = (BURN_IN_WEEKS * 7 - rng.integers(1, 700, world.n)) * DAY
    signup = np.where(world.entry > 0, world.entry_second, np.minimum(before, 0))
    columns = {
        name: pick(rng, shares, world.n) for name, shares in world.description.columns.items()
    }
    return pd.DataFrame(
        {
            "customer_id": np.arange(1, world.n + 1),
            "signup": _timestamps(world, pd.Series(signup)),
            "acquired_by": pick(rng, world.description.acquired_by, world.n),
            **columns,
        }
    )


def _surveys(world: World, rows: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    table = _inside(world, pd.concat(rows, ignore_index=True)).sort_values(
        ["second", "customer", "survey"], kind="stable", ignore_index=True
    )
    return pd.DataFrame(
        {
            "customer_id": table["customer"] + 1,
            "timestamp": _timestamps(world, table["second"]),
            **{name: table[name] for name in ("survey", "score", "scale", "touchpoint")},
            "sent": _timestamps(world, table["sent"]),
            "comment": table["comment"],
        }
    )


def _inside(world: World, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows after the burn-in, within the history."""
    second = table["second"]
    return table[(second >= BURN_IN_WEEKS * WEEK) & (second < world.weeks * WEEK)]


def _timestamps(world: World, second: pd.Series) -> pd.Series:
    import pandas as pd

    since = pd.to_timedelta(second - BURN_IN_WEEKS * WEEK, unit="s")
    return (pd.Timestamp(world.start) + since).astype("datetime64[us]")
