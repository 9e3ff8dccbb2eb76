"""Content-addressed cache of the feature file.

The key is a hash of everything that the features depend on: definitions, settings and data.
"""

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
"""Version of the computation; raise it if features change and their catalogue does not."""


def features_key(tables: Tables, config: PipelineConfig, windows: Windows) -> str | None:
    """Return the cache key of the features, None if nothing is cached.

    Data after the last outcome window is not part of the key, nor are events after the last cutoff
    unless churn is an event. With exact ``windows.cutoffs``, a run on one more day of data finds
    the features in the cache.
    """
    from engagement_ml.features.catalogue import catalogue

    engine = tables.engine
    if not tables.partitions or not isinstance(engine, DuckDBEngine):
        return None
    end = windows.outcome(windows.cutoffs[-1]).end
    events_end = end if config.churn.kind == "event" else windows.cutoffs[-1]
    fingerprints = {quality.table: quality.fingerprint for quality in tables.quality}
    dependencies = [
        VERSION,
        __version__,
        catalogue(config),
        [str(cutoff) for cutoff in windows.cutoffs],
        [str(cutoff) for cutoff in windows.train],
        [windows.observation_days, windows.gap_days, windows.outcome_days],
        str(tables.history.start),
        config.history.model_dump(mode="json"),
        next(str(q.first) for q in tables.quality if q.table == "events"),
        tables.behaviours,
        {column: sorted(kinds) for column, kinds in tables.amounts.items()},
        config.churn.model_dump(mode="json"),
        config.features.model_dump(mode="json"),
        config.segments,
        [tables.grouped_types.name, sorted(tables.leaking_covariates)],
        fingerprints.get("customers"),
        _transactions_before(engine, tables, str(end)),
        sorted(part.name for part in tables.partitions if part.first < events_end),
    ]
    return hashlib.sha256(json.dumps(dependencies).encode()).hexdigest()


def cached(
    config: PipelineConfig, key: str | None, target: Path, write: Callable[[Path], None]
) -> None:
    """Copy `target` from the cache if it holds `key`; else call `write` and cache the file.

    The cache holds one feature file per pipeline name.
    """
    if key is None or config.engine.keep is None:
        write(target)
        return
    slug = re.sub(r"[^a-z0-9]+", "-", config.name.lower())
    with open_store(Path(config.engine.keep) / f"features-{slug}") as store:
        name = f"features-{key[:32]}.parquet"
        if store is not None and store.has(name):
            shutil.copyfile(store.path(name), target)
            return
        write(target)
        if store is not None:
            with store.new(name) as copy:
                shutil.copyfile(target, copy)
            store.put(name, {})
            store.retain({name})


def _transactions_before(engine: DuckDBEngine, tables: Tables, end: str) -> list[str]:
    """Return the first moment, the count and order-free hashes of the transactions before `end`."""
    view = tables.transactions.to_native().sql_query()
    hashed = 'hash("customer_id", "timestamp", "margin")'
    (row,) = engine.query(
        f"SELECT count(*), sum({hashed}), bit_xor({hashed}) FROM ({view}) "
        f"WHERE \"timestamp\" < TIMESTAMP '{end}'",
        source="transactions",
    )
    first = next(str(q.first) for q in tables.quality if q.table == "transactions")
    return [first, *map(str, row)]
