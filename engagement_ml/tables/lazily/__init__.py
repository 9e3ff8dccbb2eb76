"""Tables read on any lazy engine, by Narwhals expressions: what DuckDB has SQL of its own for."""

from __future__ import annotations

from engagement_ml.tables.lazily.keeping import LazyKept
from engagement_ml.tables.lazily.reading import keep_lazily, read_lazily

__all__ = ["LazyKept", "keep_lazily", "read_lazily"]
