"""Worlds with known truth: ``make_world(kind, n_customers, n_weeks, seed)``.

>>> world = make_world("confounded", 300, 60, seed=1)
>>> sorted(world.truth.drivers)[:1] <= sorted(world.truth.verdicts)
True
"""

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
from benchmarks.recovery.draw import WEEK, Drawn, Ledger, draw, streams, weekly_sum
from benchmarks.recovery.kinds import CATALOGUE
from benchmarks.recovery.subscriber import SUBSCRIBER, make_subscriber
from benchmarks.recovery.truth import Truth, truth_of

KINDS: tuple[str, ...] = (*CATALOGUE, *SUBSCRIBER)
CAPS = {"few_customers": (400, None), "short_history": (None, 30)}


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
    """Tables as the contract has them, what a user would configure, and the truth.

    The tables and the truth are made when first asked for.
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
    find_truth: Callable[[], Truth] = field(repr=False)
    settings: dict[str, object] = field(default_factory=dict)
    dated: render.Dated = field(default_factory=dict, repr=False)
    columns: dict[str, NDArray[np.object_]] = field(default_factory=dict, repr=False)
    has_customers: bool = True
    has_costs: bool = False
    drawn: Drawn | None = field(default=None, repr=False)

    @cached_property
    def truth(self) -> Truth:
        return self.find_truth()

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
        events = render.event_table(self.counts, self.behaviours, self.dated, self._rng(0))
        churn = self.settings.get("churn")
        if isinstance(churn, dict):
            name = str(churn["event_type"])
            return render.with_cancellations(events, self.leave, self.n_weeks, name)
        return events

    @cached_property
    def transactions(self) -> pd.DataFrame:
        book = self.ledger
        return render.transaction_table(
            self.n_customers, book.customer, book.day, book.revenue, book.margin,
            costs=self.has_costs,
        )  # fmt: skip

    @cached_property
    def customers(self) -> pd.DataFrame | None:
        if not self.has_customers:
            return None
        columns = {name: pd.Series(values) for name, values in self.columns.items()}
        return render.customer_table(self.entry, columns, self._rng(1))

    def weekly(self) -> Weekly:
        """Return the simulation's own weekly arrays, without any feature code."""
        book, n, n_weeks = self.ledger, self.n_customers, self.n_weeks

        def summed(amount: NDArray[np.float64]) -> NDArray[np.float64]:
            return weekly_sum(book.customer, book.day, amount, n, n_weeks)

        return Weekly(
            behaviours=self.behaviours,
            counts=self.counts,
            gain=summed(np.maximum(book.margin, 0.0)),
            loss=summed(np.maximum(-book.margin, 0.0)),
            orders=summed(((book.margin > 0) | (book.revenue > 0)) * 1.0).astype(np.float32),
            entry=self.entry,
            exit=np.minimum(self.leave, n_weeks),
            segments=self.columns,
        )

    def write(self, folder: Path) -> Path:
        """Write the tables as Parquet files and the configuration beside them; return its path."""
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


def make_world(kind: str, n_customers: int, n_weeks: int, seed: int) -> World:
    """Draw one world.

    Parameters
    ----------
    kind : one of KINDS
    n_customers, n_weeks : size; `few_customers` and `short_history` have at most 400 and 30
    seed : roles, rates, memories, strengths and luck

    Raises
    ------
    ValueError
        Where the kind is unknown or the history too short for two windows.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of world '{kind}'; there are {', '.join(KINDS)}")
    if kind in SUBSCRIBER:
        return make_subscriber(kind, n_customers, n_weeks, seed)
    most, longest = CAPS.get(kind, (None, None))
    n = min(n_customers, most or n_customers)
    n_weeks = min(n_weeks, longest or n_weeks)
    rngs = streams(kind, seed)
    made = CATALOGUE[kind](rngs["spec"])
    if n_weeks < made.spec.observation + made.spec.outcome:
        raise ValueError(f"{n_weeks} weeks are too few: one of each window needs 24")
    drawn = draw(made.spec, n, n_weeks, rngs)
    spec, traits = drawn.mech.spec, drawn.mech.traits
    segment = np.array(spec.segments, dtype=object)[traits.segment]
    needed = bool(spec.config.get("segments")) or spec.subscription
    return World(
        kind=kind,
        n_customers=n,
        n_weeks=n_weeks,
        seed=seed,
        behaviours=spec.names,
        counts=drawn.counts,
        ledger=drawn.ledger,
        entry=traits.entry,
        leave=drawn.leave,
        find_truth=lambda: _truth(drawn, made.either, made.accepted),
        settings=dict(spec.config),
        dated=drawn.dated,
        columns={spec.segment_column: segment},
        has_customers=needed or bool(rngs["render"].random() < 0.75),
        has_costs=bool(rngs["render"].random() < 0.4),
        drawn=drawn,
    )


def _truth(drawn: Drawn, either: frozenset[str], accepted: dict[str, frozenset[str]]) -> Truth:
    book = drawn.ledger
    n, n_weeks = drawn.counts.shape[:2]
    margin = weekly_sum(book.customer, book.day, book.margin, n, n_weeks)
    return truth_of(drawn.mech, drawn.latent, drawn.counts, margin, drawn.leave, either, accepted)


__all__ = ["KINDS", "WEEK", "Truth", "Weekly", "World", "make_world"]
