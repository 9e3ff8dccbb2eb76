"""How moments are written: one reader of text for every engine."""

from __future__ import annotations

_DATE = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_TIME = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_OFFSET = "[+-][0-9]{2}(:?[0-9]{2})?"
_NAME = "(UTC|GMT|[A-Za-z]+/[A-Za-z0-9_+/-]+)"
MOMENT = f"^ *{_DATE}([ T]{_TIME}(Z| ?{_OFFSET}| {_NAME})?)? *$"
"""Regular expression: text that is a moment, if its date exists."""
ZONE = f"[0-9]:[0-9]{{2}}.*(Z|{_OFFSET}|{_NAME}) *$"
"""Regular expression: text that ends like a moment with a time zone."""
ABBREVIATION = f"^ *{_DATE}[ T]{_TIME} ?[A-Za-z]+ *$"
"""Regular expression: a moment with letters behind it, which mean several zones unless UTC."""
SHORT_YEAR = "^ *[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T].*)?$"
"""Regular expression: a date whose year has two digits, in any order of year, month and day."""


def text_sql(text: str) -> str:
    """Return DuckDB SQL for a text as naive UTC timestamp; null if it is none.

    DuckDB reads offsets like ``+01:00``, so ``+0100`` and a blank before it are rewritten first.
    Digits beyond microseconds are cut off.
    """
    trimmed = f"trim({text})"
    joined = f"regexp_replace({trimmed}, '([0-9]) ([+-][0-9:]+)$', '\\1\\2')"
    with_colon = f"regexp_replace({joined}, '(:.*[+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    return f"timezone('UTC', try_cast({with_colon} AS TIMESTAMPTZ))"


def typed_sql(moment: str, of_type: str) -> str:
    """Return DuckDB SQL for a date or timestamp of any precision as naive UTC timestamp.

    A cast would round nanoseconds to the next microsecond, and so to the next day.
    """
    if of_type in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        return f"make_timestamp(epoch_ns({moment}) // 1000)"
    if has_zone(of_type):
        return f"timezone('UTC', {moment})"
    return f"CAST({moment} AS TIMESTAMP)"


def has_zone(of_type: str) -> bool:
    """Return whether a DuckDB type is one of timestamps with a time zone."""
    return "TIME ZONE" in of_type or of_type.startswith("TIMESTAMPTZ")


def spark_text(text: str) -> str:
    """Return Spark SQL for a text in the form that Spark reads: dashes, no blank before a zone."""
    dashes = f"regexp_replace(trim({text}), '^([0-9]+)/([0-9]+)/', '$1-$2-')"
    joined = f"regexp_replace({dashes}, '([0-9]) ([+-]|UTC|GMT|[A-Za-z]+/)', '$1$2')"
    return f"regexp_replace({joined}, '(:.*[+-][0-9]{{2}})([0-9]{{2}})$', '$1:$2')"
