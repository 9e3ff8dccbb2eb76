"""Required columns of one table, and the line of the configuration that names those it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engagement_ml.errors import InputError, Report, stop
from engagement_ml.tables.schema import ANONYMOUS, COLUMNS, REQUIRED, listed
from engagement_ml.tables.usual_names import likely_column
from engagement_ml.yaml_line import yaml_line

PLACEHOLDER = "YOUR_COLUMN"
"""Stands for the name of a column that no name of the source is near."""


def check_required(
    name: str,
    label: str,
    columns: Collection[str],
    mapped: Mapping[str, str | None],
    report: Report = stop,
    *,
    identified: bool = False,
) -> None:
    """Check that a table has its required columns.

    Parameters
    ----------
    name : str
        Name of the input table.
    label : str
        Name of the source in messages.
    columns : collection of str
        Columns of the source, under their names here.
    mapped : mapping of str to str or None
        What the configuration says already, which the proposed line repeats. A mapped column
        that is missing has been reported under its name in the source.
    report : callable, optional
        Called with each missing column; by default, the first is raised.
    identified : bool, default False
        Whether events need an ``anonymous_id``.

    Raises
    ------
    InputError
        If a column is missing. The message has the line to write, with the usual and near names
        that the source has.
    """
    known = {ours for ours, source in mapped.items() if source is not None}
    missing = [column for column in _missing(name, columns, identified) if column not in known]
    guesses: dict[str, str] = {}
    for column in missing:
        unused = [each for each in columns if each not in COLUMNS[name]]
        near = likely_column(name, column, [c for c in unused if c not in guesses.values()])
        guesses[column] = near or PLACEHOLDER
    if list(guesses.items()) == [("margin", PLACEHOLDER)]:
        guesses = _revenue_and_cost(name, columns) or guesses
    line = yaml_line("columns", {name: {**mapped, **guesses}})
    for column in missing:
        report(
            InputError(
                f"{label}: column '{column}'{_alternative(column, columns)} is missing from table "
                f"'{name}'; {_advice(column, guesses, line)}; the columns are {listed(columns)}"
            )
        )


def _advice(column: str, guesses: Mapping[str, str], line: str) -> str:
    if column not in guesses:
        return f"if these are revenue and cost, write '{line}'"
    if guesses[column] == PLACEHOLDER:
        return f"write '{line}' with the name that it has"
    return f"if it is '{guesses[column]}', write '{line}'"


def _missing(name: str, columns: Collection[str], identified: bool) -> list[str]:
    first = (ANONYMOUS,) if identified and name == "events" else ()
    missing = [column for column in (*first, *REQUIRED[name]) if column not in columns]
    if name == "transactions" and "margin" not in columns:
        if "revenue" not in columns:
            missing.append("margin")
        elif "cost" not in columns:
            missing.append("cost")
    return missing


def _alternative(column: str, columns: Collection[str]) -> str:
    if column == ANONYMOUS:
        return " (required with 'identities')"
    if column == "margin":
        return " (or 'revenue' with 'cost')"
    if column == "cost" and "revenue" in columns:
        return " (required with 'revenue'; or give 'margin')"
    return ""


def _revenue_and_cost(name: str, columns: Collection[str]) -> dict[str, str]:
    """Return the columns that could be revenue and cost; nothing if only one has such a name."""
    unused = [each for each in columns if each not in COLUMNS[name]]
    found = {each: likely_column(name, each, unused) for each in ("revenue", "cost")}
    return {each: near for each, near in found.items() if near is not None and all(found.values())}
