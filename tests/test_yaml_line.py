"""Lines that messages propose are YAML, whatever names a user's columns have."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from engagement_ml.yaml_line import yaml_line

AWKWARD = [
    "a: b", "{x}", "[x]", "x, y", "it's", 'say "hi"', "back\\slash", " blank ", "two  blanks",
    "No", "null", "~", "", "# no comment", "a #b", "1", "1e3", "0x1F", "12:30:45", "2024-01-01",
    "=", "<<", "-", "- a", "? a", "!tag", "&a", "*a", "%d", "@a", "`a`", "|", ">", "größe", "名前",
    "🛒 basket", "new\nline", "tab\there", "non breaking", "\u2028", "\ufeff", "y", "on", ".inf",
    "x" * 200, "yes",
]  # fmt: skip


def read(line: str) -> Any:
    """Return what YAML reads from a line as a terminal prints it."""
    assert "\n" not in line
    return yaml.safe_load(" ".join(line.split()))


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_come_back(name: str) -> None:
    meant = {"events": {"customer_id": name, name: "x"}}
    assert read(yaml_line("columns", meant)) == {"columns": meant}
    assert read(yaml_line("segments", [name])) == {"segments": [name]}


# Half of a pair of surrogates is no character, so that no file could hold it.
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.dates(min_value=dt.date(1000, 1, 1)) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(values)
@example({"": {"x: ": [None, True, "null"]}})
def test_any_value_comes_back(value: Any) -> None:
    assert read(yaml_line("columns", value)) == {"columns": value}


def test_usual_names_stay_without_quotes() -> None:
    line = yaml_line("columns", {"events": {"customer_id": "user id", "timestamp": "Zeit"}})
    assert line == "columns: {events: {customer_id: user id, timestamp: Zeit}}"
