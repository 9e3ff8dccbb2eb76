"""The reference of the measures: printed from the catalogue, with what people must know of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from engagement_ml.config import MeasureConfig
from engagement_ml.measures.catalogue import MEASURES
from engagement_ml.measures.definition import MeasureDefinition
from engagement_ml.measures.reference import measures_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "measures.md"


def test_the_page_is_printed_from_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == measures_page(), (
        "print it again: python -m engagement_ml.measures.reference > docs/reference/measures.md"
    )


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
def test_an_entry_is_complete(measure: MeasureDefinition) -> None:
    assert measure.formula
    assert measure.needs
    assert measure.kind.interval
    # A default that is no key, or a key that the configuration does not have, would be ignored.
    assert set(measure.defaults) <= set(measure.keys)
    assert set(measure.keys) <= set(MeasureConfig.model_fields)
    configured = measure.settings(MeasureConfig(**dict(measure.defaults)))
    assert configured == measure.settings(None)


def test_names_are_unique() -> None:
    names = [measure.name for measure in MEASURES]

    assert len(set(names)) == len(names)
