"""The columns of a measure in a pass over rows that several measures share."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw

from engagement_ml.measures.definition import Rows
from engagement_ml.measures.on_board import FLAG

ON_BOARD = "on_board"
"""Column of a kind that counts the customers who were there."""


@dataclass(frozen=True)
class Wanted:
    """The columns of one measure, as parts of a pass over rows that several measures share.

    Attributes
    ----------
    name : str
    columns : tuple of str
        Of the measure's kind, in order.
    rows : Rows
    prefix : str
        Of its columns in the pass.
    """

    name: str
    columns: tuple[str, ...]
    rows: Rows
    prefix: str

    @property
    def aliases(self) -> dict[str, str]:
        """The column of the pass for each column of the kind."""
        return {
            c: FLAG if c == ON_BOARD else f"{self.prefix}_{i}" for i, c in enumerate(self.columns)
        }

    @property
    def sums(self) -> dict[str, nw.Expr]:
        """The aggregates by customer and period, under the names of the pass."""
        given = {c: alias for c, alias in self.aliases.items() if alias != FLAG}
        return {alias: self.rows.columns[c] for c, alias in given.items()}

    @property
    def present(self) -> nw.Expr:
        """Whether a customer has a number in one of the columns that rows give."""
        return nw.any_horizontal(*(nw.col(a) != 0 for a in self.sums), ignore_nulls=True)
