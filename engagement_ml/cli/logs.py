"""Standard error of a command as log lines: text or JSON, one line for each event."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import typer

from engagement_ml.masking import masked

PACKAGE = "engagement_ml"
_EXTRAS = ("step", "seconds", "exit_status")
"""Attributes of records that become keys in JSON."""


class LogFormat(StrEnum):
    """How log lines are written."""

    text = "text"
    json = "json"


@contextmanager
def log_lines(log_format: LogFormat | None, *, quiet: bool) -> Iterator[None]:
    """Write the log records of this package on standard error while the context is open.

    Parameters
    ----------
    log_format : LogFormat or None
        With a format, steps and notes are written as well as warnings; without one, warnings only:
        as a note for people on a terminal, else as text.
    quiet : bool
        Write warnings and errors only.
    """
    logger = logging.getLogger(PACKAGE)
    handler, before = _StandardError(), logger.level
    handler.setFormatter(_formatter(log_format))
    level = logging.WARNING if quiet or log_format is None else logging.INFO
    handler.setLevel(level)
    if logger.getEffectiveLevel() > level or log_format is not None:
        # Other libraries keep to warnings.
        logger.setLevel(level)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def write_error(
    message: str, exit_status: int, log_format: LogFormat | None, *, debug: bool
) -> None:
    """Write the error that ends a command as one line, and after `debug` its traceback.

    The traceback is part of the line in JSON.
    """
    message = masked(" ".join(message.split()))
    if log_format is None:
        if debug:
            typer.echo(masked(traceback.format_exc()), err=True)
        typer.echo(message, err=True)
        return
    extra = {"exit_status": exit_status}
    message = message.removeprefix("error: ")
    logging.getLogger(PACKAGE).error("%s", message, exc_info=debug, extra=extra)


class _StandardError(logging.Handler):
    """Writes to what standard error is now: tests and progress bars replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(masked(self.format(record)), err=True)


class _Note(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"note: {record.getMessage()}"


class _Text(logging.Formatter):
    """``2024-05-31T14:30:00.123Z WARNING engagement_ml.workflow: the events are old``."""

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(record.getMessage().split())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{_moment(record)} {record.levelname} {record.name}: {line}{trace}"


class _Json(logging.Formatter):
    """An object with ``time``, ``level``, ``logger``, ``message``, and ``seconds`` of a step."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False, default=str)


def _formatter(log_format: LogFormat | None) -> logging.Formatter:
    if log_format is LogFormat.json:
        return _Json()
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return _Note() if log_format is None and on_terminal else _Text()


def _moment(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"
