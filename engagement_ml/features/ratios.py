"""Ratios between behaviours that the configuration names: rates, abandonment, breadth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import narwhals as nw

from engagement_ml.config import RatioConfig
from engagement_ml.features.behaviours import FREQUENCY
from engagement_ml.features.family import Feature, FeatureContext, FeatureFamily

_NULL_DENOMINATOR = "null if the denominator is 0"

Counts = Sequence[nw.Expr]


def ratio_features(ratios: Sequence[RatioConfig]) -> tuple[Feature, ...]:
    """Return the features of the ratios, computed from the columns ``<behaviour>__frequency``.

    Examples
    --------
    >>> clicks = RatioConfig(name="click_through", numerator=("clicked",), denominator=("opened",))
    >>> [(feature.name, feature.formula) for feature in ratio_features([clicks])]
    [('click_through', 'n(clicked) / n(opened)')]
    """
    factories = {"rate": _rate, "abandonment": _abandonment, "breadth": _breadth}
    return tuple(factories[ratio.kind](ratio) for ratio in ratios)


def frequency_column(behaviour: str) -> str:
    """Return the panel column with a behaviour's number of events."""
    return f"{behaviour}__{FREQUENCY.name}"


def _rate(ratio: RatioConfig) -> Feature:
    above, below = ratio.named["numerator"], ratio.named["denominator"]
    return Feature(
        name=ratio.name,
        formula=f"{_sum_text(above)} / {_sum_text(below)}",
        unit="ratio, 0 or more",
        window="observation window",
        nulls=_NULL_DENOMINATOR,
        columns=_columns(*above, *below),
        expression=lambda context: _share(_counts(above, context), _counts(below, context)),
    )


def _abandonment(ratio: RatioConfig) -> Feature:
    begun, done = ratio.named["begun"], ratio.named["done"]

    def expression(context: FeatureContext) -> nw.Expr:
        abandoned = 1.0 - _share(_counts(done, context), _counts(begun, context))
        return nw.when(abandoned < 0).then(nw.lit(0.0)).otherwise(abandoned)

    return Feature(
        name=ratio.name,
        formula=f"1 − {_sum_text(done)} / {_sum_text(begun)}, 0 if more was done than begun",
        unit="from 0 to 1",
        window="observation window",
        nulls=_NULL_DENOMINATOR,
        columns=_columns(*begun, *done),
        expression=expression,
    )


def _breadth(ratio: RatioConfig) -> Feature:
    behaviours = ratio.named["breadth"]

    def expression(context: FeatureContext) -> nw.Expr:
        adopted = (
            nw.when(count > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
            for count in _counts(behaviours, context)
        )
        return reduce(add, adopted) / float(len(behaviours))

    return Feature(
        name=ratio.name,
        formula=f"number of {', '.join(behaviours)} with an event / {len(behaviours)}",
        unit="from 0 to 1",
        window="observation window",
        nulls="never null; 0 without events of any of them",
        columns=_columns(*behaviours),
        expression=expression,
    )


def _columns(*behaviours: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(frequency_column, behaviours)))


def _counts(behaviours: Sequence[str], context: FeatureContext) -> list[nw.Expr]:
    return [context.column(frequency_column(behaviour)) for behaviour in behaviours]


def _share(above: Counts, below: Counts) -> nw.Expr:
    whole = reduce(add, below)
    return nw.when(whole > 0).then(reduce(add, above) / whole)


def _sum_text(names: Sequence[str]) -> str:
    counts = [f"n({name})" for name in names]
    return counts[0] if len(counts) == 1 else f"({' + '.join(counts)})"


FAMILY = FeatureFamily(
    prefix="ratio",
    title="Ratios",
    config_key="features.ratios",
    features=lambda config: ratio_features(config.features.ratios),
    availability=(
        "Computed for the ratios that the configuration names; the table has those of the example "
        "in [the configuration](configuration.md#features-sessions-and-ratios). `n(x)` is the "
        "number of events of x in the window."
    ),
    description=(
        "If the denominator of a rate or of an abandonment is 0, the ratio is null, not 0: a "
        "customer without an opened e-mail has no click-through rate. A breadth is never null."
    ),
    example={
        "ratios": (
            {
                "name": "click_through",
                "numerator": "email_clicked",
                "denominator": "email_opened",
            },
            {"name": "cart_abandonment", "begun": "cart_add", "done": "checkout"},
            {"name": "adoption_breadth", "breadth": ("search", "wishlist_add", "review_written")},
        )
    },
)
