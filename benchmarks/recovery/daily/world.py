"""A daily simulated data set: tables, configuration, weekly arrays and ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from benchmarks.recovery.daily import render
from benchmarks.recovery.daily.response import response_truth
from benchmarks.recovery.daily.simulate import History
from benchmarks.recovery.daily.spec import BURN, WINDOW
from benchmarks.recovery.daily.truth import (
    MIN_EFFECT,
    DailyTruth,
    cutoffs_of,
    effects,
    verdict_of,
)
from benchmarks.recovery.world import Weekly

WITH_DIRECTION = True  # whether configurations declare which behaviours are the company's own
CHURN_EVENT = "subscription_cancelled"


@dataclass(frozen=True, eq=False)
class DailyWorld:
    """Simulated input tables, a matching configuration, and the ground truth.

    It has the surface of ``benchmarks.recovery.world.World`` that jobs use. Tables and truth are
    computed on first access.
    """

    kind: str
    n_customers: int
    n_weeks: int
    seed: int
    history: History = field(repr=False)

    @property
    def behaviours(self) -> tuple[str, ...]:
        return self.history.plan.names

    def _rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 613, part])

    @cached_property
    def settings(self) -> dict[str, object]:
        """The configuration without its name, sources and behaviours."""
        plan = self.history.plan
        settings: dict[str, object] = {}
        if plan.declared_segments:
            settings["segments"] = list(plan.declared_segments)
        if plan.orders.hazard:
            settings["churn"] = {"kind": "event", "event_type": CHURN_EVENT}
        return settings

    @cached_property
    def config(self) -> dict[str, object]:
        """The configuration without its sources."""
        outbound = [b.name for b in self.history.plan.behaviours if b.outbound]
        config: dict[str, object] = {"name": self.kind.replace("_", "-"), **self.settings}
        if WITH_DIRECTION and outbound:
            config["behaviours"] = {name: {"direction": "outbound"} for name in outbound}
        return config

    @cached_property
    def _logged(self) -> render.Log:
        return render.logged_events(self.history, self._rng(0))

    @cached_property
    def _booked(self) -> render.Log:
        return render.booked(self.history)

    @property
    def entry_day(self) -> NDArray[np.int64]:
        """Day of entry of each customer; 0 for those there from the start."""
        return np.maximum(self.history.plan.entry - BURN, 0)

    @property
    def leave_day(self) -> NDArray[np.int64]:
        """Day of leaving of each customer; not before the end for those who stay."""
        return self.history.leave - BURN

    @cached_property
    def _members(self) -> NDArray[np.int64]:
        """Customers who had not left before the data start."""
        return np.flatnonzero(self.leave_day > 0)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Events with customer, time and type, in time order."""
        leave = self.leave_day
        left = np.flatnonzero((leave > 0) & (leave < 7 * self.n_weeks))
        churn = CHURN_EVENT if self.history.plan.orders.hazard else None
        return render.event_table(
            self._logged, self.behaviours, self.n_customers, left, leave * 1.0, churn
        )

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """Transactions with customer, time, revenue and margin, in time order."""
        return render.transaction_table(self._booked, self.n_customers)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Customers with sign-up time and segments."""
        plan = self.history.plan
        table = render.customer_table(self.entry_day, plan.segments, self._rng(1))
        return table.iloc[self._members].reset_index(drop=True)

    def weekly(self) -> Weekly:
        """Return weekly arrays; a customer is at risk from the first whole week after entry."""
        n, n_weeks, log = self.n_customers, self.n_weeks, self._booked
        gain = render.weekly_sum(log, np.maximum(log.margin, 0.0), n, n_weeks)
        loss = render.weekly_sum(log, np.maximum(-log.margin, 0.0), n, n_weeks)
        orders = render.weekly_sum(log, (log.margin > 0) * 1.0, n, n_weeks)
        return Weekly(
            behaviours=self.behaviours,
            counts=render.weekly_counts(self._logged, n, n_weeks, len(self.behaviours)),
            gain=gain,
            loss=loss,
            orders=orders.astype(np.float32),
            entry=-(-self.entry_day // 7),
            exit=np.clip(self.leave_day // 7 + 1, 0, n_weeks),
            segments=self.history.plan.segments,
        )

    @cached_property
    def truth(self) -> DailyTruth:
        """The ground truth."""
        plan, weekly = self.history.plan, self.weekly()
        std, mean_margin = self._window_statistics(weekly)
        effect, verdicts, by_segment = {}, {}, {}
        accepted, optional = dict(plan.accepted), set(plan.optional)
        for j, b in enumerate(plan.behaviours):
            changes, who = effects(self.history, j)
            effect[b.name] = float(changes.mean())
            standardised = effect[b.name] * std[b.name] / mean_margin
            verdicts[b.name], correct, either = verdict_of(b.role, standardised)
            accepted[b.name] = correct | accepted.get(b.name, frozenset())
            optional |= {b.name} if either else set()
            if b.acts and plan.declared_segments:
                values = plan.segments[plan.declared_segments[0]][who]
                by_segment[b.name] = {
                    str(v): float(changes[values == v].mean()) for v in np.unique(values)
                }
        return DailyTruth(
            verdicts=verdicts,
            accepted=accepted,
            optional=frozenset(optional),
            effect=effect,
            std=std,
            mean_margin=mean_margin,
            unmeasured=plan.unmeasured,
            segment_effect=by_segment,
            **response_truth(self.history, mean_margin),
        )

    def _window_statistics(self, weekly: Weekly) -> tuple[dict[str, float], float]:
        """Return the pooled standard deviation of window counts, and mean window margin."""
        cutoffs = [(c - BURN) // 7 for c in cutoffs_of(BURN + 7 * self.n_weeks, 28)]
        width = WINDOW // 7
        margin = weekly.gain - weekly.loss
        here = [(weekly.entry <= c) & (weekly.exit > c) for c in cutoffs]
        counts = np.concatenate(
            [
                weekly.counts[p, c - width : c].sum(axis=1)
                for p, c in zip(here, cutoffs, strict=True)
            ]
        )
        later = [margin[p, c : c + width].sum(axis=1) for p, c in zip(here, cutoffs, strict=True)]
        std = dict(zip(self.behaviours, map(float, counts.std(axis=0)), strict=True))
        return std, float(np.concatenate(later).mean())

    def write(self, folder: Path) -> Path:
        """Write the tables as Parquet files and the configuration; return the latter's path."""
        folder.mkdir(parents=True, exist_ok=True)
        sources = {}
        for table in ("events", "transactions", "customers"):
            getattr(self, table).to_parquet(folder / f"{table}.parquet", index=False)
            sources[table] = f"{table}.parquet"
        config = {**self.config, "sources": sources, "tracking": {"uri": None}}
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path


__all__ = ["MIN_EFFECT", "WITH_DIRECTION", "DailyWorld"]
