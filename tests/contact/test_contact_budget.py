"""Contact budgets in scores, against loops over customers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import parse_config
from engagement_ml.contact import ContactEvidence, ContactRow
from engagement_ml.further import Further
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.workflow.score_result import Scores
from engagement_ml.workflow.scoring import score_frames

AS_OF = pd.Timestamp("2024-06-30")
METRIC = EngagementMetric(
    "shop", "driver", 84, 84,
    (WeightedBehaviour("visit", 100, None, None, "frequency", "events",
                       Transform("linear", scale=None, shape=None, cap=4)),),
)  # fmt: skip
PLANS = {"a": "basic", "b": "plus", "c": "basic", "d": "plus", "e": "new", "f": "basic"}


def row(verdict: str, limit: float | None, value: str | None = None, **more: Any) -> ContactRow:
    segment = None if value is None else "plan"
    optimum = limit if verdict == "turns" else None
    return ContactRow(
        segment, value, 500, verdict, optimum, optimum, optimum, None, None, None, "", limit, **more
    )


def events(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 260
    days = rng.choice([0.0, 10, 20.999, 21, 21.001, 50, 76.999, 77, 77.001, 83, 90], n)
    rows = {
        "customer_id": rng.choice(list(PLANS), n, p=[0.3, 0.3, 0.02, 0.08, 0.15, 0.15]),
        "timestamp": AS_OF - pd.to_timedelta(days * 86_400, unit="s"),
        "event_type": rng.choice(["mail", "visit"], n),
        "direction": rng.choice(["outbound", "inbound"], n),
    }
    once = pd.DataFrame({"customer_id": list(PLANS), "timestamp": AS_OF - pd.Timedelta(days=1),
                         "event_type": "visit", "direction": "inbound"})  # fmt: skip
    return pd.concat([pd.DataFrame(rows), once], ignore_index=True)


def scored(evidence: ContactEvidence, given: Any, config: Any = None, **more: Any) -> Scores:
    record: Any = SimpleNamespace(further=Further(contact=evidence))
    config = config or parse_config({"name": "shop"})
    return score_frames(METRIC, given, config=config, record=record, as_of=AS_OF, **more)


def left(frame: pd.DataFrame, customer: str, in_window: int, in_memory: int, memory: int) -> int:
    own = frame[(frame["customer_id"] == customer) & (frame["direction"] == "outbound")]
    days = (AS_OF - own["timestamp"]).dt.total_seconds() / 86_400
    last = lambda span: int(((days > 0) & (days <= span - 7)).sum())  # noqa: E731
    return max(0, min(in_window - last(84), in_memory - last(memory)))


def test_the_budget_is_what_is_left_up_to_the_optimum_of_the_segment() -> None:
    rows = (
        row("turns", 30.7, memory_days=28),
        row("turns", 12.9, "basic", memory_days=28),
        row("inert", None, "plus"),
        row("harmful", 0.0, "new"),
    )
    evidence = ContactEvidence(("mail",), rows, {}, by_type=False, budget_by="plan")
    given = events()
    customers = pd.DataFrame({"customer_id": list(PLANS), "plan": list(PLANS.values())})
    customers.loc[customers["customer_id"] == "f", "plan"] = None
    frame = scored(evidence, given, customers=customers).frame.set_index("customer_id")
    assert frame["contact_budget"].dtype.kind in "if"
    for customer, plan in PLANS.items():
        budget, reason = frame.loc[customer, ["contact_budget", "contact_budget_reason"]]
        if plan == "plus":
            assert pd.isna(budget)
            assert "no difference" in reason
            continue
        assert pd.isna(reason)
        expected = 0 if plan == "new" else left(given, customer, 12, 4, 28)
        if customer == "f":  # without a plan, the optimum of all holds
            expected = left(given, customer, 30, 10, 28)
        assert budget == expected
    assert frame.loc["c", "contact_budget"] > 0 == frame.loc["a", "contact_budget"]


def test_contacts_by_type_need_no_direction_and_one_optimum_no_segments() -> None:
    evidence = ContactEvidence(("mail",), (row("turns", 6.0, memory_days=84),), {}, by_type=True)
    given = events().drop(columns="direction")
    scores = scored(evidence, given)
    mails = given[given["event_type"] == "mail"].assign(direction="outbound")
    for customer, budget in scores.frame.set_index("customer_id")["contact_budget"].items():
        assert budget == left(mails, str(customer), 6, 6, 84)
    assert any("optimum of 6 in 84 days" in note for note in scores.notes)


@pytest.mark.parametrize(
    ("evidence", "drop", "words"),
    [
        (ContactEvidence((), (row("driver", None),), {}), None, "so there is no limit"),
        (ContactEvidence((), (row("unverifiable", None),), {}), None, "the data cannot tell"),
        (
            ContactEvidence((), (row("turns", 6.0),), {}, by_type=False), "direction",
            "no column 'direction'",
        ),
        (
            ContactEvidence(
                ("mail",), (row("turns", 6.0), row("turns", 3.0, "basic")), {}, budget_by="plan"
            ),
            None, "the customers' plan is not known",
        ),
    ],
)  # fmt: skip
def test_a_budget_that_is_not_known_is_null_with_its_reason(
    evidence: ContactEvidence, drop: str | None, words: str
) -> None:
    given = events() if drop is None else events().drop(columns=drop)
    scores = scored(evidence, given)
    assert scores.frame["contact_budget"].isna().all()
    assert scores.frame["contact_budget_reason"].str.contains(words, regex=False).all()
    assert any("contact_budget is empty" in note and words in note for note in scores.notes)


def test_the_segment_is_read_from_the_table_of_the_run(tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    pd.DataFrame({"customer_id": list(PLANS), "plan": list(PLANS.values())}).to_csv(
        table, index=False
    )
    rows = (row("turns", 6.0), row("harmful", 0.0, "plus"))
    evidence = ContactEvidence(("mail",), rows, {}, budget_by="plan")
    config = parse_config({"name": "shop", "sources": {"customers": str(table)}})
    budget = scored(evidence, events(), config).frame.set_index("customer_id")["contact_budget"]
    assert budget["b"] == budget["d"] == 0
    assert budget["c"] > 0
    table.unlink()
    missing = scored(evidence, events(), config)
    assert missing.frame["contact_budget"].isna().all()
    assert any("cannot be read" in note for note in missing.notes)
