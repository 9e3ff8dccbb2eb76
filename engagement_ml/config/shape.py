"""Shape of the input tables: rows to read, how values are written, and computed columns."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from engagement_ml.column_names import find, fold
from engagement_ml.config.formats import EPOCHS, check_format
from engagement_ml.config.frozen import Frozen

Constant = str | int | float | bool


class UnrollConfig(Frozen):
    """Subscription rows with a start and an end that become one transaction per period."""

    start: str = Field(description="Column of the source with the first day of a subscription.")
    end: str | None = Field(
        default=None,
        description="Column of the source with the moment from which it no longer runs; null in a "
        "row, or without this key, it still runs.",
    )
    every: Literal["day", "week", "month", "quarter", "year"] = Field(
        default="month", description="Length of a period; each that has begun is a transaction."
    )
    amount: tuple[str, ...] = Field(
        default=("margin",),
        min_length=1,
        description="Columns of money per period: margin, or revenue and cost.",
    )

    @field_validator("amount")
    @classmethod
    def _are_money(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for column in value:
            if fold(column) not in ("margin", "revenue", "cost"):
                raise ValueError("name columns of money: margin, revenue or cost")
        return tuple(map(fold, value))


class TableShape(Frozen):
    """How the rows of one source become rows of an input table."""

    where: str | None = Field(
        default=None,
        min_length=1,
        description="Rows to read, as an SQL expression over the source's columns; rows for which "
        "it is false or null are not read.",
    )
    format: str | None = Field(
        default=None,
        min_length=1,
        description="How times that are text are written, as directives of strptime such as "
        "'%d.%m.%Y %H:%M'; or epoch s, epoch ms, epoch us or epoch ns for numbers. null is ISO "
        "8601.",
    )
    timezone: str | None = Field(
        default=None,
        description="Time zone of times that name none, such as Europe/Berlin. null is UTC.",
    )
    decimal: Literal[",", "."] | None = Field(
        default=None,
        description="Decimal mark of numbers that are text. With ',', dots and blanks between "
        "groups of three digits are taken off; with '.', commas and blanks. null takes nothing "
        "off.",
    )
    encoding: str | None = Field(
        default=None, description="Encoding of CSV and JSON files, such as cp1252. null is utf-8."
    )
    values: dict[str, str] = Field(
        default_factory=dict,
        description="Columns that are computed: the column's name here, and an SQL expression over "
        "the source's columns.",
    )
    constants: dict[str, Constant] = Field(
        default_factory=dict,
        description="Columns with one value in all rows: the column's name here, and the value.",
    )
    unroll: UnrollConfig | None = Field(
        default=None,
        description="Subscription rows that become one transaction per period; only for "
        "transactions.",
    )

    @field_validator("format")
    @classmethod
    def _is_format(cls, value: str | None) -> str | None:
        if value is not None:
            check_format(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ValueError, OSError, KeyError):
                raise ValueError(
                    "is not a time zone; give a name of the IANA database, such as Europe/Berlin"
                ) from None
        return value

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                info = codecs.lookup(value)
            except (LookupError, ValueError):
                info = None
            if info is None or not info._is_text_encoding:
                raise ValueError("is not an encoding of text; give one such as cp1252 or utf-8")
        return value

    @field_validator("constants", mode="before")
    @classmethod
    def _dates_are_text(cls, value: Any) -> Any:
        """Return dates, which YAML reads as such, as text."""
        if not isinstance(value, dict):
            return value
        return {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        seen: dict[str, str] = {}
        for key, columns in (("values", self.values), ("constants", self.constants)):
            for column in columns:
                if fold(column) in seen:
                    raise ValueError(
                        f"column '{column}' is given twice, in '{seen[fold(column)]}' and "
                        f"'{key}'; keep one"
                    )
                seen[fold(column)] = key
        if self.timezone is not None and self.format in EPOCHS:
            raise ValueError(f"times of 'format: {self.format}' are in UTC; remove 'timezone'")
        if self.timezone is not None and "%z" in (self.format or ""):
            raise ValueError(f"times of 'format: {self.format}' name their zone; remove 'timezone'")
        return self

    @property
    def given(self) -> dict[str, str]:
        """The columns that are computed or constant, each with the key that gives it."""
        return dict.fromkeys(self.values, "values") | dict.fromkeys(self.constants, "constants")


def check_shapes(
    shapes: Mapping[str, TableShape], columns: Mapping[str, Mapping[str, str | None]]
) -> None:
    """Check what the shapes of all tables must hold together.

    Parameters
    ----------
    shapes : mapping of str to TableShape
        By table.
    columns : mapping of str to mapping of str to str or None
        The configuration's ``columns``.

    Raises
    ------
    ValueError
        If another table than transactions is unrolled, or a column is given twice.
    """
    for table, shape in shapes.items():
        given = shape.given
        if shape.unroll is not None:
            if table != "transactions":
                raise ValueError(
                    f"key 'shape.{table}.unroll': only transactions can be unrolled; remove it"
                )
            if (column := find("timestamp", given)) is not None:
                raise ValueError(
                    f"key 'shape.{table}.{given[column]}.{column}': 'unroll' gives the times of "
                    "transactions; remove one of the two"
                )
            given = given | {"timestamp": "unroll"}
        for column in columns.get(table, {}):
            if (other := find(column, given)) is not None:
                key = given[other]
                place = key if key == "unroll" else f"{key}.{other}"
                raise ValueError(
                    f"column '{column}' is given twice, in 'columns.{table}' and "
                    f"'shape.{table}.{place}'; keep one"
                )
