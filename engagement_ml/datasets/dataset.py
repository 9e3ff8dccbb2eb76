"""Data set in the columns of the input tables, and its Parquet files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engagement_ml.errors import ConfigError
from engagement_ml.sources import write_whole

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Dataset:
    """Tables for a pipeline, with the assumptions behind them.

    Attributes
    ----------
    name : str
    events, transactions : DataFrame
        In the columns of the input tables; timestamps are naive UTC.
    customers : DataFrame or None
    assumptions : tuple of str
        Sentences that readers of results need: how margin is derived, and which rows are left out
        and why.
    """

    name: str
    events: pd.DataFrame = field(repr=False)
    transactions: pd.DataFrame = field(repr=False)
    customers: pd.DataFrame | None = field(repr=False)
    assumptions: tuple[str, ...]


class HasTables(Protocol):
    """Anything with the tables of a pipeline: a `Dataset`, a `Shop` or a `Preset`."""

    @property
    def events(self) -> pd.DataFrame:
        """Events table."""

    @property
    def transactions(self) -> pd.DataFrame:
        """Transactions table: purchases and returns."""

    @property
    def customers(self) -> pd.DataFrame | None:
        """Customers table; None if there is none."""


def write_dataset(dataset: HasTables, folder: str | Path) -> tuple[Path, ...]:
    """Write ``events.parquet``, ``transactions.parquet`` and other tables to a folder.

    Parameters
    ----------
    dataset : Dataset, Shop or Preset
    folder : path
        Created if it does not exist. Each file is written completely or not at all, and replaces
        a file of the same name; without customers there is no ``customers.parquet``, and without
        surveys no ``surveys.parquet``.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from engagement_ml.datasets import make_shop
    >>> written = write_dataset(make_shop(n_customers=5, n_weeks=2), tempfile.mkdtemp())
    >>> [path.name for path in written]
    ['events.parquet', 'transactions.parquet', 'customers.parquet']
    """
    tables = {
        "events": dataset.events,
        "transactions": dataset.transactions,
        "customers": dataset.customers,
        "surveys": getattr(dataset, "surveys", None),
    }
    written = []
    for name, table in tables.items():
        path = Path(folder) / f"{name}.parquet"
        if table is None:
            path.unlink(missing_ok=True)
            continue
        with write_whole(path) as temporary:
            table.to_parquet(temporary, index=False)
        written.append(path)
    return tuple(written)


def check_rate(margin_rate: float) -> None:
    """Check that an assumed margin is a share of sales.

    Raises
    ------
    ConfigError
        If it does not lie between 0 and 1.

    Examples
    --------
    >>> check_rate(25)
    Traceback (most recent call last):
    ...
    engagement_ml.errors.ConfigError: margin_rate: give a share of sales between 0 and 1, found 25
    """
    if not 0 <= margin_rate <= 1:
        raise ConfigError(
            f"margin_rate: give a share of sales between 0 and 1, found {margin_rate}"
        )
