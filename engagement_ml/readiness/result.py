"""The result of a check: faults, notes, and what the tables allow; plain data for JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from engagement_ml.plain_types import plain
from engagement_ml.readiness.maturity import Maturity
from engagement_ml.readiness.outcomes import Outcome
from engagement_ml.readiness.variation import Variation
from engagement_ml.tables.quality import Dropped

FORMAT = 1
"""Version of the JSON document; it changes if a field is renamed or removed."""


@dataclass(frozen=True)
class Fault:
    """A fault that would stop training.

    Attributes
    ----------
    table : str or None
        Name of the input table; None for the configuration, and for what concerns several tables.
    message : str
        One line that names the file, column, row or key, what was found and what to do.
    """

    table: str | None
    message: str


@dataclass(frozen=True)
class SampledRows:
    """The part of a large table that was read.

    Attributes
    ----------
    rows, of_rows : int
    row_groups, of_row_groups : int
        Of the Parquet files.
    """

    rows: int
    of_rows: int
    row_groups: int
    of_row_groups: int


@dataclass(frozen=True)
class CheckedTable:
    """What was counted of one table.

    Attributes
    ----------
    table, source : str
    columns : tuple of str
        The columns that are used, by their names here.
    rows_read, rows_kept : int or None
        None if the rows could not be read.
    dropped : tuple of Dropped
    first, last : datetime or None
        Earliest and latest timestamp of the usable rows, naive UTC.
    sampled : SampledRows or None
        None if all rows were read.
    """

    table: str
    source: str
    columns: tuple[str, ...]
    rows_read: int | None = None
    rows_kept: int | None = None
    dropped: tuple[Dropped, ...] = ()
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    sampled: SampledRows | None = None


@dataclass(frozen=True)
class CheckedHistory:
    """The history, and the cutoffs that it allows.

    Attributes
    ----------
    first, last : date
    days : int
    train_cutoffs, test_cutoffs : tuple of date
        Without the latter, nothing can be evaluated out of time.
    """

    first: dt.date
    last: dt.date
    days: int
    train_cutoffs: tuple[dt.date, ...] = ()
    test_cutoffs: tuple[dt.date, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """What ``check`` found out.

    Attributes
    ----------
    name : str or None
        Name of the pipeline; None if the configuration cannot be read.
    currency, entity : str
    faults : tuple of Fault
        All that would stop training.
    notes : tuple of str
        What was dropped or assumed, how the tables meet, and what is unusual.
    tables : tuple of CheckedTable
    history : CheckedHistory or None
    variation : Variation or None
        None if it was not measured; a note says why.
    outcomes : tuple of Outcome
        Which outcomes and measures the tables support.
    maturity : Maturity or None
        How far the data carry, and what to record next.
    """

    name: str | None
    currency: str = "EUR"
    entity: str = "customer"
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    tables: tuple[CheckedTable, ...] = ()
    history: CheckedHistory | None = None
    variation: Variation | None = None
    outcomes: tuple[Outcome, ...] = ()
    maturity: Maturity | None = None

    @property
    def usable(self) -> bool:
        """Whether training could start."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document, see ``docs/reference/check-json.md``."""
        content = dataclasses.asdict(self)
        document: dict[str, Any] = plain({"format": FORMAT, "usable": self.usable, **content})
        return document
