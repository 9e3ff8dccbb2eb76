"""Tables of the page: what a cell shows, how it sorts, and what the CSV file holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from engagement_ml.formatting import DASH, finite, number, one_line
from engagement_ml.report.interactive import csv_text
from engagement_ml.report.scorecard.values import Writer
from engagement_ml.scorecard.card import Value


@dataclass(frozen=True)
class Column:
    """A column; `csv` names the columns of the file that it makes, none for a drawing.

    `kind` is ``text``, ``number`` or ``drawing``: how it sorts and is aligned. A column that is not
    `shown` is in the file only.
    """

    title: str
    csv: tuple[str, ...] = ()
    kind: str = "text"
    shown: bool = True


@dataclass(frozen=True)
class Chip:
    """A word with a sign and a tone: good, bad, warn or plain."""

    name: str
    sign: str
    tone: str


@dataclass(frozen=True)
class Cell:
    """What one place of a table holds.

    Attributes
    ----------
    text : str or Markup
    sort : float, str or None
        None sorts last.
    raw : tuple
        A value for each name in the column's `csv`.
    under : str
        A smaller line below.
    chip : Chip or None
        Shown instead of the text.
    link : str
        Anchor on the page.
    hidden : str
        For screen readers only.
    heat : float or None
        Share of the deepest colour, negative for the colour of losses.
    wide : bool
        Whether the text is a sentence.
    """

    text: str = ""
    sort: float | str | None = None
    raw: tuple[Any, ...] = ()
    under: str = ""
    chip: Chip | None = None
    link: str = ""
    hidden: str = ""
    heat: float | None = None
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table that sorts and can be downloaded; the first cell of a row is its heading.

    Attributes
    ----------
    key : str
        Of the page's anchors, and the name of the file.
    caption : str
    columns : tuple of Column
    rows : tuple of tuple of Cell
    records : tuple of mapping
        Rows of the file, if it has other columns than the table.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    records: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def shown(self) -> list[list[tuple[Column, Cell]]]:
        """The rows as the page shows them: each cell with its column."""
        return [
            [(c, cell) for c, cell in zip(self.columns, row, strict=True) if c.shown]
            for row in self.rows
        ]

    @property
    def headings(self) -> list[Column]:
        """The columns that the page shows."""
        return [column for column in self.columns if column.shown]

    @property
    def file(self) -> str:
        """Name of the CSV file."""
        return f"{self.key}.csv"

    def csv(self) -> str:
        """Return the file; text that a spreadsheet would run as a formula is neutralised."""
        if self.records:
            names = list(self.records[0])
            return csv_text(names, [[row[name] for name in names] for row in self.records])
        names = [name for column in self.columns for name in column.csv]
        return csv_text(names, [[raw for cell in row for raw in cell.raw] for row in self.rows])


def text_cell(text: Any, *, under: str = "", link: str = "", wide: bool = False) -> Cell:
    """Return a cell of a user's text."""
    raw = None if text is None else str(text)
    shown = "" if raw is None else one_line(raw)
    return Cell(
        shown or DASH, shown.casefold() or None, (raw,), one_line(under), link=link, wide=wide
    )


def number_cell(value: float | None, text: str | None = None, *, under: str = "") -> Cell:
    """Return a cell of a number, written as `text` or by the common rules."""
    shown = number(value) if text is None else text
    return Cell(shown, finite(value), (value,), under)


def value_cell(
    value: Value | None, write: Writer, raw: tuple[Any, ...] | None = None, *, note: bool = False
) -> Cell:
    """Return a cell of a value with its interval; why there is none is shown if `note`.

    Else it is for screen readers, as in a matrix, where the same note would be repeated.
    """
    if value is None:
        return Cell(DASH, None, (None, None, None) if raw is None else raw, hidden="no data")
    kept = (value.value, value.low, value.high) if raw is None else raw
    if finite(value.value) is None:
        why = one_line(value.note) or "no data"
        return Cell(DASH, None, kept, why if note else "", hidden="" if note else why)
    shown, interval = write.parts(value)
    return Cell(shown, finite(value.value), kept, interval)


def drawing_cell(drawing: Markup | str) -> Cell:
    """Return a cell that holds a drawing only."""
    return Cell(text=drawing)


def chip_cell(chip: Chip, raw: str, order: float) -> Cell:
    """Return a cell of a word with a sign, which sorts by `order`."""
    return Cell(chip.name, order, (raw,), chip=chip)
