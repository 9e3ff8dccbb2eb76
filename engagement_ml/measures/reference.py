"""Reference of the measures, generated from the catalogue.

``python -m engagement_ml.measures.reference`` prints the page ``docs/reference/measures.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from engagement_ml.measures.catalogue import MEASURES
from engagement_ml.measures.definition import MeasureDefinition

WIDTH = 100
_UNITS = {
    "percent": "%",
    "points": "points from −100 to 100",
    "score": "score",
    "currency": "currency",
    "count": "number",
    "rate": "per 1,000",
    "minutes": "minutes",
    "hours": "hours",
}
_BETTER = {"more": "more is better", "less": "less is better", None: "no direction"}
_INTRODUCTION = """\
# Measures

Printed by `python -m engagement_ml.measures.reference` from the definitions; do not edit by hand.
`engagement-ml scorecard` computes each measure by period, by touchpoint (the column `channel`) and
by segment, if the tables have what it needs; otherwise it says what they lack.

A measure of your own has a name of yours and the `kind` of a measure below, with its settings:

```yaml
name: shop-engagement
sources: {events: events.parquet, transactions: transactions.parquet}
measures:
  trial_to_paid:
    kind: conversion
    start: trial_started
    goal: subscribed
    within_days: 14
    target: 25%
```

Every measure also takes `title`, `stage`, `owner`, `unit`, `better`, `target` and `warning`.
Settings that name event types take one name or a list. The defaults are alternatives: those that
the data has are used. In place of an event type, `transaction` is a row of the transactions and
`signup` the column of the customers, unless there is an event type of that name.

Days begin at midnight UTC. An empty period has no value, never 0. Intervals are 95%.
"""


def measures_page(catalogue: Sequence[MeasureDefinition] = MEASURES) -> str:
    """Return the page ``docs/reference/measures.md``.

    Examples
    --------
    >>> print(measures_page().splitlines()[0])
    # Measures
    """
    lines = [f"| [`{m.name}`](#{m.name}) | {m.title} | {_UNITS[m.unit]} |" for m in catalogue]
    table = "\n".join(["| measure | title | unit |", "| --- | --- | --- |", *lines])
    return "\n".join([_INTRODUCTION, table, "", *map(_section, catalogue)])


def _section(measure: MeasureDefinition) -> str:
    facts = {
        "Formula": measure.formula,
        "Unit": f"{_UNITS[measure.unit]}; {_BETTER[measure.better]}",
        "Needs": measure.needs,
        "Interval": measure.kind.interval,
        "Settings": _settings(measure.keys, measure.defaults),
        "Source": measure.source,
    }
    listed = [_item(f"**{name}**: {text}") for name, text in facts.items() if text]
    parts = [f"## {measure.name}\n", f"{measure.title}.\n", *listed]
    if measure.edge_cases:
        parts += ["", _wrapped(measure.edge_cases)]
    if measure.at_least > 1:
        parts += ["", f"Not shown for fewer than {measure.at_least} people."]
    return "\n".join(parts) + "\n"


def _settings(keys: Sequence[str], defaults: Mapping[str, Any]) -> str:
    return "; ".join(
        f"`{key}`, by default {_value(defaults[key])}" if key in defaults else f"`{key}`"
        for key in keys
    )


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _item(text: str) -> str:
    return fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _wrapped(text: str) -> str:
    return fill(text, WIDTH, break_on_hyphens=False)  # a link must not be broken


if __name__ == "__main__":
    sys.stdout.write(measures_page())
