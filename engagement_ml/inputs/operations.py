"""Operations on one table that readers of all engines share, and their order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import Report, stop

EngineT = TypeVar("EngineT")
OpenedT = TypeVar("OpenedT")
CleanedT = TypeVar("CleanedT")


@dataclass(frozen=True)
class TableOperations(Generic[EngineT, OpenedT, CleanedT]):
    """An engine's operations on one table.

    Attributes
    ----------
    open : callable
        Opens a source: (engine, configuration, table name, source, report, whether there are
        identities, whether to read the columns of `EXTRA`) → opened table.
    check : callable
        Reports values that do not fit: (engine, opened table, report).
    ids_are_integers : callable
        Returns whether every customer_id is an integer.
    clean : callable
        Drops rows that cannot be used: (engine, opened table, integer_ids) → cleaned table.
    check_unique : callable
        Reports a customer with several rows: (engine, opened table, cleaned table, report).
    events : callable
        Cleans validated events: (engine, opened events, integer_ids, last day) → cleaned events.
    frames : callable
        Returns the usable rows of a cleaned table, and its daily ledger if it has one.
    identify : callable
        Gives events their identities: (engine, opened events, cleaned identities) → events.
    """

    open: Callable[..., OpenedT]
    check: Callable[[EngineT, OpenedT, Report], None]
    ids_are_integers: Callable[[EngineT, OpenedT], bool]
    clean: Callable[[EngineT, OpenedT, bool], CleanedT]
    check_unique: Callable[[EngineT, OpenedT, CleanedT, Report], None]
    events: Callable[[EngineT, OpenedT, bool, dt.date], CleanedT]
    frames: Callable[[EngineT, CleanedT], tuple[nw.LazyFrame[Any], nw.LazyFrame[Any] | None]]
    identify: Callable[[EngineT, OpenedT, CleanedT], OpenedT]

    def open_tables(
        self,
        engine: EngineT,
        config: PipelineConfig,
        sources: Mapping[str, Any],
        *,
        extra: bool = False,
    ) -> dict[str, OpenedT]:
        """Open all tables; with `extra`, with the columns of `EXTRA`."""
        identified = "identities" in sources
        return {
            name: self.open(engine, config, name, source, stop, identified=identified, extra=extra)
            for name, source in sources.items()
        }

    def clean_tables(
        self, engine: EngineT, tables: Mapping[str, OpenedT], *, skip: Collection[str] = ()
    ) -> tuple[bool, dict[str, CleanedT]]:
        """Validate and clean opened tables, except those to `skip`.

        Returns
        -------
        integer_ids : bool
            Whether ``customer_id`` is an integer in all tables, including skipped ones.
        cleaned : dict of str to cleaned table
        """
        chosen = {name: table for name, table in tables.items() if name not in skip}
        for table in chosen.values():
            self.check(engine, table, stop)
        integer_ids = all(self.ids_are_integers(engine, table) for table in tables.values())
        first = [name for name in chosen if name == "identities"]
        cleaned = {name: self.clean(engine, chosen[name], integer_ids) for name in first}
        for name, table in chosen.items():
            if name not in cleaned:
                events = name == "events"
                usable = self.identified(engine, table, cleaned) if events else table
                cleaned[name] = self.clean(engine, usable, integer_ids)
        return integer_ids, {name: cleaned[name] for name in chosen}

    def identified(
        self, engine: EngineT, events: OpenedT, cleaned: Mapping[str, CleanedT]
    ) -> OpenedT:
        """Return the opened events with their identities, if there is a table of them."""
        if "identities" not in cleaned:
            return events
        return self.identify(engine, events, cleaned["identities"])
