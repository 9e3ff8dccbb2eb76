"""The columns of a measure in a pass over rows that several measures share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

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
    cubes : bool, default False
        Whether sums of products of three columns are needed.
    """

    name: str
    columns: tuple[str, ...]
    rows: Rows
    prefix: str
    cubes: bool = False

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

    @property
    def places(self) -> list[tuple[int, ...]]:
        """Places of the columns whose products are summed: one, two and maybe three."""
        k = len(self.columns)
        return [
            each
            for size in (1, 2, 3)[: 3 if self.cubes else 2]
            for each in combinations_with_replacement(range(k), size)
        ]

    def sum_name(self, places: tuple[int, ...]) -> str:
        """Return the name of the sum of the product of columns."""
        return "_".join((self.prefix, "s", *map(str, places)))
