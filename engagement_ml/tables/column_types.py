"""DuckDB's types by what they can hold, and text that looks like a number and is a code."""

from __future__ import annotations

import re

INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
"""DuckDB's integer types."""
ENUM, NUMBER, MOMENT = (
    re.compile(pattern)
    for pattern in (
        r"ENUM\(.*\)",
        r"FLOAT|DOUBLE|BOOLEAN|DECIMAL\([0-9]+,[0-9]+\)",
        r"DATE|TIMESTAMP[A-Z_ ]*",
    )
)
"""DuckDB's types of text with few values, of other numbers and of moments; none is a list."""
NESTED = re.compile(r"^(STRUCT|MAP|UNION)\(|\[[0-9]*\]$|^BLOB$")
"""DuckDB's types of records, lists and bytes, which are no text."""
CODE = r"^[+-]?0[0-9]|[0-9]{16}"
"""Regular expression: digits of a code, such as a postcode, that a number would not keep."""
OPEN_ENDED = ("due", "from", "to")
"""Columns of times that may lie in the future, or beyond the plausible days."""
