"""The catalogue of features, made from their definitions.

``python -m engagement_ml.features.catalogue`` prints the page ``docs/reference/features.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import fill

from engagement_ml.config import FeaturesConfig, PipelineConfig, RatioConfig, SessionsConfig
from engagement_ml.features import behaviours, rfm, sessions
from engagement_ml.features.behaviours import Feature
from engagement_ml.features.ratios import GROUP as RATIO
from engagement_ml.features.ratios import ratio_features

COLUMNS = ("name", "formula", "unit", "window", "nulls")
EXAMPLES = (
    RatioConfig(name="click_through", numerator=("email_clicked",), denominator=("email_opened",)),
    RatioConfig(name="cart_abandonment", begun=("cart_add",), done=("checkout",)),
    RatioConfig(name="adoption_breadth", breadth=("search", "wishlist_add", "review_written")),
)
"""What the page shows of ratios."""
Line = dict[str, str]

_PAGE = """\
# Features

Printed by `python -m engagement_ml.features.catalogue` from the definitions; not to be edited by
hand. `engagement-ml features` and the models make each feature at every cutoff, of what lies before
it. A null is NaN in `features.parquet`; to the models it is missing, not 0. Windows are half-open:
what happens at the very moment of a cutoff is not in them. Days begin at midnight UTC.

## Of each behaviour

{behaviours}
`value` and `duration_seconds` are there for behaviours of which any event has one.

## Of sessions

Where [the configuration](configuration.md#features-sessions-and-ratios) has
`features: {{sessions: true}}`.

{session}

{sessions}
## Of ratios

Where the configuration names them; these are those of its example. `n(x)` is the number of events
of x in the window.

{ratio}

{ratios}
## Of past transactions

{history}
## Of customers

{covariates}"""


def catalogue(
    config: PipelineConfig | None = None, covariates: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Return a line per feature: name, formula, unit, window, what nulls mean.

    Parameters
    ----------
    config : PipelineConfig, optional
        Sessions and ratios have lines where it asks for them.
    covariates : sequence of str
        The panel's columns of that kind.

    Examples
    --------
    >>> [line["name"] for line in catalogue()][:2]
    ['<behaviour>__frequency', '<behaviour>__active_days']
    """
    asked = FeaturesConfig() if config is None else config.features
    return [
        *_lines("<behaviour>", behaviours.FEATURES),
        *(_lines(sessions.GROUP, sessions.FEATURES) if asked.sessions is not None else []),
        *_lines(RATIO, ratio_features(asked.ratios)),
        *_lines("history", rfm.FEATURES),
        *map(_covariate, covariates),
    ]


def catalogue_markdown(config: PipelineConfig | None = None, covariates: Sequence[str] = ()) -> str:
    """Return the catalogue as a Markdown table, and below it what sessions and ratios are.

    Examples
    --------
    >>> print(catalogue_markdown().splitlines()[0])
    | name | formula | unit | window | nulls |
    """
    asked = FeaturesConfig() if config is None else config.features
    said = [] if asked.sessions is None else [sessions.in_words(asked.sessions)]
    said += [_ratios_in_words()] if asked.ratios else []
    return _table(catalogue(config, covariates)) + "".join(f"\n{fill(w, 100)}\n" for w in said)


def features_page() -> str:
    """Return the page ``docs/reference/features.md``: every feature there is.

    Examples
    --------
    >>> print(features_page().splitlines()[0])
    # Features
    """
    return _PAGE.format(
        behaviours=_table(_lines("<behaviour>", behaviours.FEATURES)),
        session=fill(sessions.in_words(SessionsConfig()), 100),
        sessions=_table(_lines(sessions.GROUP, sessions.FEATURES)),
        ratio=fill(_ratios_in_words(), 100),
        ratios=_table(_lines(RATIO, ratio_features(EXAMPLES))),
        history=_table(_lines("history", rfm.FEATURES)),
        covariates=_table([_covariate("covariate__<column>")]),
    )


def _lines(group: str, features: Sequence[Feature]) -> list[Line]:
    return [
        {
            "name": f"{group}__{feature.name}",
            "formula": feature.formula,
            "unit": feature.unit,
            "window": feature.window,
            "nulls": feature.nulls,
        }
        for feature in features
    ]


def _covariate(name: str) -> Line:
    column = name.removeprefix("covariate__")
    return {
        "name": name,
        "formula": f"column `{column}` of `customers`",
        "unit": "as in the table",
        "window": "none: at every cutoff what the table says now",
        "nulls": "null where the customer has no row there, or none of it",
    }


def _ratios_in_words() -> str:
    return (
        "Where the denominator of a rate or of an abandonment is 0, the ratio is null, not 0: "
        "who opened no mail neither clicked nor failed to. A breadth is never null."
    )


def _table(lines: Sequence[Line]) -> str:
    rows = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for line in lines:
        # An event type may hold what ends a cell.
        name, *rest = (line[column].replace("|", "\\|") for column in COLUMNS)
        rows.append(f"| {' | '.join([f'`{name}`', *rest])} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(features_page())
