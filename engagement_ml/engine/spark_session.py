"""Spark session: the active one, or a local one with settings for one machine."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from engagement_ml.config import EngineConfig
from engagement_ml.config.secrets import masked_options, revealed_options
from engagement_ml.engine.base import one_line
from engagement_ml.errors import InputError, MissingDependencyError
from engagement_ml.masking import is_masked

JAVA = 17
_logger = logging.getLogger(__name__)
_COMMON_SETTINGS = {
    "spark.app.name": "engagement-ml",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    # Debugging queries Java about the session once per expression.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
_MEBIBYTES = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}


def active_session() -> Any:
    """Return the session that is active in this process, or None.

    Raises
    ------
    MissingDependencyError
        If PySpark is absent.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise MissingDependencyError(
            "'engine: spark' needs PySpark, which is not installed: "
            "pip install 'engagement-ml[spark]'"
        ) from None
    return SparkSession.getActiveSession()


def make_session(config: EngineConfig) -> Any:
    """Start Spark.

    Raises
    ------
    MissingDependencyError
        If Java is absent or too old.
    InputError
        If Spark rejects a setting.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    settings = _settings(config)
    if not (_submitted() or "spark.remote" in settings or "SPARK_REMOTE" in os.environ):
        check_java()
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    # Spark logs a failed query, and the error repeats the message.
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            with _standard_error_to(log):
                return builder.getOrCreate()
        except (PySparkException, Py4JError, ValueError) as error:
            log.seek(0)
            errors = [line for line in log.read().splitlines() if re.search("rror|xception", line)]
            reason = " ".join([one_line(error), *errors[:1]])
            shown = masked_options(settings)
            raise InputError(f"Spark does not start with {shown}: {reason}") from None


def check_java() -> None:
    """Check that a Java version is installed that Spark supports.

    Raises
    ------
    MissingDependencyError
        If Java is absent or older than `JAVA`.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    requirement = f"'engine: spark' needs Java {JAVA} or newer"
    fix = f"install one, such as OpenJDK {JAVA}, and set JAVA_HOME if it is not on PATH"
    if java is None:
        place = f"in JAVA_HOME, {home}" if home else "on PATH"
        raise MissingDependencyError(f"{requirement}, and there is none {place}; {fix}")
    process = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(?:1\.)?([0-9]+)', process.stderr + process.stdout)
    if version is not None and int(version[1]) < JAVA:
        raise MissingDependencyError(f"{requirement}, and {java} is Java {version[1]}; {fix}")


def _settings(config: EngineConfig) -> dict[str, str]:
    settings = dict(_COMMON_SETTINGS)
    if not _submitted():
        threads = config.threads or os.cpu_count() or 1
        settings |= {
            "spark.master": f"local[{threads}]",
            "spark.driver.memory": f"{_megabytes(config.memory)}m",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.log.level": "ERROR",
            "spark.sql.shuffle.partitions": str(4 * threads),
            "spark.ui.enabled": "false",
        }
        if config.spill is not None:
            settings["spark.local.dir"] = str(Path(config.spill).absolute())
        if not config.options.get("spark.master", "local").startswith("local"):
            # Executors elsewhere must find the driver.
            for key in ("spark.driver.host", "spark.driver.bindAddress"):
                del settings[key]
    return settings | _known_options(config.options)


def _known_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options with environment variables replaced, without those that are masked."""
    unknown = [name for name, value in options.items() if is_masked(value)]
    for name in unknown:
        _logger.warning(
            "key 'engine.options.%s': its value is masked, as in the files of a run, so Spark "
            "starts without it; if your sources need it, write ${NAME} in the configuration of "
            "the training and set that environment variable",
            name,
        )
    return revealed_options({n: v for n, v in options.items() if n not in unknown})


def _submitted() -> bool:
    """Return whether ``spark-submit`` started and configured this process."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _megabytes(memory: str | None) -> int:
    """Return the configured memory in mebibytes, by default half of the machine's memory."""
    if memory is None:
        try:
            machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return 2048
        return machine // 2**21
    size, unit = re.match(r"([0-9.]+) ?([A-Z])", memory.upper()).groups()  # type: ignore[union-attr]
    return max(512, round(float(size) * _MEBIBYTES[unit]))


@contextmanager
def _standard_error_to(file: IO[str]) -> Iterator[None]:
    """Redirect the standard error of processes started in the block to a file."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
