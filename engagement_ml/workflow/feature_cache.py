"""Features that a run before has made already: found again by what they depend on."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import DuckDBEngine
from engagement_ml.inputs import Tables
from engagement_ml.ledger.cache.store import open_store
from engagement_ml.version import __version__
from engagement_ml.windows import Windows

VERSION = 1
"""Of how features are made: another version's are not used."""


def features_key(tables: Tables, config: PipelineConfig, windows: Windows) -> str | None:
    """Return what tells whether features would come out the same; None where nothing is kept.

    Days after the last outcome window change nothing, and neither do events after the last cutoff
    unless churn is one of them. So with exact ``windows.cutoffs`` a further day of data finds its
    features made.
    """
    engine = tables.engine
    if not tables.partitions or not isinstance(engine, DuckDBEngine):
        return None
    end = windows.outcome(windows.cutoffs[-1]).end
    seen = end if config.churn.kind == "event" else windows.cutoffs[-1]
    prints = {quality.table: quality.fingerprint for quality in tables.quality}
    told = [
        VERSION,
        __version__,
        [str(cutoff) for cutoff in windows.cutoffs],
        [str(cutoff) for cutoff in windows.train],
        [windows.observation_days, windows.gap_days, windows.outcome_days],
        str(tables.history.start),
        tables.behaviours,
        {column: sorted(kinds) for column, kinds in tables.amounts.items()},
        config.churn.model_dump(mode="json"),
        config.features.model_dump(mode="json"),
        config.segments,
        prints.get("customers"),
        _transactions_before(engine, tables, str(end)),
        sorted(part.name for part in tables.partitions if part.first < seen),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def made_once(
    config: PipelineConfig, key: str | None, target: Path, make: Callable[[Path], None]
) -> None:
    """Write `target`, from what is kept under `key`, or by `make`, and keep it then."""
    if key is None or config.engine.keep is None:
        make(target)
        return
    slug = re.sub(r"[^a-z0-9]+", "-", config.name.lower())
    with open_store(Path(config.engine.keep) / f"features-{slug}") as store:
        name = f"features-{key[:32]}.parquet"
        if store is not None and store.has(name):
            shutil.copyfile(store.path(name), target)
            return
        make(target)
        if store is not None:
            with store.new(name) as aside:
                shutil.copyfile(target, aside)
            store.put(name, {})
            store.retain({name})


def _transactions_before(engine: DuckDBEngine, tables: Tables, end: str) -> list[str]:
    view = tables.transactions.to_native().sql_query()
    hashed = 'hash("customer_id", "timestamp", "margin")'
    found = engine.query(
        f"SELECT count(*), sum({hashed}), bit_xor({hashed}) FROM ({view}) "
        f"WHERE \"timestamp\" < TIMESTAMP '{end}'",
        source="transactions",
    )
    first = next(str(q.first) for q in tables.quality if q.table == "transactions")
    return [first, *map(str, found[0])]
