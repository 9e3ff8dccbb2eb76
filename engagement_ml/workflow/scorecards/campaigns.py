"""Customers of the campaigns that goals name, as groups by which measures are split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.formatting import listed
from engagement_ml.inputs import Tables
from engagement_ml.scorecard.segments.acquisition import acquisition

MAX_NAMED = 10


def goal_groups(
    tables: Tables, config: PipelineConfig, groups: nw.LazyFrame[Any] | None
) -> tuple[nw.LazyFrame[Any] | None, Mapping[str, str]]:
    """Add a column to the groups for each campaign that a goal names.

    Customers of a campaign are those whom it brought (column ``scorecard.acquired_by`` of the
    customers table), and those with an event of it (column ``campaign`` of events).

    Returns
    -------
    (LazyFrame or None, mapping of campaign to column)
        The column holds the campaign's name, null for all others.

    Raises
    ------
    ConfigError
        If the tables have no campaigns, or a campaign has no customer.
    """
    names = list(dict.fromkeys(goal.campaign for goal in config.goals if goal.campaign))
    if not names:
        return groups, {}
    sources = _campaigns(tables, config)
    if not sources:
        raise ConfigError(
            f"key 'goals': campaign '{names[0]}': events have no column 'campaign', and "
            "'scorecard.acquired_by' names no column of customers; map one of them"
        )
    both = tables.engine.persist(nw.concat(sources) if len(sources) > 1 else sources[0])
    _check(names, both, tables)
    columns = {name: f"goal {place}" for place, name in enumerate(names)}
    marked = both.filter(nw.col("campaign").is_in(names)).group_by("customer_id").agg(
        nw.when(nw.col("campaign") == name).then(nw.col("campaign")).max().alias(column)
        for name, column in columns.items()
    )  # fmt: skip
    if groups is None:
        return tables.engine.persist(marked), columns
    joined = groups.join(marked, on="customer_id", how="full", suffix="_marked").with_columns(
        customer_id=nw.coalesce("customer_id", "customer_id_marked")
    )
    kept = groups.collect_schema().names()
    return tables.engine.persist(joined.select(*kept, *columns.values())), columns


def _campaigns(tables: Tables, config: PipelineConfig) -> list[nw.LazyFrame[Any]]:
    found = []
    if "campaign" in tables.events.collect_schema().names():
        events = tables.events.select("customer_id", "campaign")
        found.append(events.filter(~nw.col("campaign").is_null()).unique())
    if config.scorecard.acquired_by is not None:
        brought = acquisition(tables, config)
        assert brought is not None, "a configured column is there, or is an error"
        found.append(brought.filter(~nw.col("campaign").is_null()))
    return found


def _check(names: list[str], campaigns: nw.LazyFrame[Any], tables: Tables) -> None:
    rows = tables.engine.rows(
        campaigns.group_by("campaign").agg(nw.len().alias("n")), source="campaigns"
    )
    present = {str(row["campaign"]): int(row["n"]) for row in rows}
    for name in names:
        if name not in present:
            most = sorted(present, key=lambda each: (-present[each], each))[:MAX_NAMED]
            raise ConfigError(
                f"key 'goals': campaign '{name}' has no customer{nearest(name, present)}; the "
                f"data has {listed(most) if most else 'no campaign'}"
            )
