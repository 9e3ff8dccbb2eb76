"""The input tables read on DuckDB by SQL of its own, which is the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError
from engagement_ml.inputs.read_result import Found, check_two_customers
from engagement_ml.ledger.cache.events import OnPart
from engagement_ml.ledger.cache.sessions import read_sessions
from engagement_ml.ledger.events import read_events
from engagement_ml.ledger.sessions import SessionRule
from engagement_ml.tables.cleaning import Kept, canonical, ids_are_integers, keep
from engagement_ml.tables.schema import Opened, open_table, quoted
from engagement_ml.tables.validation import check_values
from engagement_ml.windows import DAY


def read_by_sql(
    engine: DuckDBEngine,
    config: PipelineConfig,
    sources: Mapping[str, Any],
    on_part: OnPart | None,
) -> Found:
    """Open, check and reduce what `sources` name; parameters are those of ``read_tables``.

    Raises
    ------
    InputError, NotEnoughDataError
    """
    opened = {table: open_table(engine, config, table, given) for table, given in sources.items()}
    small = {name: one for name, one in opened.items() if name != "events"}
    for one in small.values():
        check_values(engine, one)
    integer_ids = all(ids_are_integers(engine, one) for one in opened.values())
    folder = None if config.engine.keep is None else Path(config.engine.keep)
    kept = {
        name: keep(engine, one, canonical(engine, one, integer_ids=integer_ids))
        for name, one in small.items()
    }
    last = kept["transactions"].quality.last
    assert last is not None
    end = last.date() + DAY
    events = read_events(
        engine,
        opened["events"],
        integer_ids=integer_ids,
        end=end,
        keep=folder,
        on_part=on_part,
    )
    label = opened["events"].label
    views = [kept["transactions"].view]
    low, high = _ends(engine, label, *views)
    if low == high:
        low, high = _ends(engine, label, *views, events.ledger)
    check_two_customers(label, low, high)
    kept["events"] = events
    if "customers" in opened:
        _check_unique(engine, opened["customers"], kept["customers"])
    rule = SessionRule.of(config)
    return Found(
        label=label,
        frames={name: engine.scan(one.view) for name, one in kept.items()},
        quality={name: one.quality for name, one in kept.items()},
        counts=events.counts,
        amounts=events.amounts,
        ledger=engine.scan(events.ledger),
        parts=events.parts,
        sessions=None
        if rule is None
        else read_sessions(engine, events, rule, end=end, keep=folder, on_part=on_part),
    )


def _ends(engine: DuckDBEngine, label: str, *views: str) -> tuple[Any, Any]:
    """Return the smallest and the largest customer_id of several views."""
    union = " UNION ALL ".join(
        f'SELECT min("customer_id") AS low, max("customer_id") AS high FROM {quoted(name)}'
        for name in views
    )
    low, high = engine.query(f"SELECT min(low), max(high) FROM ({union})", source=label)[0]
    return low, high


def _check_unique(engine: DuckDBEngine, one: Opened, kept: Kept) -> None:
    rows = engine.query(
        f'SELECT "customer_id", count(*) FROM {quoted(kept.view)} GROUP BY 1 '
        "HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        source=one.label,
    )
    if rows:
        raise InputError(
            f"{one.label}: column '{one.theirs['customer_id']}': {rows[0][0]!r} is there "
            f"{rows[0][1]} times; give one row a customer"
        )
