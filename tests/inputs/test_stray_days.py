"""Stray days: the same history with them as without, through every door, and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import ConfigError, InputError, NotEnoughDataError
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.ledger.cache import events as cache_events
from engagement_ml.windows import plan_windows
from tests.engines.conftest import PolarsEngine

DAYS = pd.date_range("2024-01-01", "2024-12-31", unit="us")
STRAYS = ["0001-01-01", "0024-05-05", "1970-01-01", "2010-05-05", "2026-10-01"]
WINDOWS = {"observation_days": 84, "outcome_days": 84, "every_days": 28}


def config(**history: Any) -> PipelineConfig:
    return parse_config({"name": "stray", "windows": WINDOWS, "history": history})


def table(n: int, column: str, value: Any, *more: str) -> pd.DataFrame:
    moments = [*np.resize(DAYS.to_numpy(), n), *np.array(more, "datetime64[us]")]
    frame = pd.DataFrame({"customer_id": np.arange(len(moments)) % 7, column: value})
    return frame.assign(timestamp=np.array(moments, "datetime64[us]"))


def tables(*strays: str) -> dict[str, pd.DataFrame]:
    return {
        "events": table(1000, "event_type", "visit", *strays),
        "transactions": table(700, "margin", 1.5, *strays),
    }


def as_csv(frame: pd.DataFrame, folder: Path, name: str) -> Any:
    text = pl.from_pandas(frame).with_columns(pl.col("timestamp").dt.to_string("%Y-%m-%d"))
    text.write_csv(folder / f"{name}.csv")
    return folder / f"{name}.csv"


def as_parquet(frame: pd.DataFrame, folder: Path, name: str) -> Any:
    frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder / f"{name}.parquet"


def as_database(frame: pd.DataFrame, folder: Path, name: str) -> Any:
    with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
        connection.register("given", frame)
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    return folder / f"{name}.duckdb"


DOORS: dict[str, Callable[[pd.DataFrame, Path, str], Any]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "large parquet": as_parquet,
    "duckdb": as_database,
    "pandas": lambda frame, folder, name: frame,
    "polars": lambda frame, folder, name: pl.from_pandas(frame),
    "lazy engine": lambda frame, folder, name: pl.from_pandas(frame).lazy(),
}


def read(
    door: str, frames: dict[str, pd.DataFrame], folder: Path, settings: PipelineConfig
) -> tuple[Tables, int]:
    sources = {name: DOORS[door](frame, folder, name) for name, frame in frames.items()}
    with PolarsEngine() if door == "lazy engine" else open_duckdb(threads=1) as engine:
        found = read_tables(settings, engine, sources)
        events = found.events.collect("pyarrow").to_native().num_rows
        assert found.ledger is not None
        counted = found.ledger.collect("pyarrow").to_native()["n"].to_pylist()
        assert sum(counted) == events == found.quality[0].rows_kept
        return found, found.transactions.collect("pyarrow").to_native().num_rows


@pytest.mark.parametrize("door", DOORS)
def test_stray_days_do_not_change_the_history(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if door == "large parquet":
        monkeypatch.setattr(cache_events, "MIN_CACHED_BYTES", 0)
    frames = tables(*STRAYS)
    settings = config().model_copy(
        update={"engine": config().engine.model_copy(update={"keep": str(tmp_path / "keep")})}
    )
    found, paid = read(door, frames, tmp_path, settings)
    assert (str(found.history.start), str(found.history.end)) == ("2024-01-01", "2025-01-01")
    assert len(plan_windows(found.history, settings.windows).cutoffs) <= 8
    assert paid == 700
    floor = ("before 1990-01-01 (history.earliest)", 3)
    early = ("before 2024-01-01, far from all other days", 1)
    assert [(d.reason, d.rows) for d in found.quality[0].dropped] == [
        floor, ("after the last day of transactions", 1), early,
    ]  # fmt: skip
    late = ("after 2024-12-31, far from all other days", 1)
    assert [(d.reason, d.rows) for d in found.quality[1].dropped] == [floor, early, late]
    said = "\n".join(found.notes)
    assert "1 row of transactions was dropped: after 2024-12-31, far from" in said
    assert "3 rows of events were dropped: before 1990" in said


def test_strays_can_be_kept_and_limits_can_be_set(tmp_path: Path) -> None:
    frames = tables("2010-05-05", "2026-10-01")
    kept, paid = read("pandas", frames, tmp_path, config(drop_distant=False))
    assert (str(kept.history.end), paid) == ("2026-10-02", 702)
    limits = config(earliest="2024-02-01", latest="2024-11-30")
    inside, _ = read("pandas", frames, tmp_path, limits)
    assert (str(inside.history.start), str(inside.history.end)) == ("2024-02-01", "2024-12-01")


@pytest.mark.parametrize("door", ["pandas", "lazy engine"])
def test_the_future_is_refused_unless_a_last_day_is_configured(door: str, tmp_path: Path) -> None:
    frames = tables("2199-01-01")
    with pytest.raises(InputError, match=r"no timestamp in the future, .*'history: \{latest"):
        read(door, frames, tmp_path, config())
    found, paid = read(door, frames, tmp_path, config(latest="2024-12-31"))
    assert (str(found.history.end), paid) == ("2025-01-01", 700)


def test_a_good_copy_of_an_event_outlives_the_one_of_1970(tmp_path: Path) -> None:
    frames = tables("1970-01-01")
    ids = [f"e{i}" for i in range(1000)]
    frames["events"] = frames["events"].assign(event_id=[*ids, "e5"])
    for door in ("pandas", "lazy engine"):
        found, _ = read(door, frames, tmp_path, config())
        assert found.quality[0].rows_kept == 1000


@pytest.mark.parametrize("door", ["csv", "lazy engine"])
def test_implausible_signups_are_missing(door: str, tmp_path: Path) -> None:
    customers = pd.DataFrame(
        {"customer_id": range(3), "signup": np.array(["1970-01-01", "2020-01-01", "NaT"], "M8[us]")}
    )
    if door == "csv":
        customers = customers.assign(signup=["1970-01-01", "2020-01-01", None])
        customers.to_csv(tmp_path / "c.csv", index=False)
    sources: dict[str, Any] = {**tables(), "customers": customers}
    if door == "csv":
        sources["customers"] = tmp_path / "c.csv"
    else:
        sources = {name: pl.from_pandas(frame).lazy() for name, frame in sources.items()}
    with PolarsEngine() if door == "lazy engine" else open_duckdb(threads=1) as engine:
        found = read_tables(config(), engine, sources)
        assert found.customers is not None
        signups = found.customers.collect("pyarrow").to_native()["signup"]
        assert signups.null_count == 2
    assert "1 signup of customers before 1990-01-01 (history.earliest) was treated as missing" in (
        found.notes
    )


def test_all_rows_before_the_first_plausible_day(tmp_path: Path) -> None:
    frames = tables()
    frames["transactions"] = table(3, "margin", 1.0).assign(
        timestamp=np.array(["0024-01-01", "0024-01-02", "0024-01-03"], "M8[us]")
    )
    with pytest.raises(NotEnoughDataError, match=r"\(3 before 1990-01-01 \(history.earliest\)\)"):
        read("pandas", frames, tmp_path, config())


def test_the_history_ends_where_events_end(tmp_path: Path) -> None:
    frames = tables()
    events = frames["events"]
    frames["events"] = events[events["timestamp"] < "2024-07-01"]
    found, _ = read("pandas", frames, tmp_path, config())
    assert str(found.history.end) == "2024-09-23"  # the last outcome window after 30 June
    assert any(note.startswith("events end on 2024-06-30, 184 days before") for note in found.notes)


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"key 'history': 'latest' \(2020-01-01\) is before"):
        config(earliest="2021-01-01", latest="2020-01-01")
