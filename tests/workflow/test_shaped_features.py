"""Features of natural files are those of the tables that the files stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import engagement_ml as em
from tests.doors import as_csv, as_parquet

WINDOWS = {"observation_days": 28, "outcome_days": 28}
SHAPE: dict[str, Any] = {
    "events": {"where": "kind <> 'test'", "format": "epoch us", "values": {"customer_id": "who"}},
    "transactions": {
        "format": "epoch us",
        "values": {"margin": "price * quantity - paid", "customer_id": "who"},
    },
}
COLUMNS = {
    "events": {"event_type": "kind", "timestamp": "t"},
    "transactions": {"timestamp": "t"},
}


def natural(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that events and transactions share in another form."""
    seconds = frame["timestamp"].to_numpy().astype("datetime64[us]").astype("int64")
    return pd.DataFrame({"who": frame["customer_id"], "t": seconds})


def few(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first customers."""
    return frame[frame["customer_id"] <= frame["customer_id"].min() + 30]


def test_natural_files_give_the_same_features(small_shop: Any, tmp_path: Path) -> None:
    events = few(small_shop.events)[["customer_id", "timestamp", "event_type"]]
    orders = few(small_shop.transactions)
    paid = orders[["customer_id", "timestamp"]].assign(
        margin=(orders["revenue"] - orders["cost"]).round(1)
    )
    log = natural(events).assign(kind=events["event_type"])
    log = pd.concat([log, log[:50].assign(kind="test")])
    orders = natural(paid).assign(price=paid["margin"] + 4, quantity=0.5)
    orders["paid"] = orders["price"] * 0.5 - paid["margin"]
    shaped = em.features(
        as_csv(log, tmp_path, "log"),
        as_parquet(orders, tmp_path, "orders"),
        windows=WINDOWS,
        shape=SHAPE,
        columns=COLUMNS,
    )
    pd.testing.assert_frame_equal(shaped, em.features(events, paid, windows=WINDOWS), rtol=1e-9)
