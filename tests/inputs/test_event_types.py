"""Too many event types: the rarest form one behaviour, said, listed and never selected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb, open_engine
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.features import build_panel
from engagement_ml.inputs import Tables, read_tables, with_grouped_types
from engagement_ml.ledger.cache import batches, events
from engagement_ml.windows import plan_windows
from tests.doors import DOORS, Door, as_parquet

START = pd.Timestamp("2024-01-01")
TYPES = ("a", "b", "c", "d", "e", "f")


def make_frames(**renamed: str) -> dict[str, pd.DataFrame]:
    """Return 40 customers; ``a`` has the most of them, ``f`` the fewest; ``e`` many events."""
    rng = np.random.default_rng(0)
    rows = []
    for place, name in enumerate(TYPES):
        for customer in range(40 - 6 * place):
            n = 30 if name == "e" else 4
            days = rng.integers(0, 120, n)
            rows += [(customer, START + pd.Timedelta(days=int(d), hours=place), name) for d in days]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "event_type"])
    frame["value"] = np.where(frame["event_type"].isin(["a", "e"]), frame.index % 7 / 4, np.nan)
    frame["event_type"] = frame["event_type"].replace(renamed)
    paid = pd.DataFrame({"customer_id": np.arange(80) % 40, "margin": 5.0})
    paid["timestamp"] = START + pd.to_timedelta(np.arange(80) * 3 % 121, unit="D")
    return {"events": frame, "transactions": paid}


def config(**more: Any) -> PipelineConfig:
    raw = {
        "name": "shop",
        "windows": {"observation_days": 28, "outcome_days": 28},
        "engine": {"keep": None},
    }
    return parse_config(raw | more)


def read(engine: Engine, given: dict[str, Any], settings: PipelineConfig) -> Tables:
    return read_tables(settings, engine, given)


def check_panel_of_renamed(engine: Engine, given: dict[str, Any]) -> Tables:
    """The group's features are those of a table in which its types have one name."""
    tables = read(engine, given, config(event_types={"at_most": 3}))
    assert tables.behaviours == ("a", "b", "other")
    assert dict(tables.grouped_types.counts) == {"e": 480, "c": 112, "d": 88, "f": 40}
    windows = plan_windows(tables.history, config().windows)
    panel = build_panel(tables, config(event_types={"at_most": 3}), windows)
    renamed = make_frames(**dict.fromkeys("cdef", "other"))
    with open_duckdb(threads=1) as other:
        expected = build_panel(read(other, renamed, config()), config(), windows)
    assert panel.behaviour_features == expected.behaviour_features
    pd.testing.assert_frame_equal(panel.frame, expected.frame)
    return tables


def check_engine(engine: Engine, make: Callable[[pd.DataFrame, str], Any]) -> None:
    """The ledger of the group is that of renamed types, on any engine."""
    settings = config(event_types={"at_most": 3})
    given = {name: make(frame, name) for name, frame in make_frames().items()}
    renamed = make_frames(**dict.fromkeys("cdef", "other"))
    with open_duckdb(threads=1) as other:
        expected = daily_rows(read(other, renamed, config()))
    tables = read(engine, given, settings)
    assert tables.behaviours == ("a", "b", "other")
    assert daily_rows(tables) == expected
    assert sum(tables.grouped_types.counts.values()) == 720


def daily_rows(tables: Tables) -> list[tuple[Any, ...]]:
    assert tables.ledger is not None
    rows = tables.ledger.select("customer_id", "event_type", "day", "n", "first", "last", "value")
    found = tables.engine.pandas(rows).fillna({"value": -1})
    found["customer_id"] = found["customer_id"].astype(int)
    found[["day", "first", "last"]] = found[["day", "first", "last"]].astype("datetime64[us]")
    return sorted(found.itertuples(index=False, name=None))


@pytest.mark.parametrize("door", DOORS)
def test_the_group_counts_what_its_types_count(door: Door, tmp_path: Path) -> None:
    given = {name: door(frame, tmp_path, name) for name, frame in make_frames().items()}
    with open_engine(config().engine, given) as engine:
        check_panel_of_renamed(engine, given)


def test_the_group_of_partitioned_files_counts_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MIN_CACHED_BYTES", 1)
    monkeypatch.setattr(batches, "SMALLEST", 1)
    given: dict[str, Any] = make_frames()
    (tmp_path / "events").mkdir()
    for name, part in given["events"].groupby("customer_id"):
        as_parquet(part, tmp_path / "events", str(name))
    given["events"] = tmp_path / "events"
    with open_duckdb(threads=1) as engine:
        assert check_panel_of_renamed(engine, given).partitions


def test_up_to_the_limit_nothing_changes() -> None:
    with open_duckdb(threads=1) as engine:
        tables = read(engine, make_frames(), config(event_types={"at_most": 6}))
    assert tables.behaviours == TYPES
    assert not tables.grouped_types.name
    assert not any("form one behaviour" in note for note in tables.notes)


def test_a_note_says_what_is_grouped() -> None:
    with open_duckdb(threads=1) as engine:
        tables = read(engine, make_frames(), config(event_types={"at_most": 3}))
    (note,) = (note for note in tables.notes if "form one behaviour" in note)
    assert note.startswith(
        "4 event types form one behaviour, 'other', with 720 events (70.9% of all): "
        "'e', 'c', 'd' and 'f'; it is adjusted for and never selected"
    )
    assert note in tables.quality[0].notes  # the console shows these


@pytest.mark.parametrize(
    ("more", "expected", "besides"),
    [
        ({"behaviours": {"f": {"unit": "times"}}}, "af", ""),
        ({"behaviours": {"a": {"role": "ignore"}}}, "bc", "a"),
        ({"churn": {"kind": "event", "event_type": "a"}}, "bc", "a"),
        ({"features": {"ratios": [{"name": "r", "breadth": ["d", "e", "f"]}]}}, "def", ""),
        ({"event_types": {"keep": ["c", "gone"]}}, "c", ""),
    ],
)
def test_types_that_the_configuration_names_stay(
    more: dict[str, Any], expected: str, besides: str
) -> None:
    """The churn event and ignored types stay in the ledger, as entries and exits need them."""
    with open_duckdb(threads=1) as engine:
        tables = read(engine, make_frames(), config(**{"event_types": {"at_most": 3}} | more))
        assert tables.ledger is not None
        present = {row[0] for row in tables.ledger.select("event_type").collect().rows()}
    assert tables.behaviours == (*expected, "other")
    assert present == {*expected, *besides, "other"}


@pytest.mark.parametrize("name", ["other", "OTHER"])
@pytest.mark.parametrize("old", ["a", "f"])
def test_a_type_called_other_stays_itself(old: str, name: str) -> None:
    settings = config(event_types={"at_most": 3})
    with open_duckdb(threads=1) as engine:
        tables = read(engine, make_frames(**{old: name}), settings)
    assert "other_" in tables.behaviours
    assert (name in tables.behaviours) == (old == "a")
    assert with_grouped_types(settings, tables.grouped_types).behaviour("other_").role == (
        "confounder"
    )


def test_names_that_differ_only_in_case_are_refused_though_one_is_rare() -> None:
    given = make_frames(f="A")
    with open_duckdb(threads=1) as engine, pytest.raises(InputError) as caught:
        read(engine, given, config(event_types={"at_most": 3}))
    assert "event types 'a' and 'A' differ only in case" in str(caught.value)


def test_the_same_types_form_the_group_of_later_data() -> None:
    """Later data have another order of types; what the run recorded decides, also if f is gone."""
    settings = config(event_types={"at_most": 3})
    with open_duckdb(threads=1) as engine:
        first = read(engine, make_frames(), settings)
        recorded = with_grouped_types(settings, first.grouped_types)
        assert parse_config(recorded.to_dict()) == recorded
        later = make_frames(a="f", f="a")
        later["events"] = later["events"].query("event_type != 'c'")
        tables = read(engine, later, recorded)
    assert tables.behaviours == ("a", "b", "other")
    assert set(tables.grouped_types.counts) == {"d", "e", "f"}


def test_keys_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="'other' is in 'keep'; give 'others' another name"):
        config(event_types={"keep": ["other"]})
