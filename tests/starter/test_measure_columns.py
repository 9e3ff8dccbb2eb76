"""Columns for measures: `init` takes those that cannot be mistaken, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from engagement_ml.config import read_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.workflow import init

N = 60
DAYS = pd.Series(pd.date_range("2024-01-01", periods=N, freq="D"))
CUSTOMERS = [f"c{i % 12}" for i in range(N)]
EVENTS = pd.DataFrame(
    {
        "user_id": CUSTOMERS,
        "occurred_at": DAYS,
        "action": ["ask", "answer", "visit"] * 20,
        "page_path": [f"/p{i % 7}" for i in range(N)],
        "utm_campaign": ["spring", None, "autumn"] * 20,
        "content_group": ["shop", "blog"] * 30,
        "ticket_id": [f"t{i // 2}" for i in range(N)],
        "due_date": DAYS + pd.Timedelta("2D"),
        "call_direction": ["Inbound", "outbound"] * 30,
    }
)
ORDERS = pd.DataFrame(
    {
        "user_id": CUSTOMERS,
        "paid_at": DAYS,
        "margin": [float(i % 9) for i in range(N)],
        "net_sales": [float(i % 9 + 5) for i in range(N)],
        "order_number": [f"o{i % 12}-{i // 24}" for i in range(N)],
        "sku": [f"s{i % 5}" for i in range(N)],
        "sales_channel": ["web", "shop"] * 30,
        "refund_amount": [0.0, 1.5] * 30,
    }
)
ANSWERS = pd.DataFrame(
    {
        "user_id": CUSTOMERS,
        "answered_at": DAYS,
        "sent_at": DAYS - pd.Timedelta("1D"),
        "survey_type": ["csat"] * N,
        "rating": [float(i % 10 + 1) for i in range(N)],
        "rating_scale": ["1-10"] * N,
        "verbatim": [f"text {i}" for i in range(N)],
        "touch_point": ["chat", "mail"] * 30,
    }
)


def started(folder: Path, **tables: pd.DataFrame) -> tuple[Any, dict[str, tuple[str, ...]]]:
    """Write files, let `init` configure them, and read the tables with all columns."""
    files = []
    for name, frame in ({"events": EVENTS, "orders": ORDERS, "answers": ANSWERS} | tables).items():
        files.append(folder / f"{name}.csv")
        frame.to_csv(files[-1], index=False)
    path = init(files, folder / "own.yaml").path
    with open_duckdb(threads=1) as engine:
        tables_read = read_tables(read_config(path), engine, extra=True)
        read = {name: tables_read.columns(name) for name in ("events", "transactions", "surveys")}
    return yaml.safe_load(path.read_text(encoding="utf-8")), read


def test_usual_names_are_mapped(tmp_path: Path) -> None:
    raw, read = started(tmp_path)
    expected = {
        "events": {
            "object": "page_path", "campaign": "utm_campaign", "section": "content_group",
            "ref": "ticket_id", "due": "due_date", "direction": "call_direction",
        },
        "transactions": {
            "order_id": "order_number", "product": "sku", "channel": "sales_channel",
            "refund": "refund_amount", "revenue": "net_sales",
        },
        "surveys": {
            "timestamp": "answered_at", "sent": "sent_at", "scale": "rating_scale",
            "comment": "verbatim", "touchpoint": "touch_point",
        },
    }  # fmt: skip
    for table, columns in expected.items():
        assert columns.items() <= raw["columns"][table].items()
        assert set(columns) <= set(read[table])


def test_a_survey_with_only_its_time_of_sending_has_that_as_its_time(tmp_path: Path) -> None:
    raw, _ = started(tmp_path, answers=ANSWERS.drop(columns="answered_at"))
    assert raw["columns"]["surveys"]["timestamp"] == "sent_at"
    assert "sent" not in raw["columns"]["surveys"]


def test_what_only_has_the_name_is_left_alone(tmp_path: Path) -> None:
    raw, _ = started(
        tmp_path,
        orders=ORDERS.assign(
            order_number=[i // 12 for i in range(N)], refund_amount=[-1.0, 0.0] * 30
        ),
        events=EVENTS.assign(
            ticket_id=range(N), due_date=["31.01.2024"] * N, call_direction=["in", "out"] * 30
        ),
        answers=ANSWERS.assign(rating_scale="ten", rating=3.0, sent_at=[True] * N),
    )
    assert not {"order_id", "refund"} & set(raw["columns"]["transactions"])
    assert not {"ref", "due", "direction"} & set(raw["columns"]["events"])
    assert not {"scale", "sent"} & set(raw["columns"]["surveys"])


def test_a_column_of_the_very_name_that_holds_something_else_is_emptied(tmp_path: Path) -> None:
    answers = ANSWERS.rename(columns={"rating_scale": "scale", "sent_at": "sent"})
    orders = ORDERS.rename(columns={"refund_amount": "refund"})
    raw, read = started(
        tmp_path,
        answers=answers.assign(scale="ten", sent=True, rating=3.0),
        orders=orders.assign(refund=-1.0),
    )
    assert {"scale", "sent"} <= set(raw["shape"]["surveys"]["values"])
    assert "refund" in raw["shape"]["transactions"]["values"]
    assert "margin" in read["transactions"]
