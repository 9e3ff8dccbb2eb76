"""Ratios between behaviours that the configuration names: rates, abandonment, breadth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

import narwhals as nw

from engagement_ml.config import RatioConfig
from engagement_ml.features.behaviours import Feature

GROUP = "ratio"
COUNT = "__frequency"

_NEVER_DONE = "null where the denominator is 0: there is nothing to take a share of"


Count = Callable[[str], nw.Expr]


def counted(behaviour: str) -> nw.Expr:
    """Return the column of a panel with a behaviour's count."""
    return nw.col(f"{behaviour}{COUNT}")


def ratio_features(ratios: Sequence[RatioConfig], count: Count = counted) -> tuple[Feature, ...]:
    """Return the features of the ratios.

    Parameters
    ----------
    ratios : sequence of RatioConfig
    count : callable, optional
        From a behaviour to the expression of its count; by default the columns
        ``<behaviour>__frequency`` of a panel.

    Examples
    --------
    >>> opened = RatioConfig(name="click_through", numerator=("clicked",), denominator=("opened",))
    >>> [(feature.name, feature.formula) for feature in ratio_features([opened])]
    [('click_through', 'n(clicked) / n(opened)')]
    """
    return tuple(_feature(ratio, count) for ratio in ratios)


def _feature(ratio: RatioConfig, count: Count) -> Feature:
    named = ratio.named
    if ratio.kind == "breadth":
        listed = named["breadth"]
        formula = f"number of {', '.join(listed)} with an event / {len(listed)}"
        unit, nulls = "from 0 to 1", "never null; 0 where none was done"
        expression = _breadth(listed, count)
    elif ratio.kind == "abandonment":
        begun, done = named["begun"], named["done"]
        formula = f"1 − {_written(done)} / {_written(begun)}, 0 where more was done than begun"
        rest = 1.0 - _over(done, begun, count)
        unit, nulls = "from 0 to 1", _NEVER_DONE
        expression = nw.when(rest < 0).then(nw.lit(0.0)).otherwise(rest)
    else:
        over, under = named["numerator"], named["denominator"]
        formula = f"{_written(over)} / {_written(under)}"
        unit, nulls = "ratio, 0 or more", _NEVER_DONE
        expression = _over(over, under, count)
    return Feature(
        name=ratio.name,
        formula=formula,
        unit=unit,
        window="observation window",
        nulls=nulls,
        totals=(),
        expression=lambda _: expression,
        absent=None,
    )


def _over(above: Sequence[str], below: Sequence[str], count: Count) -> nw.Expr:
    whole = _sum(below, count)
    return nw.when(whole > 0).then(_sum(above, count) / whole)


def _breadth(listed: Sequence[str], count: Count) -> nw.Expr:
    done = (nw.when(count(b) > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0)) for b in listed)
    return reduce(add, done) / float(len(listed))


def _sum(names: Sequence[str], count: Count) -> nw.Expr:
    return reduce(add, map(count, names))


def _written(names: Sequence[str]) -> str:
    each = [f"n({name})" for name in names]
    return each[0] if len(each) == 1 else f"({' + '.join(each)})"
