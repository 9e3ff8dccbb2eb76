"""Contacts and their budgets on Spark equal those on DuckDB."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.contact import ContactEvidence
from engagement_ml.contact.find import ContactData
from tests.contact.test_contact_budget import PLANS, events, row, scored
from tests.contact.test_contact_reading import CASES, frames, read, rows_of, settings

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.mark.seldom
def test_spark_gives_the_same_budgets(spark_session: Any) -> None:
    rows = (
        row("turns", 30.7, memory_days=28),
        row("turns", 12.9, "basic", memory_days=28),
        row("inert", None, "plus"),
    )
    evidence = ContactEvidence(("mail",), rows, {}, by_type=False, budget_by="plan")
    given = events()
    customers = pd.DataFrame({"customer_id": list(PLANS), "plan": list(PLANS.values())})
    expected = scored(evidence, given, customers=customers).frame
    native = spark_session.createDataFrame(given.assign(timestamp=given["timestamp"].astype(str)))
    native = native.withColumn("timestamp", native["timestamp"].cast("timestamp_ntz"))
    found = scored(evidence, native, customers=spark_session.createDataFrame(customers)).frame
    found = found.sort_values("customer_id", ignore_index=True)
    columns = ["customer_id", "contact_budget", "contact_budget_reason"]
    left_, right = (f[columns].astype(object).fillna("") for f in (found, expected))
    assert left_.to_numpy().tolist() == right.to_numpy().tolist()


@pytest.mark.seldom
def test_spark_reads_the_same_contacts(spark_session: Any) -> None:
    given = frames()
    for changes, _ in CASES.values():
        config = settings(**changes, segments=["plan"])
        native = {}
        for name, frame in given.items():
            texts = frame.assign(
                **({"timestamp": frame["timestamp"].astype(str)} if "timestamp" in frame else {})
            )
            table = spark_session.createDataFrame(texts.astype(object).where(texts.notna(), None))
            if "timestamp" in frame:
                table = table.withColumn("timestamp", table["timestamp"].cast("timestamp_ntz"))
            native[name] = table
        expected, found = read(given, config), read(native, config)
        assert rows_of(found) == rows_of(expected)
        for field in dataclasses.fields(ContactData):
            if field.name not in ("counts", "segments"):
                left, right = getattr(found, field.name), getattr(expected, field.name)
                assert np.array_equal(left, right), field.name
        assert found.segments["plan"].tolist() == expected.segments["plan"].tolist()
