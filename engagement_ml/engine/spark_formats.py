"""Formats of strptime in Spark SQL: the parts of a text are put together as ISO 8601."""

from __future__ import annotations

from engagement_ml.config.formats import directives, format_pattern
from engagement_ml.engine.notation import Notation

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def literal(text: str) -> str:
    """Return a text as a literal of Spark SQL, in which a backslash escapes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def format_sql(text: str, notation: Notation) -> str:
    """Return SQL for text in the notation's format as naive timestamp, local or UTC.

    Spark's own formats read other texts than DuckDB's; this reads the same.
    """
    given = notation.text_format or ""
    found = directives(given)

    def part(letter: str) -> str:
        return f"regexp_extract({text}, {literal(format_pattern(given, letter))}, 1)"

    def two(letter: str) -> str:
        return f"lpad({part(letter)}, 2, '0')" if letter in found else "'00'"

    fraction = f", '.', left({part('f')}, 6)" if "f" in found else ""
    hour = _hour_of_twelve(part("I"), part("p")) if "I" in found else two("H")
    iso = (
        f"concat({_year(found, part('Y'), part('y'))}, '-', {_month(found, part)}, '-', "
        f"{two('d')}, ' ', {hour}, ':', {two('M')}, ':', {two('S')}{fraction})"
    )
    moment = _with_offset(iso, part("z")) if "z" in found else f"try_cast({iso} AS TIMESTAMP_NTZ)"
    return f"CASE WHEN {text} RLIKE {literal(format_pattern(given))} THEN {moment} END"


def _year(found: list[str], four: str, two: str) -> str:
    if "Y" in found:
        return four
    return f"concat(CASE WHEN CAST({two} AS INT) >= 69 THEN '19' ELSE '20' END, {two})"


def _month(found: list[str], part: object) -> str:
    assert callable(part)
    if "m" in found:
        return f"lpad({part('m')}, 2, '0')"
    letter, length = ("b", 3) if "b" in found else ("B", None)
    cases = " ".join(
        f"WHEN '{name[:length]}' THEN '{number:02}'" for number, name in enumerate(_MONTHS, start=1)
    )
    return f"CASE lower({part(letter)}) {cases} END"


def _hour_of_twelve(hour: str, half: str) -> str:
    number = f"CAST({hour} AS INT)"
    afternoon = f"CASE lower({half}) WHEN 'pm' THEN 12 ELSE 0 END"
    text = f"lpad(CAST({number} % 12 + {afternoon} AS STRING), 2, '0')"
    return f"CASE WHEN {number} BETWEEN 1 AND 12 THEN {text} END"


def _with_offset(iso: str, offset: str) -> str:
    minutes = f"CASE WHEN length({offset}) > 3 THEN right({offset}, 2) ELSE '00' END"
    joined = (
        f"CASE {offset} WHEN 'Z' THEN '+00:00' ELSE concat(left({offset}, 3), ':', {minutes}) END"
    )
    instant = f"try_cast(concat({iso}, {joined}) AS TIMESTAMP)"
    seconds = f"CAST(unix_micros({instant}) AS DECIMAL(20, 0)) / 1000000"
    return f"(TIMESTAMP_NTZ'1970-01-01' + make_dt_interval(0, 0, 0, {seconds}))"
