"""What a file of scores says about itself: the metric's definition and the day of the scores."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.sources import parquet_files
from engagement_ml.sources.paths import duckdb_table
from engagement_ml.version import __version__

PREFIX = "engagement_ml."
HASH, AS_OF = f"{PREFIX}definition_hash", f"{PREFIX}as_of"
_SPARK = b"org.apache.spark.sql.parquet.row.metadata"


@dataclass(frozen=True)
class ScoreFacts:
    """Definition and day of scores; None if the file does not say."""

    definition_hash: str | None = None
    as_of: dt.datetime | None = None


def facts_for(metric: EngagementMetric, as_of: dt.datetime) -> dict[str, str]:
    """Return the facts as texts, for the metadata of a file or the comment of a table."""
    return {
        HASH: metric.definition_hash,
        AS_OF: as_of.isoformat(),
        f"{PREFIX}metric": metric.name,
        f"{PREFIX}version": __version__,
    }


def facts_of(source: Any) -> ScoreFacts:
    """Return the facts of a file or table of scores; none for a frame or a CSV file.

    A file that cannot be opened has none here; reading its rows says what is wrong.
    """
    if not isinstance(source, str | os.PathLike):
        return ScoreFacts()
    file, name = duckdb_table(os.fspath(source))
    if file is not None:
        texts = _of_table(Path(file), name or "since")
    else:
        texts = {}
        for parquet in parquet_files(source, "since")[:1]:
            texts = parquet_facts(parquet)
    moment = texts.get(AS_OF)
    try:
        as_of = None if moment is None else dt.datetime.fromisoformat(moment)
    except ValueError:
        as_of = None
    return ScoreFacts(texts.get(HASH), as_of)


def _of_table(file: Path, name: str) -> Mapping[str, str]:
    import duckdb

    schema, _, table = name.rpartition(".")
    query = (
        "SELECT comment FROM duckdb_tables() WHERE table_name = ? AND (? = '' OR schema_name = ?)"
    )
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            rows = connection.execute(query, [table, schema, schema]).fetchall()
    except duckdb.Error:
        return {}
    return _texts(rows[0][0]) if rows else {}


def parquet_facts(file: Path) -> Mapping[str, str]:
    """Return the texts in a Parquet file's footer that are ours; empty if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored = pq.read_metadata(file).metadata or {}
    except (OSError, pa.ArrowException):
        return {}
    plain = {k.decode(): v.decode() for k, v in stored.items() if k.startswith(PREFIX.encode())}
    return plain or _of_spark(stored.get(_SPARK))


def _of_spark(schema: bytes | None) -> Mapping[str, str]:
    """Return the texts that Spark kept with a column."""
    try:
        fields = json.loads(schema or b"{}").get("fields", [])
    except ValueError:
        return {}
    return next((f["metadata"] for f in fields if HASH in f.get("metadata", {})), {})


def _texts(comment: str | None) -> Mapping[str, str]:
    try:
        raw = json.loads(comment or "{}")
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}
