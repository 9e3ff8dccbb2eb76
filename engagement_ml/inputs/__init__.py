"""The input tables, read and checked together."""

from __future__ import annotations

from engagement_ml.inputs.tables import Tables, read_tables
from engagement_ml.ledger.events import LedgerPart
from engagement_ml.tables.cleaning import Dropped, TableQuality

__all__ = ["Dropped", "LedgerPart", "TableQuality", "Tables", "read_tables"]
