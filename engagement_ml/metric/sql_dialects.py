"""SQL dialects: names, texts, numbers and moments as each writes them.

Five dialects are written by hand. Any other that sqlglot knows is transpiled from a generic one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engagement_ml.errors import InputError, nearest
from engagement_ml.metric import moments
from engagement_ml.metric.values import is_writable, shown
from engagement_ml.usable_rows import NOT_IDS

Dialect = Literal["duckdb", "spark", "postgres", "bigquery", "snowflake"]
DEFAULT_COLUMNS = ("customer_id", "timestamp", "event_type", "event_id")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^."`][^.]*')
_GENERIC = "generic"


@dataclass(frozen=True)
class Rules:
    r"""How a dialect writes what the queries need.

    Attributes
    ----------
    double, text : str
        Types of floats and of text.
    micros : callable
        From SQL of a date or timestamp to SQL of its microseconds since 1970, in UTC: an instant
        if it has a time zone, whatever the zone of the session; None to compare moments as they
        are.
    quote : str
        Quotes names.
    backslash_in_names, backslash_in_text : bool
        Whether a backslash escapes.
    doubled_quote_in_text : bool
        Whether ``''`` is a quote in text; else ``\\'`` is.
    folds_up : bool
        Whether names without quotes are stored in capital letters.
    has_nan : bool
        Whether ``CAST('NaN' AS double)`` can be compared with.
    """

    double: str
    text: str
    micros: Callable[[str], str] | None
    quote: str = '"'
    backslash_in_names: bool = False
    backslash_in_text: bool = False
    doubled_quote_in_text: bool = True
    folds_up: bool = False
    has_nan: bool = True

    def name(self, name: str) -> str:
        """Return the name of a column of events; the documented ones need no quotes."""
        return name if name in DEFAULT_COLUMNS else self.quoted(name)

    def quoted(self, name: str) -> str:
        """Return a name in quotes, in capital letters if the dialect stores it so."""
        if self.folds_up and _PLAIN.fullmatch(name) and (name.islower() or name.isupper()):
            name = name.upper()
        return self._in_quotes(name)

    def table(self, name: str) -> str:
        """Return a table's name; dots outside of quotes separate its parts.

        Raises
        ------
        InputError
            If a part is empty.
        """
        valid = isinstance(name, str) and bool(name) and is_writable(name)
        if not valid or ".".join(_PART.findall(name)) != name:
            raise InputError(
                f"table {shown(name)} is not the name of a table; give one like mart.events, "
                'with double quotes around a part that holds dots: mart."events.2024"'
            )
        parts = _PART.findall(name)
        if all(_PLAIN.fullmatch(part) for part in parts):
            return name
        return ".".join(self._in_quotes(_unquoted(part)) for part in parts)

    def literal(self, text: str) -> str:
        """Return text as a literal."""
        escaped = text.replace("\\", "\\\\") if self.backslash_in_text else text
        escaped = escaped.replace("'", "''" if self.doubled_quote_in_text else "\\'")
        if self.backslash_in_text:
            escaped = escaped.replace("\n", "\\n").replace("\r", "\\r")
        return f"'{escaped}'"

    def moment(self, column: str) -> str:
        """Return SQL of a timestamp that can be compared with `moment_literal`."""
        return column if self.micros is None else self.micros(column)

    def moment_literal(self, moment: dt.datetime) -> str:
        """Return SQL of a naive moment in UTC."""
        if self.micros is None:
            return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"
        return str(moments.micros(moment))

    def has_customer(self, column: str) -> str:
        """Return the condition that an id identifies a customer."""
        texts = ", ".join(self.literal(text) for text in NOT_IDS)
        return f"{column} IS NOT NULL AND TRIM(CAST({column} AS {self.text})) NOT IN ({texts})"

    def count(self, column: str, cap: float) -> str:
        """Return SQL of a count as a float between 0 and the cap; null and NaN are 0."""
        x = f"CAST({column} AS {self.double})"
        # A generic database may lack NaN; where there is one, it is no finite number.
        is_number = f"{x} <> CAST('NaN' AS {self.double})" if self.has_nan else f"{x} <= {_LARGEST}"
        return (
            f"CASE WHEN {x} > 0 AND {is_number} THEN LEAST({x}, {number(cap)}) "
            f"ELSE {number(0.0)} END"
        )

    def _in_quotes(self, name: str) -> str:
        if self.backslash_in_names:
            escaped = name.replace("\\", "\\\\").replace(self.quote, f"\\{self.quote}")
            escaped = escaped.replace("\n", "\\n").replace("\r", "\\r")
        else:
            escaped = name.replace(self.quote, self.quote * 2)
        return f"{self.quote}{escaped}{self.quote}"


def number(value: float) -> str:
    """Return a float literal.

    A literal with an exponent is a float; without one, engines compute in decimals.

    Examples
    --------
    >>> number(0.5), number(1e300)
    ('0.5e0', '1e+300')
    """
    text = repr(value)
    return text if "e" in text else f"{text}e0"


_LARGEST = "1.7976931348623157e308"
_RULES = {
    "duckdb": Rules("DOUBLE", "VARCHAR", "epoch_us({})".format),
    "postgres": Rules(
        "DOUBLE PRECISION", "TEXT", "EXTRACT(EPOCH FROM {}) * 1000000".format
    ),
    "snowflake": Rules(
        "DOUBLE", "VARCHAR", "DATE_PART(EPOCH_MICROSECOND, {})".format,
        backslash_in_text=True, folds_up=True,
    ),
    "spark": Rules(
        "DOUBLE", "STRING", moments.spark_micros, "`",
        backslash_in_text=True, doubled_quote_in_text=False,
    ),
    "bigquery": Rules(
        "FLOAT64", "STRING", "UNIX_MICROS(CAST({} AS TIMESTAMP))".format, "`",
        backslash_in_names=True, backslash_in_text=True, doubled_quote_in_text=False,
    ),
    _GENERIC: Rules("DOUBLE", "VARCHAR", None, has_nan=False),
}  # fmt: skip

_RULES["databricks"] = _RULES["spark"]


def rules_of(dialect: str) -> Rules:
    """Return the rules of a dialect; those of a generic one if it is to be transpiled.

    Raises
    ------
    InputError
        If neither this package nor sqlglot knows the dialect.
    """
    if isinstance(dialect, str) and dialect != _GENERIC:
        if dialect in _RULES:
            return _RULES[dialect]
        if dialect in _others():
            return _RULES[_GENERIC]
    known = [name for name in _RULES if name != _GENERIC]
    others = _others()
    raise InputError(
        f"to_sql: dialect {shown(dialect)} is not known{nearest(str(dialect), [*known, *others])}; "
        f"known are {', '.join(known)}, and by sqlglot {', '.join(others)}"
    )


def transpiled(sql: str, dialect: str) -> str:
    """Return SQL of the generic rules in another dialect; that of a dialect by hand as it is.

    Raises
    ------
    InputError
        If sqlglot cannot write the query in this dialect.
    """
    if dialect in _RULES:
        return sql
    import sqlglot

    try:
        (written,) = sqlglot.transpile(
            sql, read="duckdb", write=dialect, pretty=True, comments=False,
            unsupported_level=sqlglot.ErrorLevel.RAISE,
        )  # fmt: skip
    except sqlglot.errors.SqlglotError as error:
        raise InputError(f"to_sql: dialect '{dialect}' cannot express it: {error!s:.200}") from None
    return written


def _others() -> list[str]:
    from sqlglot.dialects.dialect import Dialect as AnyDialect

    return sorted(name for name in AnyDialect.classes if name and name not in _RULES)


def _unquoted(part: str) -> str:
    for quote in ('"', "`"):
        if len(part) > 1 and part.startswith(quote) and part.endswith(quote):
            return part[1:-1].replace(quote * 2, quote)
    return part
