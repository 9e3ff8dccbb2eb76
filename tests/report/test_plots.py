from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.formatting import number
from engagement_ml.report import plots
from engagement_ml.report.view import Estimate
from engagement_ml.windows import History, Windows

RESPONSE = ResponseCurve(
    x=(0, 1, 2, 4, 8),
    effect=(0.0, 3.0, 5.0, 7.0, 8.0),
    low=(0.0, 2.0, 3.0, 4.0, 5.0),
    high=(0.0, 4.0, 7.0, 10.0, 11.0),
    saturation_point=6.0,
    typical=3,
    p90=7.0,
    kind="hill",
)


def draw(response: ResponseCurve, tone: str = "good") -> plots.Chart:
    return plots.response_chart(
        response, tone=tone, label="r", x_label="events", y_label="EUR", write_x=number,
        write_y=number,
    )  # fmt: skip


def dots(svg: str, class_: str) -> list[tuple[float, float]]:
    found = re.findall(rf'd="M([\d.]+),([\d.]+) h0" class="dot {class_}"', svg)
    return [(float(x), float(y)) for x, y in found]


def test_customers_of_today_stand_on_the_curve() -> None:
    chart = draw(RESPONSE)
    top = 11.0 * 1.04
    for class_, count in (("full", RESPONSE.typical), ("hollow", RESPONSE.p90)):
        ((x, y),) = dots(chart.svg, class_)
        effect = np.interp(count, RESPONSE.x, RESPONSE.effect)
        assert x == pytest.approx(100 * count / 8, abs=0.01)
        assert y == pytest.approx(100 - 100 * effect / top, abs=0.01)
    assert 'd="M75,0 V100" class="limit"' in chart.svg


def test_a_saturation_point_beyond_the_curve_is_not_drawn() -> None:
    chart = draw(replace(RESPONSE, saturation_point=9.0, typical=20, p90=20))
    assert 'class="limit"' not in chart.svg
    assert 'class="dot' not in chart.svg


@pytest.mark.parametrize("tone", ["good", "bad"])
def test_a_curve_has_the_colour_of_its_tone(tone: str) -> None:
    assert f'class="plot {tone}"' in draw(RESPONSE, tone).svg


def test_a_curve_of_a_single_count_is_flat() -> None:
    flat = replace(RESPONSE, x=(2, 2), effect=(1.0, 1.0), low=(1.0, 1.0), high=(1.0, 1.0))
    assert plots.effect_at(flat, 2.0) == 1.0
    assert "nan" not in draw(flat).svg


def test_a_wide_interval_does_not_squeeze_the_others() -> None:
    estimates = [(5.0, 4.0, 6.0), (1.0, 0.5, 1.5), (20.0, -900.0, 940.0)]
    scale = plots.interval_scale(estimates, wide=[False, False, True])
    assert scale.percent(6.0) - scale.percent(4.0) > 2
    assert 0 <= scale.percent(20.0) <= 100
    cell = plots.interval_cell(scale, estimates[2], tone="plain", label="wide")
    assert cell.count("<path") == 2
    narrow = plots.interval_cell(scale, estimates[0], tone="good", label="narrow")
    assert "<path" not in narrow


@pytest.mark.parametrize(
    "estimates", [[], [(None, None, None)], [(0.0, 0.0, 0.0)], [(2.0, None, None)]]
)
def test_scales_of_next_to_nothing(estimates: list[Estimate]) -> None:
    scale = plots.interval_scale(estimates)
    for estimate in estimates:
        assert "nan" not in plots.interval_cell(scale, estimate, tone="plain", label="x")


def windows(n: int) -> Windows:
    first, day = dt.date(2020, 1, 1), dt.timedelta(days=1)
    cutoffs = tuple(first + 7 * place * day for place in range(n))
    return Windows(
        observation_days=28,
        outcome_days=14,
        gap_days=7,
        train=cutoffs[: n - 1],
        test=cutoffs[n - 1 :],
        fit_until=cutoffs[-1],
        history=History(cutoffs[0] - 28 * day, cutoffs[-1] + 21 * day),
    )


def test_windows_stand_where_their_days_are() -> None:
    chart = plots.windows_chart(windows(2), label="w")
    assert chart is not None
    rects = re.findall(r'<rect x="([\d.]+)" width="([\d.]+)".*?class="(\w+) (\w+)"', chart.svg)
    days = 28 + 7 + 7 + 14
    expected = [
        (0, 28, "observed", "train"), (28 + 7, 14, "outcome", "train"),
        (7, 28, "observed", "test"), (7 + 28 + 7, 14, "outcome", "test"),
    ]  # fmt: skip
    for (x, width, kind, part), (day, length, kind_, part_) in zip(rects, expected, strict=True):
        assert (kind, part) == (kind_, part_)
        assert float(x) == pytest.approx(100 * day / days, abs=0.01)
        assert float(width) == pytest.approx(100 * length / days, abs=0.01)


def test_many_cutoffs_are_thinned_and_the_last_stays() -> None:
    chart = plots.windows_chart(windows(200), label="w")
    assert chart is not None
    assert chart.svg.count('class="observed') <= 40
    assert 'class="outcome test"' in chart.svg
    assert len(chart.y_ticks) <= 14
    assert chart.y_ticks[-1].text == str(windows(200).test[0])
    assert len(chart.x_ticks) <= 8


def test_without_cutoffs_no_windows_are_drawn() -> None:
    assert plots.windows_chart(replace(windows(3), train=(), test=()), label="w") is None


def test_a_calibrated_model_lies_on_the_line() -> None:
    steps = [{"predicted": p, "observed": p, "n": 9} for p in (-4.0, 0.0, 9.0)]
    chart = plots.calibration_chart(steps, label="c", x_label="", y_label="", write=number)
    assert chart is not None
    found = dots(chart.svg, "full")
    assert len(found) == 3
    assert all(x + y == pytest.approx(100, abs=0.02) for x, y in found)
    assert plots.calibration_chart([], label="c", x_label="", y_label="", write=number) is None
