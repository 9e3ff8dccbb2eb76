"""All input tables read and checked together: ``read_tables`` returns ``Tables``."""

from __future__ import annotations

from engagement_ml.inputs.event_types import GroupedTypes, with_grouped_types
from engagement_ml.inputs.reading import read_tables
from engagement_ml.inputs.tables import Tables
from engagement_ml.ledger.cache.partitions import LedgerPartition
from engagement_ml.tables.quality import Dropped, TableQuality

__all__ = [
    "Dropped",
    "GroupedTypes",
    "LedgerPartition",
    "TableQuality",
    "Tables",
    "read_tables",
    "with_grouped_types",
]
