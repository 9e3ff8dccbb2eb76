"""Catalogue: one line for every feature of a panel, and no line for any other feature."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel
from engagement_ml.features.catalogue import (
    catalogue,
    catalogue_markdown,
    example_config,
    features_page,
)
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "features.md"
RATIOS = [
    {"name": "click through", "numerator": ["click|tap"], "denominator": ["open"]},
    {"name": "kept", "begun": ["open"], "done": ["click|tap"]},
    {"name": "breadth", "breadth": ["open", "click|tap"]},
]


@pytest.mark.parametrize("features", [{}, {"sessions": True}, {"sessions": True, "ratios": RATIOS}])
def test_every_feature_of_a_panel_has_a_line_and_every_line_a_feature(
    features: dict,
) -> None:
    moments = pd.date_range("2024-03-01", periods=8, freq="D")
    events = pd.DataFrame(
        {
            "customer_id": [1, 2] * 4,
            "timestamp": moments,
            "event_type": ["open", "open", "click|tap", "click|tap"] * 2,
            "value": 1.0,
            "duration_seconds": 2.0,
        }
    )
    paid = pd.DataFrame({"customer_id": [1, 2], "margin": 1.0, "timestamp": moments[[0, 7]]})
    customers = pd.DataFrame({"customer_id": [1, 2], "age": [30, 40], "plan": ["a", "b"]})
    windows = {"observation_days": 2, "outcome_days": 2, "every_days": 1}
    config = parse_config({"name": "lines", "windows": windows, "features": features})
    frames = {"events": events, "transactions": paid, "customers": customers}
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, frames)
        panel = build_panel(tables, config, plan_windows(tables.history, config.windows))
    lines = catalogue(config, panel.covariates)
    named = [
        line["name"].replace("<behaviour>", behaviour)
        for line in lines
        for behaviour in (panel.behaviours if "<behaviour>" in line["name"] else ("",))
    ]
    assert len(named) == len(set(named))
    assert set(named) == set(panel.features)
    assert set(panel.features) < set(panel.frame.columns)
    assert all(value for line in lines for value in line.values())


def test_markdown_has_a_row_per_line_and_the_definition_of_a_session() -> None:
    features = {"sessions": {"gap_minutes": 45, "event_types": ["open"]}, "ratios": RATIOS}
    config = parse_config({"name": "lines", "features": features})
    text = catalogue_markdown(config, ["covariate__age"])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == len(catalogue(config, ["covariate__age"])) + 2
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}
    words = " ".join(text.split())
    assert "no pause of more than 45 minutes" in words
    assert "Only events of these types make sessions: open." in words
    assert "n(click\\|tap) / n(open)" in text
    assert "the ratio is null, not 0" in words
    # Families that the configuration does not ask for are not described.
    assert "session" not in catalogue_markdown()
    assert "ratio" not in catalogue_markdown().replace("duration", "")


def test_the_page_is_printed_from_the_definitions() -> None:
    assert PAGE.read_text(encoding="utf-8") == features_page(), (
        "print it again: python -m engagement_ml.features.catalogue > docs/reference/features.md"
    )


def test_example_ratios_are_those_of_the_configuration_page() -> None:
    text = (PAGE.parent / "configuration.md").read_text(encoding="utf-8")
    shown = text.split("## `features`")[1].split("```yaml\n")[1].split("```")[0]
    assert parse_config(yaml.safe_load(shown)).features.ratios == example_config().features.ratios


def test_the_page_has_every_feature() -> None:
    lines = catalogue(example_config(), ["covariate__<column>"])
    assert {line["name"].split("__")[0] for line in lines} == {
        "<behaviour>", "session", "ratio", "history", "covariate",
    }  # fmt: skip
    for line in lines:
        assert f"| `{line['name']}` | {line['formula']} |" in features_page()
