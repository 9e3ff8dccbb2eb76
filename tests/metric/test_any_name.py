"""Names with quotes, HTML, SQL, Unicode and newlines, along the whole path of a metric."""

from __future__ import annotations

import datetime as dt
from html.parser import HTMLParser

import narwhals as nw
import pandas as pd
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import engagement_ml as em
from engagement_ml.metric import EngagementMetric
from tests.metric.parity import HOSTILE

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
ODD = st.one_of(
    NAMES,
    st.sampled_from(
        [
            HOSTILE, "=1+1", "[red]x[/red]", "{b}", "a.b", "a`b", "\u202ex", "\x1b[31m", "\r\n",
            "customer_id", "n_0", "null", "</script><script>", "%s", "1", "on", "é", "e\u0301",
        ]
    ),
)  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


@settings(max_examples=30, deadline=None)
@given(names=st.lists(ODD, min_size=1, max_size=4, unique=True), title=ODD)
def test_a_metric_is_stored_and_shown(names, title, tmp_path_factory):
    metric = EngagementMetric.from_weights(
        {name: place + 1 for place, name in enumerate(names)}, name=title, entity=title
    )
    file = tmp_path_factory.getbasetemp() / "metric.json"
    metric.to_json(file)
    assert EngagementMetric.from_json(file) == metric
    raw = {"weights": {name: place + 1 for place, name in enumerate(names)}, "name": title}
    file.write_text(yaml.safe_dump(raw | {"entity": title}, sort_keys=False), encoding="utf-8")
    assert EngagementMetric.from_yaml(file) == metric
    assert len(repr(metric).splitlines()) == 4 + len(names)
    with Console(width=300, record=True, quiet=True) as console:
        console.print(metric)
    tags = Tags()
    tags.feed(metric._repr_html_())
    assert tags.seen <= {
        "div", "p", "b", "i", "small", "table", "thead", "tbody", "tr", "th", "td", "span",
    }  # fmt: skip
    counts = pl.DataFrame({name: [12.0, 0.0] for name in names})
    assert counts.pipe(metric.score)["score"].to_list()[:1] == [100.0]
    expression = nw.from_native(counts).select(metric.expression().alias("of"))
    assert expression["of"].to_list() == [100.0, 0.0]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_of_scores_have_a_column_for_any_name(tmp_path, suffix):
    names = [HOSTILE, "=1+1", "a.b", "[red]x[/red]", "n_0"]
    metric = EngagementMetric.from_weights(dict.fromkeys(names, 1), full_points_at=1)
    events = pd.DataFrame(
        {"customer_id": names, "event_type": names, "timestamp": dt.datetime(2024, 3, 1)}
    )
    file = tmp_path / f"scores.{suffix}"
    em.score(metric, events, as_of="2024-04-01", output=file)
    read = pd.read_csv(file) if suffix == "csv" else pd.read_parquet(file)
    points = read.filter(like="__points")
    assert len(points.columns) == len(names)
    assert sorted(points.sum(axis=1)) == [20.0] * len(names)
    assert points.max().tolist() == [20.0] * len(names)
