"""Models that were written in text format 1 are read, and predict what they predicted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.errors import InputError
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
    header = json.loads(model.to_text().split("\n")[0])
    assert header.pop("sha256")
    assert header == json.loads(text.split("\n")[0]) | {"format": 2}


def with_hash(kind) -> str:
    """The text of format 1 as it is written today."""
    return kind.from_text((FOLDER / f"{kind.kind}.txt").read_text(encoding="utf-8")).to_text()


@pytest.mark.parametrize("kind", [ProfitModel, ChurnModel])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_text_that_was_cut_off_is_refused(kind, old, share) -> None:
    """LightGBM ends the process if it is given half a tree."""
    text = (FOLDER / f"{kind.kind}.txt").read_text(encoding="utf-8") if old else with_hash(kind)
    end = int(share * text.index("end of parameters"))
    with pytest.raises(InputError, match=f"^{kind.kind} model: ") as caught:
        kind.from_text(text[:end])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [ProfitModel, ChurnModel])
@settings(max_examples=60)
@given(data=st.data())
def test_any_changed_byte_is_found_by_the_hash(kind, data) -> None:
    text = with_hash(kind)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0159aZ \n=}").filter(lambda c: c != text[place]))
    with pytest.raises(InputError, match=f"^{kind.kind} model: "):
        kind.from_text(text[:place] + other + text[place + 1 :])


def test_a_header_without_its_values_is_refused() -> None:
    first, _, trees = (FOLDER / "profit.txt").read_text(encoding="utf-8").partition("\n")
    for key in ("design", "intercept", "tail", "rounds"):
        header = {k: v for k, v in json.loads(first).items() if k != key}
        with pytest.raises(InputError, match=f"header lacks a value .'{key}'"):
            ProfitModel.from_text(json.dumps(header) + "\n" + trees)


def test_the_rows_reach_the_tail_on_both_sides(expected) -> None:
    tail = ProfitModel.from_text((FOLDER / "profit.txt").read_text(encoding="utf-8")).tail_
    past = np.array(expected["rows"]["history__past_margin"])
    assert tail.slope > 0
    assert past.min() < tail.low
    assert past.max() > tail.high
