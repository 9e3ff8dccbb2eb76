"""Names of columns compared by one rule, that of the engines: case does not matter."""

from __future__ import annotations

from collections.abc import Iterable

CLUSTER = "cluster"
"""Column of a panel whose customers are not independent of each other: who shares an actor."""


def fold(name: str) -> str:
    """Return the form in which names are compared.

    DuckDB and Spark read ``Margin`` and ``margin`` as the same column, so Python must as well.

    Examples
    --------
    >>> fold("Customer_ID") == fold("customer_id")
    True
    """
    return name.lower()


def find(name: str, names: Iterable[str]) -> str | None:
    """Return the name of the same column as it is written in `names`; None if there is none.

    Examples
    --------
    >>> find("margin", ["Margin", "revenue"])
    'Margin'
    """
    return next((each for each in names if fold(each) == fold(name)), None)


def free_name(base: str, taken: Iterable[str]) -> str:
    """Return `base` with as many underscores as set it apart from the names that are taken.

    Examples
    --------
    >>> free_name("reason_", ["Reason_", "plan"])
    'reason__'
    """
    folded = {fold(name) for name in taken}
    while fold(base) in folded:
        base += "_"
    return base
