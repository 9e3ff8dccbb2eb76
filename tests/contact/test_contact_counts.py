"""All contacts as one behaviour: what it takes from the others, against loops."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.contact.counts import ContactCounts, subset, with_contacts
from engagement_ml.features.period_panel import Days, Periods

START = dt.date(2024, 1, 1)
ROW = st.tuples(
    st.integers(0, 4), st.integers(-3, 24), st.sampled_from(["call", "mail", "ping"]),
    st.booleans(), st.integers(1, 3),
)  # fmt: skip


def _panel(rows: list[tuple[int, int, str, bool, int]], *, daily: bool) -> Periods:
    """Three weeks of three customers; ping is no behaviour, and customers 3 and 4 are unknown."""
    behaviours = ("call", "mail", "visit")
    counts = np.zeros((3, 3, 3), np.float32)
    counts[..., 2] = 1
    by_day: dict[tuple[int, int, int], int] = {(i, 0, 2): 1 for i in range(3)}
    for customer, day, kind, _, n in rows:
        if customer < 3 and 0 <= day < 21 and kind in behaviours:
            counts[customer, day // 7, behaviours.index(kind)] += n
            key = (customer, day, behaviours.index(kind))
            by_day[key] = by_day.get(key, 0) + n
    zeros, keys = np.zeros((3, 3)), sorted(by_day)
    days = Days(
        *(np.array([k[i] for k in keys], np.int32) for i in range(3)),
        np.array([by_day[k] for k in keys], np.float32),
        np.full(3, 21, np.int32),
    )
    return Periods(
        np.array(["a", "b", "c"], object), behaviours, 7, START, START + dt.timedelta(21), counts,
        zeros, zeros, zeros.astype(np.float32), np.zeros(3, np.int32), np.full(3, 3, np.int32),
        {"plan": np.array(["x", "y", "x"], object)}, days=days if daily else None,
    )  # fmt: skip


@given(st.lists(ROW, max_size=25))
def test_contacts_are_their_sum_and_leave_the_other_behaviours(rows: list) -> None:
    sent = [row for row in rows if row[3]]
    kinds = tuple(sorted({row[2] for row in sent}))
    counts = ContactCounts(
        kinds,
        np.array([f"{'abcde'[row[0]]}" for row in sent], object),
        np.array([kinds.index(row[2]) for row in sent], np.int64),
        np.array([np.datetime64(START, "D") + row[1] for row in sent], "datetime64[D]"),
        np.array([row[4] for row in sent], np.int64),
    )
    own = {kind: kind for kind in kinds}
    found, name = with_contacts(_panel(rows, daily=True), counts, own)
    assert found.behaviours[-1] == name == "contacts"
    inside = [row for row in rows if row[0] < 3 and 0 <= row[1] < 21]
    for b, behaviour in enumerate(found.behaviours[:-1]):
        for i in range(3):
            for week in range(3):
                left = sum(
                    n for c, d, k, out, n in inside
                    if c == i and d // 7 == week and k == behaviour and not out
                ) + (behaviour == "visit")  # fmt: skip
                assert found.counts[i, week, b] == left
    for i in range(3):
        for week in range(3):
            total = sum(n for c, d, _, out, n in inside if out and c == i and d // 7 == week)
            assert found.counts[i, week, -1] == total
    # A behaviour that was contacts only is gone, one that never had an event stays.
    for behaviour in ("call", "mail"):
        kept = any(k == behaviour and not out for c, d, k, out, n in inside)
        assert (behaviour in found.behaviours) == (kept or behaviour not in kinds)
    assert found.days is not None
    again = np.zeros_like(found.counts)
    days = found.days
    np.add.at(again, (days.entity, days.day // 7, days.behaviour), days.n)
    again[..., found.behaviours.index("visit")] = found.counts[..., -2]
    np.testing.assert_array_equal(again, found.counts)
    assert (days.n > 0).all()


def test_a_behaviour_of_that_name_keeps_it() -> None:
    panel = replace(_panel([], daily=False), behaviours=("Contacts", "mail", "visit"))
    none = np.zeros(0, np.int64)
    counts = ContactCounts(("mail",), np.zeros(0, object), none, none.astype("datetime64[D]"), none)
    assert with_contacts(panel, counts, {})[1] == "contacts_"


def test_the_subset_has_the_days_of_its_customers() -> None:
    panel = _panel([(0, 1, "mail", True, 2), (2, 8, "call", False, 1)], daily=True)
    part = subset(panel, panel.segments["plan"] == "x")
    assert part.entities.tolist() == ["a", "c"]
    assert part.days is not None
    rows = zip(part.days.entity, part.days.day, part.days.behaviour, part.days.n, strict=True)
    assert sorted(tuple(map(int, row)) for row in rows) == [
        (0, 0, 2, 1), (0, 1, 1, 2), (1, 0, 2, 1), (1, 8, 0, 1),
    ]  # fmt: skip
