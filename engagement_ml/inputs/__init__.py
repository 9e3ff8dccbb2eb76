"""All input tables read and checked together: ``read_tables`` returns ``Tables``."""

from __future__ import annotations

from engagement_ml.inputs.reading import read_tables
from engagement_ml.inputs.tables import Tables
from engagement_ml.ledger.cache.partitions import LedgerPartition
from engagement_ml.tables.quality import Dropped, TableQuality

__all__ = ["Dropped", "LedgerPartition", "TableQuality", "Tables", "read_tables"]
