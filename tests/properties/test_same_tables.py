"""The order of rows, the number of files, and the form of the same values change nothing."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engagement_ml as em
from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import Tables, read_tables
from tests.doors import DOORS, Door, as_csv, as_parquet

WINDOWS = {"observation_days": 14, "outcome_days": 14, "every_days": 14}
CONFIG = parse_config({"name": "same", "windows": WINDOWS, "engine": {"threads": 1, "keep": None}})
START = dt.datetime(2024, 1, 1)
FORMS = ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S +0000"]
few = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Hours and amounts repeat, so that repeated ids have equal moments, too.
moments = st.integers(0, 60 * 4).map(lambda quarter: START + dt.timedelta(hours=6 * quarter))
amounts = st.integers(-40, 400).map(lambda quarters: quarters / 4)


@st.composite
def shops(draw: Any) -> dict[str, pd.DataFrame]:
    """Return tables with repeated ids, missing values and equal rows."""
    customer = st.integers(1, 4)
    kind, event_id = st.sampled_from(["visit", "call"]), st.none() | st.integers(1, 9).map(str)
    value = st.none() | amounts
    rows = draw(st.lists(st.tuples(customer, moments, kind, event_id, value), max_size=25))
    first = [(n % 4 + 1, START + dt.timedelta(days=7 * n), "visit", None, 1.0) for n in range(9)]
    names = ["customer_id", "timestamp", "event_type", "event_id", "value"]
    events = pd.DataFrame([*first, *rows], columns=names)
    events["event_id"] = events["event_id"].astype(object)
    paid = draw(st.lists(st.tuples(customer, moments, st.none() | amounts), max_size=15))
    last = [(n % 4 + 1, START + dt.timedelta(days=7 * n + 2), 2.5) for n in range(9)]
    transactions = pd.DataFrame([*last, *paid], columns=["customer_id", "timestamp", "margin"])
    # A frame's NaN is refused as an amount, so that missing ones are objects.
    transactions["revenue"] = (
        transactions.pop("margin").astype(object).where(lambda v: v.notna(), None)
    )
    return {"events": events, "transactions": transactions.assign(cost=0.5)}


def written(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return a frame with its moments as text of a form."""
    return frame.assign(timestamp=frame["timestamp"].dt.strftime(text))


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def summary(sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that later steps use of the tables."""
    with open_duckdb(threads=1) as engine:
        tables: Tables = read_tables(CONFIG, engine, sources)
        assert tables.ledger is not None
        ledger = tables.ledger.collect("pandas").to_native()
        paid = tables.transactions.collect("pandas").to_native()
    ledger["customer_id"] = ledger["customer_id"].astype(str)
    rows = ledger[sorted(ledger.columns)].astype(str)
    return {
        "ledger": sorted(rows.itertuples(index=False, name=None)),
        "paid": sorted(zip(paid["customer_id"].astype(str), paid["margin"], strict=True)),
        "counts": dict(tables.event_counts),
        "amounts": dict(tables.amounts),
        "history": tables.history,
        "quality": [
            (q.table, q.rows_read, q.rows_kept, q.dropped, q.first, q.last) for q in tables.quality
        ],
    }


def fingerprints(sources: Mapping[str, Any]) -> list[str]:
    with open_duckdb(threads=1) as engine:
        return [each.fingerprint for each in read_tables(CONFIG, engine, sources).quality]


@few
@given(shops(), st.integers(0, 99))
def test_the_order_of_rows(shop: dict[str, pd.DataFrame], seed: int) -> None:
    other = {name: shuffled(frame, seed) for name, frame in shop.items()}
    assert summary(other) == summary(shop)
    assert fingerprints(other) == fingerprints(shop)


@few
@given(shops(), st.integers(0, 99))
def test_several_files(tmp_path: Path, shop: dict[str, pd.DataFrame], seed: int) -> None:
    whole = {name: as_parquet(frame, tmp_path, name) for name, frame in shop.items()}
    parts: dict[str, Any] = {}
    cut = random.Random(seed)
    for name, frame in shop.items():
        folder = tmp_path / f"{name}-parts"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        mixed = shuffled(frame, seed)
        place = cut.randint(1, len(mixed) - 1)
        for i, part in enumerate((mixed[:place], mixed[place:])):
            # A part may lack all values of a column, and then its type.
            part.reset_index(drop=True).to_parquet(folder / f"{i}.parquet", index=False)
        parts[name] = folder
    assert summary(parts) == summary(whole)


@pytest.mark.parametrize("door", DOORS)
@few
@given(shops())
def test_every_door(tmp_path: Path, door: Door, shop: dict[str, pd.DataFrame]) -> None:
    sources = {name: door(frame, tmp_path, name) for name, frame in shop.items()}
    assert summary(sources) == summary(shop)


@few
@given(shops(), st.sampled_from(FORMS), st.booleans())
def test_the_form_of_moments_and_ids(
    tmp_path: Path, shop: dict[str, pd.DataFrame], text: str, ids_as_text: bool
) -> None:
    other = {name: written(frame, text) for name, frame in shop.items()}
    if ids_as_text:
        events = other["events"]
        other["events"] = events.assign(customer_id=events["customer_id"].astype(str))
    assert summary(other) == summary(shop)
    files = {name: as_csv(frame, tmp_path, name) for name, frame in other.items()}
    assert summary(files) == summary(shop)


@few
@given(shops(), st.integers(0, 99))
def test_features(tmp_path: Path, shop: dict[str, pd.DataFrame], seed: int) -> None:
    expected = em.features(shop["events"], shop["transactions"], config=CONFIG)
    files = {
        name: as_csv(written(shuffled(frame, seed), FORMS[2]), tmp_path, name)
        for name, frame in shop.items()
    }
    given_files = em.features(files["events"], files["transactions"], config=CONFIG)
    pd.testing.assert_frame_equal(given_files, expected, check_dtype=False)
