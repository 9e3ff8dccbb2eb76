"""Moments in DuckDB SQL, in the notation of their source."""

from __future__ import annotations

import re

from engagement_ml.engine.moments import ZONE, has_zone, text_sql, typed_sql
from engagement_ml.engine.notation import PLAIN, Notation, epoch_sql, format_sql, local_sql
from engagement_ml.engine.notation import number_sql as text_number_sql

NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)")
"""DuckDB's types of numbers."""
_FLOOR = "{a} // {b} - CAST({a} % {b} < 0 AS BIGINT)"


def moment_sql(value: str, of_type: str, notation: Notation = PLAIN) -> str:
    """Return SQL for a value as naive UTC timestamp; null if it is none.

    Parameters
    ----------
    value : str
        SQL of the value; empty text is null.
    of_type : str
        DuckDB type, ``"VARCHAR"`` for any text.
    notation : Notation
        How times are written in the source.
    """
    text, number = of_type == "VARCHAR", NUMBERS.fullmatch(of_type) is not None
    if notation.per_second and (text or number):
        return _epoch(value, of_type, notation.per_second)
    if notation.text_format and (text or "INT" in of_type):
        moment = format_sql(value if text else f"CAST({value} AS VARCHAR)", notation)
        zone = notation.timezone if notation.has_time else None
        return moment if zone is None else local_sql(f"({moment})", zone)
    if text and notation.timezone is not None:
        zoned = f"regexp_matches({value}, '{ZONE}') OR NOT contains({value}, ':')"
        moment = text_sql(value)
        return f"CASE WHEN {zoned} THEN {moment} ELSE {local_sql(moment, notation.timezone)} END"
    if text:
        return text_sql(value)
    moment = typed_sql(value, of_type)
    if notation.timezone is None or has_zone(of_type) or of_type == "DATE":
        return moment
    return local_sql(moment, notation.timezone)


def _epoch(value: str, of_type: str, per_second: int) -> str:
    if of_type == "VARCHAR":
        digits = f"CASE WHEN regexp_matches({value}, '^ *-?[0-9]{{1,19}} *$') THEN {value} END"
        whole = epoch_sql(f"try_cast({digits} AS BIGINT)", per_second, whole=True,
                          floor_division=_FLOOR)  # fmt: skip
        parts = epoch_sql(f"({text_number_sql(value, None)})", per_second, whole=False,
                          floor_division=_FLOOR)  # fmt: skip
        return f"make_timestamp(coalesce({whole}, {parts}))"
    if "INT" in of_type:
        return f"make_timestamp({epoch_sql(value, per_second, whole=True, floor_division=_FLOOR)})"
    number = f"CAST({value} AS DOUBLE)"
    micros = epoch_sql(number, per_second, whole=False, floor_division=_FLOOR)
    return f"CASE WHEN isfinite({number}) THEN make_timestamp({micros}) END"
