"""Engine factory: opens the engine that the configuration or the given frames require."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engagement_ml.config import EngineConfig
from engagement_ml.engine.base import Engine
from engagement_ml.engine.duckdb import DuckDBEngine


def open_engine(config: EngineConfig, frames: Mapping[str, Any] | None = None) -> Engine:
    """Open the configured engine or, if none is configured, the one that holds the frames.

    Parameters
    ----------
    config : EngineConfig
    frames : mapping of table name to path or frame, optional
        The Spark session of a PySpark frame is used, and the frame is not collected.

    Returns
    -------
    Engine
        A context manager; leaving it closes the engine.

    Raises
    ------
    InputError
        If the engine rejects a setting.
    MissingDependencyError
        If PySpark or Java is absent.

    Examples
    --------
    >>> with open_engine(EngineConfig()) as engine:
    ...     engine.local
    True
    """
    spark_frame = next((frame for frame in (frames or {}).values() if is_spark(frame)), None)
    if config.kind == "spark" or (config.kind is None and spark_frame is not None):
        from engagement_ml.engine.spark import SparkEngine

        session = None if spark_frame is None else spark_frame.sparkSession
        return SparkEngine.connect(config, session)
    return open_duckdb(config.memory, Path(config.spill) if config.spill else None, config.threads)


def open_duckdb(
    memory_limit: str | None = None,
    temp_directory: Path | None = None,
    threads: int | None = None,
) -> DuckDBEngine:
    """Open DuckDB in memory; see ``DuckDBEngine.connect``."""
    return DuckDBEngine.connect(memory_limit, temp_directory, threads)


def is_spark(frame: Any) -> bool:
    """Return whether a frame is a PySpark DataFrame.

    Examples
    --------
    >>> is_spark("events.parquet")
    False
    """
    frame_type = type(frame)
    return frame_type.__module__.startswith("pyspark.sql") and frame_type.__name__ == "DataFrame"
