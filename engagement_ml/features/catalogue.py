"""Feature catalogue, generated from the definitions of the feature families.

``python -m engagement_ml.features.catalogue`` prints the page ``docs/reference/features.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import fill

from engagement_ml.config import FeaturesConfig, PipelineConfig
from engagement_ml.features.families import FAMILIES
from engagement_ml.features.family import FeatureFamily

COLUMNS = ("name", "formula", "unit", "window", "nulls")
WIDTH = 100
Line = dict[str, str]

_INTRODUCTION = """\
# Features

Printed by `python -m engagement_ml.features.catalogue` from the definitions; do not edit by hand.
`engagement-ml features` and the models compute each feature at every cutoff, from data before the
cutoff. A null is NaN in `features.parquet`; the models treat it as missing, not as 0. Windows are
half-open: an event exactly at a cutoff is not in them. Days begin at midnight UTC.
"""
_COVARIATES = "Columns of the customers table"


def catalogue(
    config: PipelineConfig | None = None,
    covariates: Sequence[str] = (),
    *,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> list[Line]:
    """Return a line per feature: name, formula, unit, window, meaning of nulls.

    Parameters
    ----------
    config : PipelineConfig, optional
        Families that it does not ask for have no lines.
    covariates : sequence of str
        The covariate columns of the panel.
    families : sequence of FeatureFamily, default FAMILIES

    Examples
    --------
    >>> [line["name"] for line in catalogue()][:2]
    ['<behaviour>__frequency', '<behaviour>__active_days']
    """
    settings = PipelineConfig(name="catalogue") if config is None else config
    enabled = (family for family in families if family.enabled(settings))
    lines = [line for family in enabled for line in _lines(family, settings)]
    return [*lines, *map(_covariate, covariates)]


def catalogue_markdown(
    config: PipelineConfig | None = None,
    covariates: Sequence[str] = (),
    *,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> str:
    """Return the catalogue as a Markdown table, with the descriptions of the families below it.

    Examples
    --------
    >>> print(catalogue_markdown().splitlines()[0])
    | name | formula | unit | window | nulls |
    """
    settings = PipelineConfig(name="catalogue") if config is None else config
    descriptions = [f.description_for(settings) for f in families if f.enabled(settings)]
    paragraphs = (f"\n{fill(text, WIDTH)}\n" for text in descriptions if text)
    return _table(catalogue(settings, covariates, families=families)) + "".join(paragraphs)


def features_page(families: Sequence[FeatureFamily] = FAMILIES) -> str:
    """Return the page ``docs/reference/features.md``, with every family and its examples.

    Examples
    --------
    >>> print(features_page().splitlines()[0])
    # Features
    """
    config = example_config(families)
    sections = [_section(family, config) for family in families]
    covariates = f"## {_COVARIATES}\n\n{_table([_covariate('covariate__<column>')])}"
    return "\n".join([_INTRODUCTION, *sections, covariates])


def example_config(families: Sequence[FeatureFamily] = FAMILIES) -> PipelineConfig:
    """Return the configuration with every example of the families, as the page documents them."""
    examples = {key: value for family in families for key, value in family.example.items()}
    return PipelineConfig(name="examples", features=FeaturesConfig.model_validate(examples))


def _section(family: FeatureFamily, config: PipelineConfig) -> str:
    texts = (family.availability, family.description_for(config))
    above = [fill(text, WIDTH) + "\n" for text in texts if text]
    below = [fill(family.footnote, WIDTH) + "\n"] if family.footnote else []
    table = _table(_lines(family, config))
    return "\n".join([f"## {family.title}\n", *above, table, *below])


def _lines(family: FeatureFamily, config: PipelineConfig) -> list[Line]:
    return [
        {
            "name": family.column(feature),
            "formula": feature.formula,
            "unit": feature.unit,
            "window": feature.window,
            "nulls": feature.nulls,
        }
        for feature in family.features_for(config)
    ]


def _covariate(name: str) -> Line:
    column = name.removeprefix("covariate__")
    return {
        "name": name,
        "formula": f"column `{column}` of `customers`",
        "unit": "as in the table",
        "window": "none: at every cutoff the value that the table has now",
        "nulls": "null if the customer has no row in the table, or no value in the column",
    }


def _table(lines: Sequence[Line]) -> str:
    rows = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for line in lines:
        # An event type may contain the character that separates cells.
        name, *rest = (line[column].replace("|", "\\|") for column in COLUMNS)
        rows.append(f"| {' | '.join([f'`{name}`', *rest])} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(features_page())
