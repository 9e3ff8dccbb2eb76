from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def html_text(metric) -> str:
    parser = Balanced()
    parser.feed(metric._repr_html_())
    assert parser.open == []
    return parser.text


def test_the_repr_shows_name_evidence_weights_and_intervals(metric):
    shown = repr(metric)
    for piece in ("shop-engagement", "driver", "tutorial done", "41.2", "36.2 to 46.2", "Reviews"):
        assert piece in shown
        assert piece in html_text(metric)
    assert max(map(len, shown.splitlines())) <= 110


def test_displays_list_the_heaviest_behaviour_first(metric):
    turned = dataclasses.replace(metric, behaviours=metric.behaviours[::-1])
    for shown in (repr(turned), html_text(turned)):
        assert shown.index("tutorial done") < shown.index("Reviews") < shown.index("visit")
    assert repr(turned) == repr(metric)
    assert turned._repr_html_() == metric._repr_html_()
    legend = turned.plot().axes[1].get_legend().get_texts()
    assert [text.get_text().split(" (")[0] for text in legend] == [
        "tutorial done", "Reviews", "visit",
    ]  # fmt: skip


def test_labels_are_shown_instead_of_event_types(metric):
    assert "review" not in repr(metric).replace("Reviews", "")
    assert "review" not in html_text(metric).replace("Reviews", "")


def test_a_weight_without_an_interval_has_a_dash(metric):
    first = dataclasses.replace(metric.behaviours[0], weight_low=None, weight_high=None)
    without = dataclasses.replace(metric, behaviours=(first, *metric.behaviours[1:]))
    assert "41.2  –" in repr(without)


def test_an_indicator_says_that_it_is_no_proof(metric):
    indicator = dataclasses.replace(metric, evidence="indicator")
    for text in (repr(indicator), html_text(indicator)):
        assert "no proof that raising it raises margin" in text
    assert "proof" not in repr(metric)


def test_an_abstained_metric_shows_its_reason(abstained):
    assert "No behaviour passed every check." in repr(abstained)
    assert "No behaviour passed every check." in html_text(abstained)


def test_html_is_escaped_and_needs_no_network(metric):
    evil = "<script>alert(1)</script>"
    first = dataclasses.replace(metric.behaviours[0], label=evil, unit=evil)
    named = dataclasses.replace(metric, name=evil, behaviours=(first, *metric.behaviours[1:]))
    html = named._repr_html_()
    assert "<script" not in html
    assert not re.search(r"https?://|src=|href=", html)
    assert evil in html_text(named)


def test_the_plot_has_weights_with_intervals_and_responses(metric):
    figure = metric.plot()
    assert isinstance(figure, Figure)
    weights, responses = figure.axes
    assert [bar.get_width() for bar in weights.patches] == [25.5, 33.3, 41.2]
    assert [list(line.get_xdata()) for line in weights.lines] == [
        [20.5, 30.5], [28.3, 38.3], [36.2, 46.2],
    ]  # fmt: skip
    ends = [line.get_ydata()[-1] for line in responses.lines]
    assert ends == pytest.approx([41.2, 33.3, 25.5])
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_an_axis_that_is_given_is_drawn_into(metric):
    figure = Figure()
    ax = figure.subplots()
    returned = metric.plot(ax)
    assert isinstance(returned, Axes)
    assert returned is ax
    assert len(ax.patches) == 3


def test_labels_that_matplotlib_would_read_as_something_else(metric):
    first = dataclasses.replace(metric.behaviours[0], behaviour="_paid $5 or $6", label=None)
    odd = dataclasses.replace(metric, behaviours=(first, *metric.behaviours[1:]))
    figure = odd.plot()
    figure._repr_png_()
    legend = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert len(legend) == 3


def test_plotting_does_not_load_pyplot():
    code = (
        "import sys; from engagement_ml.metric import *;"
        "b = WeightedBehaviour('a', 100, 90, 100, 'frequency', 'events',"
        " Transform('linear', None, None, 3));"
        "EngagementMetric('m', 'driver', 84, 84, (b,)).plot();"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
