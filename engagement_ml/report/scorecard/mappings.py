"""Tables of mappings, whatever keys they have: customers to act on, evidence, contestants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import (
    DASH,
    as_date,
    day,
    finite,
    first_upper,
    listed,
    number,
    one_line,
)
from engagement_ml.report.scorecard import words
from engagement_ml.report.scorecard.tables import (
    Cell,
    Column,
    Table,
    chip_cell,
    number_cell,
    text_cell,
    value_cell,
)
from engagement_ml.report.scorecard.values import Writer, as_value

_ID = "customer_id"
"""Ids are text, also if they are numbers."""
_BOUNDS = ("low", "high")
_MONEY = ("margin", "effect", "revenue", "cost")
_SENTENCES = ("reason", "sentence", "comment", "note", "why", "reasons")
_HEADINGS = {
    "low": "From",
    "high": "To",
    "more_answers": "More people needed",
    "adds": "Adds to a forecast",
    "predicts": "Predicts margin",
    "moves": "Moves with margin",
    "apart": "What sets it apart",
    "stayed": "Those who did not turn",
}


def mapping_table(
    key: str,
    caption: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    currency: str = "",
    entity: str = "customer",
    skip: Sequence[str] = (),
) -> Table | None:
    """Return a table with a column for each key; ``low`` and ``high`` go below the number before.

    Parameters
    ----------
    key, caption : str
        As of `Table`.
    rows : sequence of mapping
    currency : str
        Of the keys that are amounts, such as ``margin`` and ``effect``.
    entity : str
        Heading of ``customer_id``.
    skip : sequence of str
        Keys that are not shown.
    """
    names = [n for n in dict.fromkeys(n for row in rows for n in row) if n not in skip]
    if not names:
        return None
    main = _with_interval(names, rows)
    shown = [name for name in names if main is None or name not in _BOUNDS]
    headings = {**_HEADINGS, _ID: first_upper(one_line(entity))}
    columns = tuple(_column(name, rows, headings, main) for name in shown)
    writers = {name: Writer("currency", currency) for name in names if _is_money(name)}
    body = tuple(
        tuple(
            _cell(row, column, name, main, writers.get(name, Writer("score")))
            for column, name in zip(columns, shown, strict=True)
        )
        for row in rows
    )
    return Table(key, caption, columns, body)


def _is_money(name: str) -> bool:
    return name.replace("_", " ").split(" ")[0] in _MONEY


def _with_interval(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the key that ``low`` and ``high`` belong to: the last number before them."""
    if not set(_BOUNDS) <= set(names):
        return None
    before = names[: min(names.index(bound) for bound in _BOUNDS)]
    numbers = [n for n in before if any(finite(row.get(n)) is not None for row in rows)]
    return numbers[-1] if numbers else None


def _column(
    name: str, rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str], main: str | None
) -> Column:
    title = headings.get(name) or first_upper(one_line(name).replace("_", " "))
    given = [row[name] for row in rows if row.get(name) is not None and name != _ID]
    as_numbers = [as_value(each) for each in given]
    if given and all(each is not None for each in as_numbers):
        composed = name == main or any(finite(each) is None for each in given)
        kept = (name, f"{name}_low", f"{name}_high") if composed else (name,)
        return Column(title, kept, "number")
    return Column(title, (name,))


def _cell(
    row: Mapping[str, Any], column: Column, name: str, main: str | None, write: Writer
) -> Cell:
    given = row.get(name)
    if name == main:
        given = {"value": given, "low": row.get("low"), "high": row.get("high")}
    if column.kind == "number":
        value = as_value(given)
        if len(column.csv) == 3:
            return value_cell(value, write, note=True)
        plain = None if value is None else value.value
        money = _is_money(name)
        return number_cell(plain, write(plain) if money else number(plain))
    if name == "verdict" and given is not None:
        known, verdict = list(words.VERDICTS), str(given)
        order = known.index(verdict) if verdict in known else len(known)
        return chip_cell(words.verdict_chip(verdict), verdict, order)
    if (date := as_date(given)) is not None:
        return Cell(day(given), date.isoformat(), (given,))
    shown = _words(given) if name != _ID or given is None else str(given)
    return text_cell(shown, wide=name in _SENTENCES or len(shown or "") > 40)


def _words(given: Any) -> str | None:
    """Return a text, a list or a mapping in words."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return listed([f"{name} {_words(value)}" for name, value in given.items()])
    if isinstance(given, list | tuple | set | frozenset):
        return "; ".join(str(_words(each)) for each in given)
    if isinstance(given, bool):
        return "yes" if given else "no"
    return number(given) if finite(given) is not None else str(given) or DASH
