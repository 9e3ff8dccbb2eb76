"""A starter configuration from the files alone: everything that `init` decides."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig, is_uri, parse_config
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import EngagementError, InputError
from engagement_ml.starter.assignment import Assignment, Source, assign, source_of
from engagement_ml.starter.counts import AT_MOST, event_type_counts, table_days
from engagement_ml.starter.event_types import EventType, event_type
from engagement_ml.starter.exports import is_purchase, is_return, purchases_of
from engagement_ml.starter.facts import Currency, currency_of, entity_of, segments_of
from engagement_ml.starter.history import Days, WindowChoice, choose_windows
from engagement_ml.starter.meeting import meet
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.profile import profiles_of
from engagement_ml.starter.sample import read_sample, rows_with

ORDER = ("events", "transactions", "customers", "surveys", "identities", "links")


@dataclass(frozen=True)
class Starter:
    """Everything that a starter configuration says.

    Attributes
    ----------
    name : str
        Name of the pipeline.
    plans : mapping of str to TablePlan
        By input table.
    event_types : tuple of EventType
        The most frequent first.
    windows : WindowChoice
    currency : Currency or None
        None without transactions.
    entity : str
    segments : mapping of str to int
        Columns to consider, with their number of values.
    unsure : tuple of str
        What the user should check.
    unused : tuple of str
        Why a source is not read.
    """

    name: str
    plans: Mapping[str, TablePlan]
    event_types: tuple[EventType, ...]
    windows: WindowChoice
    currency: Currency | None
    entity: str = "customer"
    segments: Mapping[str, int] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def settings(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the configuration of the tables; paths are relative to `folder` if it is given."""
        return table_settings(self.name, self.plans, folder)


def table_settings(
    name: str, plans: Mapping[str, TablePlan], folder: Path | None = None
) -> dict[str, Any]:
    """Return name, sources, columns and shape of a configuration."""
    found = {table: plans[table] for table in ORDER if table in plans}
    columns = {
        table: {c: s for c, s in plan.columns.items() if c != s} for table, plan in found.items()
    }
    settings = {
        "name": name,
        "sources": {t: relative(p.sample.source, folder) for t, p in found.items()},
        "columns": {table: mapping for table, mapping in columns.items() if mapping},
        "shape": {table: plan.shape for table, plan in found.items() if plan.shape},
    }
    return {key: value for key, value in settings.items() if value}


def relative(source: str, folder: Path | None) -> str:
    """Return a path relative to a folder; URIs, and absolute paths elsewhere, stay.

    Examples
    --------
    >>> relative("data/events.csv", Path("data"))
    'events.csv'
    """
    if folder is None or is_uri(source):
        return source
    if Path(source).is_absolute() and not Path(source).is_relative_to(folder.resolve()):
        return source
    return Path(os.path.relpath(source, folder)).as_posix()


def make_starter(engine: DuckDBEngine, sources: Sequence[str], name: str) -> Starter:
    """Decide which source is which table, and how it is read.

    Parameters
    ----------
    engine : DuckDBEngine
    sources : sequence of str
        Paths of tables.
    name : str
        Name of the pipeline.

    Raises
    ------
    InputError
        If a source cannot be read, or none can be understood as events or transactions.
    """
    found = {source: source_of(read_sample(engine, source)) for source in sources}
    result = assign(list(found.values()))
    if not {"events", "transactions"} & set(result.plans):
        raise InputError(
            "none of the tables can be understood: " + "; ".join(result.unused or sources) + "; "
            "events need a column of customers, one of times and one of event types, "
            "transactions one of customers, one of times and one of amounts"
        )
    result.plans, sentences = meet(engine, result.plans, {s: found[s].profiles for s in found})
    result.unsure.extend(sentences)
    config = parse_config(table_settings(name, result.plans), origin="init")
    types = _event_types(engine, config, result, found)
    currency = _set_currency(result, found)
    config = parse_config(table_settings(name, result.plans), origin="init")
    windows = _windows(engine, config, result)
    customers = result.plans.get("customers")
    profiles = found[customers.sample.source].profiles if customers is not None else {}
    return Starter(
        name=name,
        plans={table: result.plans[table] for table in ORDER if table in result.plans},
        event_types=types,
        windows=windows,
        currency=currency,
        entity=entity_of(result.plans),
        segments=segments_of(customers, profiles),
        unsure=tuple(dict.fromkeys((*result.unsure, *_missing(result)))),
        unused=tuple(result.unused),
    )


def _event_types(
    engine: DuckDBEngine, config: PipelineConfig, result: Assignment, found: Mapping[str, Source]
) -> tuple[EventType, ...]:
    """Return the event types with their counts; add the transactions that are among the events."""
    plan = result.plans.get("events")
    if plan is None:
        return ()
    source = found[plan.sample.source]
    try:
        counts = event_type_counts(engine, config, plan.sample.source)
    except EngagementError as error:
        result.unsure.append(f"the event types could not be counted: {error}")
        return ()
    if len(counts) >= AT_MOST:
        result.unsure.append(
            f"{plan.sample.source}: there are {AT_MOST} event types or more; a column with fewer "
            "kinds of actions is easier to learn from"
        )
    bought = _add_purchases(engine, result, source, counts)
    noise = source.export.noise if source.export is not None else ()
    return tuple(
        event_type(name, n, bought=name in bought, noise=name.lower() in noise)
        for name, n in counts.items()
    )


def _add_purchases(
    engine: DuckDBEngine, result: Assignment, source: Source, counts: Mapping[str, int]
) -> list[str]:
    """Read purchases among the events as transactions, unless there is a table of them."""
    if "transactions" in result.plans:
        return []
    purchases = source.export.purchases if source.export is not None else None
    bought = [name for name in counts if is_purchase(name, purchases)]
    if not bought:
        return []
    types = bought + [name for name in counts if is_return(name, purchases) and name not in bought]
    events = result.plans["events"]
    rows = rows_with(engine, source.sample, events.expression("event_type") or "", types)
    rows = replace(rows, whole=source.sample.whole)
    plan = purchases_of(events, rows, profiles_of(rows), types, purchases)
    if plan is None:
        return []
    result.plans["transactions"] = plan
    result.unsure.extend(plan.unsure)
    return types


def _set_currency(result: Assignment, found: Mapping[str, Source]) -> Currency | None:
    plan = result.plans.get("transactions")
    if plan is None:
        return None
    currency = currency_of(plan, profiles_of(plan.sample))
    result.plans["transactions"] = currency.plan
    if currency.unsure is not None:
        result.unsure.append(currency.unsure)
    return currency


def _windows(engine: DuckDBEngine, config: PipelineConfig, result: Assignment) -> WindowChoice:
    days: dict[str, Days | None] = dict.fromkeys(("events", "transactions"))
    for table in days:
        if table not in result.plans:
            continue
        try:
            days[table] = table_days(engine, config, table, result.plans[table].sample.source)
        except EngagementError as error:
            result.unsure.append(f"the days of the {table} could not be read: {error}")
    windows = choose_windows(days["events"], days["transactions"])
    if windows.first is None:
        result.unsure.append("the days of the history are unknown; the windows are the usual ones")
    elif not windows.enough:
        result.unsure.append(
            f"the tables have too few days in common ({windows.first} to {windows.last}) for "
            "training and an evaluation; the shortest windows are written"
        )
    return windows


def _missing(result: Assignment) -> list[str]:
    """Return what the tables do not say: a zone of times, and required tables."""
    local = [plan.sample.source for plan in result.plans.values() if not plan.zoned]
    sentences = []
    if local:
        sentences.append(
            f"times without a zone are read as UTC: {', '.join(dict.fromkeys(local))}; if they are "
            "local, set 'timezone' for these tables in 'shape'"
        )
    return sentences + [
        f"no table of {table} was found, which training needs; add it to 'sources'"
        for table in ("events", "transactions")
        if table not in result.plans
    ]
