"""Values of ``customer_id`` that identify no customer, and numbers that no longer identify one."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.engine.numbers import not_nan_sql
from engagement_ml.usable_rows import NOT_IDS

ACTOR = "actor_id"
"""Column of links that holds ids of the same kind as ``customer_id``."""
EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}
"""Up to this size a column of floats holds every whole number; beyond, neighbours are merged."""
FLOATS = tuple(EXACT)
GUARD = "a number that does not fit"
"""The error of a guarded view, which the validation then explains."""
_LONGEST = max(map(len, NOT_IDS))
_LIST = ", ".join(f"'{text}'" for text in NOT_IDS)


def id_sql(value: str, of_type: str) -> str:
    """Return SQL for an id as it is given; null if it identifies no customer.

    Parameters
    ----------
    value : str
        SQL of the id; text, or of a numeric type.
    of_type : str
        DuckDB type of the column, ``"VARCHAR"`` for any text.

    Examples
    --------
    >>> id_sql("x", "DOUBLE"), id_sql("x", "BIGINT")
    ('CASE WHEN (isfinite(x) OR isinf(x)) THEN x END', 'x')
    """
    if of_type in FLOATS:
        return f"CASE WHEN {not_nan_sql(value)} THEN {value} END"
    if of_type != "VARCHAR":
        return value
    # The length is cheap to test, and most ids are longer or differ at once.
    missing = f"strlen({value}) <= {2 * _LONGEST} AND trim({value}) IN ({_LIST})"
    return f"CASE WHEN {missing} THEN NULL ELSE {value} END"


def id_expression(name: str) -> nw.Expr:
    """Return a column of ids as text; null if it identifies no customer."""
    return nw.when(~is_no_id(name)).then(nw.col(name)).alias(name)


def is_no_id(name: str) -> nw.Expr:
    """Return the condition of text that identifies no customer; null for null."""
    return nw.col(name).str.strip_chars().is_in(list(NOT_IDS))


def without_placeholders(ids: Any) -> Any:
    """Return an Arrow array of text ids with null for those that identify no customer.

    Examples
    --------
    >>> import pyarrow as pa
    >>> without_placeholders(pa.array(["ann", "null", " "])).to_pylist()
    ['ann', None, None]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(pc.utf8_trim_whitespace(ids), value_set=pa.array(NOT_IDS, ids.type))
    return pc.if_else(missing, pa.scalar(None, ids.type), ids) if pc.any(missing).as_py() else ids


def inexact_message(of_type: str) -> str:
    """Return what is expected of ids in a column of floats."""
    return (
        f"an id of at most {EXACT[of_type]:,} in size, as a column of {of_type} merges larger "
        "numbers; give ids as integers or as text"
    )
