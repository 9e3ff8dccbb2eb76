"""A simulated data set: input tables, configuration, weekly arrays and ground truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from benchmarks.recovery import render
from benchmarks.recovery.draw import History, Ledger, weekly_sum
from benchmarks.recovery.truth import Truth


@dataclass(frozen=True)
class Weekly:
    """Dense weekly arrays; a customer is at risk in weeks [entry, exit)."""

    behaviours: tuple[str, ...]
    counts: NDArray[np.float32]  # (n, T, B)
    gain: NDArray[np.float64]  # (n, T)
    loss: NDArray[np.float64]  # (n, T), ≥ 0
    orders: NDArray[np.float32]  # (n, T) transactions with positive margin or revenue
    entry: NDArray[np.int64]  # (n,)
    exit: NDArray[np.int64]  # (n,)
    segments: dict[str, NDArray[np.object_]]


@dataclass(frozen=True)
class World:
    """Simulated input tables, a matching configuration, and the ground truth.

    Tables and truth are computed on first access.
    """

    kind: str
    n_customers: int
    n_weeks: int
    seed: int
    behaviours: tuple[str, ...]
    counts: NDArray[np.float32] = field(repr=False)
    ledger: Ledger = field(repr=False)
    entry: NDArray[np.int64] = field(repr=False)
    leave: NDArray[np.int64] = field(repr=False)
    compute_truth: Callable[[], Truth] = field(repr=False)
    settings: dict[str, object] = field(default_factory=dict)
    event_times: render.EventTimes = field(default_factory=dict, repr=False)
    columns: dict[str, NDArray[np.object_]] = field(default_factory=dict, repr=False)
    has_customers: bool = True
    has_costs: bool = False
    history: History | None = field(default=None, repr=False)

    @cached_property
    def truth(self) -> Truth:
        """The ground truth."""
        return self.compute_truth()

    @cached_property
    def config(self) -> dict[str, object]:
        """The configuration without its sources."""
        costs = {b: {"cost_per_event": c} for b, c in self.truth.cost.items() if c}
        config: dict[str, object] = {"name": self.kind.replace("_", "-"), **self.settings}
        return config | ({"behaviours": costs} if costs else {})

    def _rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 977, part])

    @cached_property
    def events(self) -> pd.DataFrame:
        """Events with customer, time and type, in time order."""
        events = render.event_table(self.counts, self.behaviours, self.event_times, self._rng(0))
        churn = self.settings.get("churn")
        if isinstance(churn, dict):
            name = str(churn["event_type"])
            return render.with_cancellations(events, self.leave, self.n_weeks, name)
        return events

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """Transactions with customer, time, revenue and margin (or cost), in time order."""
        ledger = self.ledger
        return render.transaction_table(
            self.n_customers, ledger.customer, ledger.day, ledger.revenue, ledger.margin,
            costs=self.has_costs,
        )  # fmt: skip

    @cached_property
    def customers(self) -> pd.DataFrame | None:
        """Customers with sign-up time and segments, or None."""
        if not self.has_customers:
            return None
        columns = {name: pd.Series(values) for name, values in self.columns.items()}
        return render.customer_table(self.entry, columns, self._rng(1))

    def weekly(self) -> Weekly:
        """Return the simulation's weekly arrays, computed without the package's features."""
        ledger, n, n_weeks = self.ledger, self.n_customers, self.n_weeks

        def by_week(amount: NDArray[np.float64]) -> NDArray[np.float64]:
            return weekly_sum(ledger.customer, ledger.day, amount, n, n_weeks)

        return Weekly(
            behaviours=self.behaviours,
            counts=self.counts,
            gain=by_week(np.maximum(ledger.margin, 0.0)),
            loss=by_week(np.maximum(-ledger.margin, 0.0)),
            orders=by_week(((ledger.margin > 0) | (ledger.revenue > 0)) * 1.0).astype(np.float32),
            entry=self.entry,
            exit=np.minimum(self.leave, n_weeks),
            segments=self.columns,
        )

    def write(self, folder: Path) -> Path:
        """Write the tables as Parquet files and the configuration; return the latter's path."""
        folder.mkdir(parents=True, exist_ok=True)
        sources = {}
        for table in ("events", "transactions", "customers"):
            frame = getattr(self, table)
            if frame is not None:
                frame.to_parquet(folder / f"{table}.parquet", index=False)
                sources[table] = f"{table}.parquet"
        config = {**self.config, "sources": sources, "tracking": {"uri": None}}
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path
