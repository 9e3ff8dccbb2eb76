"""Required columns of one table, and the line of the configuration that names those it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engagement_ml.errors import InputError
from engagement_ml.tables.schema import COLUMNS, REQUIRED, listed
from engagement_ml.tables.usual_names import likely_column
from engagement_ml.yaml_line import yaml_line

PLACEHOLDER = "YOUR_COLUMN"
"""Stands for the name of a column that no name of the source is near."""


def check_required(
    name: str, label: str, columns: Collection[str], mapped: Mapping[str, str]
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
    mapped : mapping of str to str
        What the configuration says already, which the proposed line repeats.

    Raises
    ------
    InputError
        If a column is missing. The message has the line to write, with the usual and near names
        that the source has.
    """
    missing = _missing(name, columns)
    if not missing:
        return
    guesses: dict[str, str] = {}
    for column in missing:
        unused = [each for each in columns if each not in COLUMNS[name]]
        near = likely_column(name, column, [c for c in unused if c not in guesses.values()])
        guesses[column] = near or PLACEHOLDER
    if list(guesses.items()) == [("margin", PLACEHOLDER)]:
        guesses = _revenue_and_cost(name, columns) or guesses
    line = yaml_line("columns", {name: {**mapped, **guesses}})
    first, guess = missing[0], next(iter(guesses.values()))
    advice = f"if it is '{guess}', write '{line}'"
    if guess == PLACEHOLDER:
        advice = f"write '{line}' with the name that it has"
    elif first not in guesses:
        advice = f"if these are revenue and cost, write '{line}'"
    raise InputError(
        f"{label}: column '{first}'{_alternative(first, columns)} is missing from table '{name}'; "
        f"{advice}; the columns are {listed(columns)}"
    )


def _missing(name: str, columns: Collection[str]) -> list[str]:
    missing = [column for column in REQUIRED[name] if column not in columns]
    if name == "transactions" and "margin" not in columns:
        if "revenue" not in columns:
            missing.append("margin")
        elif "cost" not in columns:
            missing.append("cost")
    return missing


def _alternative(column: str, columns: Collection[str]) -> str:
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
