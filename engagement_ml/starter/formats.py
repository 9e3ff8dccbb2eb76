"""Public export formats: the columns that show a format, and what each of them means here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engagement_ml.column_names import fold


@dataclass(frozen=True)
class Use:
    """One way to fill a column of ours from the columns of an export.

    Attributes
    ----------
    expression : str
        A column, or an SQL expression over columns.
    needs : tuple of str
        The columns that the expression reads; empty for a single column.
    """

    expression: str
    needs: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Return the columns that must be present."""
        return self.needs or (self.expression,)

    @property
    def is_column(self) -> bool:
        """Whether the expression is the name of a column."""
        return not self.needs


Uses = Mapping[str, tuple[Use, ...]]


@dataclass(frozen=True)
class Template:
    """How an export fills one table.

    Attributes
    ----------
    uses : mapping of str to tuple of Use
        By column of ours; the first use whose columns are present counts.
    where : tuple of Use
        Conditions for rows to be read, all that can be checked.
    constants : mapping of str to str
    time : str or None
        Format of the times; None looks at the values.
    notes : tuple of str
        What the user should know.
    """

    uses: Uses
    where: tuple[Use, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purchases:
    """Which events of an export are purchases, and what they bring.

    Attributes
    ----------
    bought, returned : tuple of str
        Event types, in lower case.
    revenue, given_back : tuple of Use
        Amount of a purchase, and of a refund if it has a column of its own.
    uses : mapping of str to tuple of Use
        Other columns of the transactions.
    """

    bought: tuple[str, ...]
    returned: tuple[str, ...]
    revenue: tuple[Use, ...]
    given_back: tuple[Use, ...] = ()
    uses: Uses = field(default_factory=dict)


@dataclass(frozen=True)
class ExportFormat:
    """A public export format.

    Attributes
    ----------
    name : str
    signature : tuple of tuple of str
        The export has one column of each group.
    tables : mapping of str to Template
        By input table.
    purchases : Purchases or None
        For exports of events.
    noise : tuple of str
        Event types that a program causes, not a person.
    """

    name: str
    signature: tuple[tuple[str, ...], ...]
    tables: Mapping[str, Template]
    purchases: Purchases | None = None
    noise: tuple[str, ...] = ()

    def matches(self, columns: Collection[str]) -> bool:
        """Return whether a source with these columns has the format; case does not matter."""
        present = {fold(column) for column in columns}
        return all(any(fold(name) in present for name in group) for group in self.signature)


def pick(uses: tuple[Use, ...], columns: Collection[str]) -> Use | None:
    """Return the first use whose columns are present.

    Examples
    --------
    >>> pick((Use("paid_at"), Use("created_at")), ["created_at"]).expression
    'created_at'
    """
    present = {fold(column) for column in columns}
    return next((u for u in uses if all(fold(c) in present for c in u.columns())), None)
