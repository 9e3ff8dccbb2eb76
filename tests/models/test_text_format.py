"""Models that were written in text format 1 are read, and predict what they predicted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engagement_ml.features.panel import Panel
from engagement_ml.models import ChurnModel, ProfitModel

FOLDER = Path(__file__).parent / "format_1"


@pytest.fixture(scope="module")
def expected() -> dict:
    return json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", [ProfitModel, ChurnModel])
def test_a_model_in_format_1_predicts_the_same(kind, expected) -> None:
    name = kind.kind
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    model = kind.from_text(text)
    panel = Panel(pd.DataFrame(expected["rows"]), (), {}, ())
    np.testing.assert_allclose(model.predict(panel), expected[name], rtol=1e-12)
    contributions = model.contributions(panel)
    of_format_1 = pd.DataFrame(expected[f"{name}_contributions"])
    pd.testing.assert_frame_equal(contributions, of_format_1, rtol=1e-9)
    assert model.to_text().split("\n")[0] == text.split("\n")[0]


def test_the_rows_reach_the_tail_on_both_sides(expected) -> None:
    tail = ProfitModel.from_text((FOLDER / "profit.txt").read_text(encoding="utf-8")).tail_
    past = np.array(expected["rows"]["history__past_margin"])
    assert tail.slope > 0
    assert past.min() < tail.low
    assert past.max() > tail.high
