"""Screening of the customers table for columns that show what customers did after a cutoff."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray, IntArray
from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.features.history_halves import EVENTS, TRANSACTIONS, read_halves
from engagement_ml.formatting import listed, number, percent
from engagement_ml.inputs import Tables
from engagement_ml.models.leak_tests import LeakEvidence, leak_evidence
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.covariates import Covariates
    from engagement_ml.features.history_halves import HistoryHalves

MIN_CUSTOMERS = 200
"""Customers with a long enough history that the tests need."""
MAX_CUSTOMERS = 3000
"""Customers, drawn at random, that the costlier test uses."""


@dataclass(frozen=True)
class Screening:
    """What the tests say about each column of the customers table.

    Attributes
    ----------
    leaks : dict of str to LeakEvidence
        Columns that show what customers did later, whether they are covariates or segments.
    tested : bool
        Whether there were enough customers.
    """

    leaks: Mapping[str, LeakEvidence]
    tested: bool


def screen_covariates(
    tables: Tables, config: PipelineConfig, windows: Windows
) -> tuple[Tables, tuple[str, ...]]:
    """Leave out covariates that show what happened after a cutoff, and say so.

    Covariates are as of the day of the export of the customers table. Columns that
    ``covariates.fixed`` names are used without a test.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows

    Returns
    -------
    tables : Tables
        With ``leaking_covariates``.
    notes : tuple of str
        Sentences on the covariates that are used, left out, and why; empty without any.

    Raises
    ------
    ConfigError
        If ``covariates.fixed`` names a column that the customers table lacks.
    """
    from engagement_ml.features.covariates import Covariates, customer_columns

    fixed = _fixed(tables, config)
    if tables.customers is None:
        return tables, ()
    covariates = Covariates.of(tables, config)
    columns = {name.removeprefix("covariate__"): v for name, v in covariates.covariates.items()}
    segments = {name.removeprefix("segment__"): v for name, v in covariates.segments.items()}
    to_test = {name: v for name, v in {**segments, **columns}.items() if name not in fixed}
    screening = _screen(tables, config, windows, covariates, to_test)
    leaking = {name: screening.leaks[name] for name in columns if name in screening.leaks}
    unusable = [name for name in customer_columns(tables).columns if name not in columns]
    notes = [
        *_left_out(leaking),
        *_segments({name: screening.leaks[name] for name in segments if name in screening.leaks}),
        *_used([name for name in columns if name not in leaking], fixed, screening.tested),
        *_unusable([name for name in unusable if name not in segments]),
    ]
    return dataclasses.replace(tables, leaking_covariates=frozenset(leaking)), tuple(notes)


def _fixed(tables: Tables, config: PipelineConfig) -> set[str]:
    """Return the columns that need no test, as the table writes them."""
    present = [] if tables.customers is None else tables.customers.collect_schema().names()
    fixed = set()
    for name in config.covariates.fixed:
        found = find(name, present)
        if found is None:
            raise ConfigError(
                f"key 'covariates.fixed': the customers table has no column '{name}'"
                f"{nearest(name, present)}"
            )
        fixed.add(found)
    return fixed


def _screen(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    covariates: Covariates,
    columns: Mapping[str, pd.Series],
) -> Screening:
    import pandas as pd

    if not columns:
        return Screening({}, tested=True)
    halves = read_halves(tables, config, windows)
    if halves is None:
        return Screening({}, tested=False)
    place = covariates.ids.get_indexer(pd.Index(halves.ids))
    halves = _at(halves, place >= 0)
    place = place[place >= 0]
    if len(place) < MIN_CUSTOMERS:
        return Screening({}, tested=False)
    active = _active(halves)
    drawn = np.random.default_rng(config.random_seed).permutation(active)[:MAX_CUSTOMERS]
    found = {}
    for name, values in columns.items():
        numbers, levels = _numbers(values)
        here = numbers[place]
        if len(np.unique(here)) > 1:
            found[name] = leak_evidence(here, levels, halves, drawn)
    return Screening({name: each for name, each in found.items() if each.leaks}, tested=True)


def _active(halves: HistoryHalves) -> IntArray:
    """Return the places of customers whose past tells something.

    The first purchase may tell a plan by its price. If it came after the middle, only the whole
    history would tell it, and the plan would look like a leak.
    """
    events, paid = (halves.before[name] > 0 for name in (EVENTS, TRANSACTIONS))
    both = np.flatnonzero(events & paid)
    return both if len(both) >= MIN_CUSTOMERS else np.flatnonzero(events | paid)


def _at(halves: HistoryHalves, keep: AnyArray) -> HistoryHalves:
    return dataclasses.replace(
        halves,
        ids=halves.ids[keep],
        before={name: values[keep] for name, values in halves.before.items()},
        after={name: values[keep] for name, values in halves.after.items()},
        past=halves.past[keep],
        whole=halves.whole[keep],
    )


def _numbers(values: pd.Series) -> tuple[FloatArray, bool]:
    """Return a column as numbers, NaN for null, and whether they are codes of levels."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan), False
    codes = values.astype("category").cat.codes.to_numpy(dtype=np.float64)
    return np.where(codes < 0, np.nan, codes), True


def _left_out(leaking: Mapping[str, LeakEvidence]) -> list[str]:
    if not leaking:
        return []
    reasons = listed(f"'{name}' ({_reason(each)})" for name, each in leaking.items())
    return [
        "left out of models and evaluation, as they show what customers did after the cutoffs: "
        f"{reasons}; if one was known at sign-up and never changes, name it under "
        "'covariates.fixed'"
    ]


def _segments(leaking: Mapping[str, LeakEvidence]) -> list[str]:
    return [
        f"segment '{name}' shows what customers did after the cutoffs ({_reason(each)}), so "
        "differences between its values are partly differences of the outcome itself"
        for name, each in leaking.items()
    ]


def _reason(evidence: LeakEvidence) -> str:
    if evidence.determined:
        return (
            f"what customers did up to the end explains {percent(evidence.by_whole)} of it, what "
            f"they did up to the middle of the history {percent(evidence.by_past)}"
        )
    assert evidence.collider is not None
    return (
        f"among customers with the same value, {evidence.collider.quantity} before and after the "
        f"middle of the history have a correlation of {number(evidence.collider.within, 2)}, as "
        "parts of one total have"
    )


def _used(used: Sequence[str], fixed: Iterable[str], tested: bool) -> list[str]:
    if not used:
        return []
    note = (
        f"covariates are as of the export of the customers table, at every cutoff: {_quoted(used)}"
    )
    if not tested and set(used) - set(fixed):
        note += (
            f"; fewer than {MIN_CUSTOMERS} customers have a history long enough to test whether "
            "these show what happened after a cutoff"
        )
    return [note]


def _unusable(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [
        f"columns of the customers table that are no covariates: {_quoted(names)}"
        " (dates, lists, text with more than 100 values, or no value at all)"
    ]


def _quoted(names: Iterable[str]) -> str:
    return listed(f"'{name}'" for name in names)
