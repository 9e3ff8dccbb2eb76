"""Text in CSV files that a spreadsheet would run as a formula, and the text behind it.

A cell that begins with ``=``, ``+``, ``-`` or ``@``, a tab or a line break is a formula for a
spreadsheet, also in quotes, unless it is a number. A leading apostrophe makes it text.
"""

from __future__ import annotations

import re

_START = r"^'*[=+@\t\r\n-]"
_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_IS_FORMULA, _IS_NUMBER = re.compile(_START), re.compile(_NUMBER)


def guarded(text: str) -> str:
    """Return a cell that a spreadsheet shows as `text`; `unguarded` reverses it.

    Examples
    --------
    >>> guarded("=1+1"), guarded("-12.5"), guarded("visit"), guarded("'=1")
    ("'=1+1", '-12.5', 'visit', "''=1")
    """
    if _IS_FORMULA.match(text) and not _IS_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` made a cell of.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _IS_FORMULA.match(cell) else cell


def guarded_sql(column: str) -> str:
    """Return `guarded` of a text column as an expression of DuckDB; `column` is quoted."""
    start = _START.replace("'", "''")
    return (
        f"CASE WHEN regexp_matches({column}, '{start}') "
        f"AND NOT regexp_full_match({column}, '{_NUMBER}') THEN '''' || {column} "
        f"ELSE {column} END"
    )
