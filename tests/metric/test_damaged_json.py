"""A damaged metric.json: it loads to the same scores, or one line says what is wrong."""

from __future__ import annotations

import copy
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

METRIC = EngagementMetric(
    "shop", "driver", 84, 84,
    (
        WeightedBehaviour("review", 60.0, 50.0, 70.0, "frequency", "events in 84 days",
                          Transform("hill", 2.0, 1.5, 20.0), label="Reviews"),
        WeightedBehaviour("visit", 40.0, None, None, "frequency", "events in 84 days",
                          Transform("log1p", 3.0, None, 12.0)),
    ),
    score_quantiles=tuple(float(score) for score in range(101)),
)  # fmt: skip
TEXT = METRIC.to_json()
EXTREMES = st.sampled_from(
    [
        None, True, False, 0, -1, 1, 10**30, -(10**400), 84.0, 84.5, -0.0, 5e-324,
        1e308, float("nan"), float("inf"), "", "84", "driver", "\ud800", "a\x00b", "<b>\n",
        "x" * 999, [], [0], [[]], {}, {"": None}, [0.0] * 101,
    ]
)  # fmt: skip
INSERTED = (
    "", "{", "]", '"', ",", "0", "NaN", "-Infinity", "1e999", "\\ud800", "[" * 20_000,
)  # fmt: skip
VALUES = EXTREMES | st.recursive(
    EXTREMES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)


def places(raw: Any, path: tuple = ()) -> list[tuple]:
    """The path of every value within a file."""
    items = raw.items() if isinstance(raw, dict) else enumerate(raw)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


PLACES = [
    path
    for path in places(METRIC.to_dict())
    if path[0] != "score_quantiles" or path[1:] in ((), (7,))
]


def parent_of(raw: Any, path: tuple) -> Any:
    for step in path[:-1]:
        raw = raw[step]
    return raw


@st.composite
def changed_values(draw: st.DrawFn) -> dict[str, Any]:
    raw = copy.deepcopy(METRIC.to_dict())
    path = draw(st.sampled_from(PLACES))
    if draw(st.booleans()):
        parent_of(raw, path)[path[-1]] = draw(VALUES)
    else:
        del parent_of(raw, path)[path[-1]]
    return raw


@st.composite
def changed_texts(draw: st.DrawFn) -> str:
    start = draw(st.integers(0, len(TEXT)))
    end = draw(st.integers(start, min(len(TEXT), start + 40)))
    middle = draw(st.sampled_from(INSERTED) | st.text(max_size=5))
    rest = TEXT[end:] if draw(st.booleans()) else ""
    return TEXT[:start] + middle + rest


def loads_to_the_same_or_is_refused(read: Any, given: object) -> None:
    refused = None
    try:
        metric = read(given)
    except InputError as error:
        refused = str(error)
    if refused is not None:
        assert 0 < len(refused) < 1000
        assert len(refused.splitlines()) == 1
        return
    assert metric.definition_hash == METRIC.definition_hash
    assert {b.behaviour: (b.weight, b.transform) for b in metric.behaviours} == {
        b.behaviour: (b.weight, b.transform) for b in METRIC.behaviours
    }
    for text in (metric.to_json(), repr(metric), metric._repr_html_(), metric.to_sql()):
        assert text.encode()


@settings(max_examples=150, deadline=None)
@given(raw=changed_values())
def test_changed_values(raw):
    loads_to_the_same_or_is_refused(EngagementMetric.from_dict, raw)


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_a_whole_number_that_python_cannot_write(path):
    raw = copy.deepcopy(METRIC.to_dict())
    parent_of(raw, path)[path[-1]] = 10**5000
    loads_to_the_same_or_is_refused(EngagementMetric.from_dict, raw)


@settings(max_examples=200, deadline=None)
@given(text=changed_texts())
def test_changed_text(text):
    loads_to_the_same_or_is_refused(EngagementMetric.from_json, "{" + text.removeprefix("{"))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_changed_bytes(data, tmp_path_factory):
    raw = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_bytes(bytes(raw))
    loads_to_the_same_or_is_refused(EngagementMetric.from_json, file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("utf-16"), "is UTF-16 and not UTF-8 text; save it as UTF-8"),
        (TEXT.encode("utf-32"), "is UTF-32 and not UTF-8 text"),
        (TEXT.encode("latin-1").replace(b"shop", b"sh\xf6p"), "is not UTF-8 text"),
        (b"", "cannot be read as JSON"),
        (b" " * 1000, "cannot be read as JSON"),
        (b"null", "found NoneType"),
        (TEXT.replace('"name"', '"name": "x", "name"').encode(), "key 'name' is given twice"),
        (TEXT.replace("60.0", "NaN").encode(), "NaN is no number of JSON"),
        (TEXT.replace("60.0", "9" * 5000).encode(), "cannot be read as JSON"),
        (TEXT.replace("60.0", "9" * 400).encode(), "key 'weight'"),
        (TEXT.replace("null", "[" * 10**5 + "]" * 10**5).encode(), "nested too deeply"),
        (TEXT.replace('"format": 1', '"format": 2').encode(), "'format': 2 is not known"),
        (TEXT[:300].encode(), "cannot be read as JSON"),
    ],
)
def test_a_fault_of_a_file_is_one_line_that_names_it(tmp_path, content, message):
    file = tmp_path / "metric.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        EngagementMetric.from_json(file)
    assert str(caught.value).startswith(str(file))
    assert len(str(caught.value)) < 500


def test_a_byte_order_mark_does_not_matter(tmp_path):
    file = tmp_path / "metric.json"
    file.write_bytes(TEXT.encode("utf-8-sig"))
    assert EngagementMetric.from_json(file) == METRIC
    assert EngagementMetric.from_json("\ufeff" + TEXT) == METRIC


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(2**30)
    for path, message in [
        (tmp_path / "pipe", "is not a regular file"),
        (large, "has 1,074 MB"),
        (tmp_path, "a folder"),
        (tmp_path / "none.json", "no such file"),
        (large / "metric.json", "no such file"),
        ("x" * 5000, "cannot be read"),
        ("\ud800", "is no path"),
        (3, "expected the path"),
    ]:
        for read in (EngagementMetric.from_json, EngagementMetric.from_yaml):
            with pytest.raises(InputError, match=message):
                read(path)
