"""Parsing of expressions; sqlglot is loaded only here, and only if an expression is used."""

from __future__ import annotations

import logging
import re
from typing import Any

from engagement_ml.errors import ConfigError

LONGEST = 10_000
"""Most characters of an expression."""


def parse(text: str, key: str) -> Any:
    """Return the syntax tree of one expression.

    Parameters
    ----------
    text : str
    key : str
        Key of the expression in the configuration, for messages.

    Raises
    ------
    ConfigError
        If the text is no single expression.

    Examples
    --------
    >>> parse("price * quantity", "shape.transactions.values.margin").sql()
    'price * quantity'
    """
    import sqlglot

    if len(text) > LONGEST:
        raise ConfigError(f"key '{key}': is longer than {LONGEST:,} characters; shorten it")
    log = logging.getLogger("sqlglot")
    level = log.level
    # It would warn of statements that are refused below.
    log.setLevel(logging.CRITICAL)
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise ConfigError(
            f"key '{key}': cannot be read as an expression: {_reason(error)}, found {text!r}; "
            "text goes in single quotes; names with blanks, and words of SQL, in double quotes"
        ) from None
    finally:
        log.setLevel(level)
    if len(trees) != 1 or trees[0] is None:
        raise ConfigError(f"key '{key}': give one expression, found {text!r}")
    return trees[0]


def _reason(error: Exception) -> str:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    plain = re.sub(r"\x1b\[[0-9;]*m", "", first)
    plain = re.sub(r"Required keyword: .* missing for <[^>]*>", "an argument is missing", plain)
    return re.sub(r"\. Line [0-9]+, Col: ([0-9]+)\.?.*", r" at character \1", plain).rstrip(".")
