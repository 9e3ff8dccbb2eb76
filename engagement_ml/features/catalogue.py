"""The catalogue of features, made from their definitions."""

from __future__ import annotations

from engagement_ml.features import behaviours, history

COLUMNS = ("name", "formula", "unit", "window", "nulls")


def catalogue() -> list[dict[str, str]]:
    """Return a line per feature: name, formula, unit, window, what nulls mean.

    Examples
    --------
    >>> [line["name"] for line in catalogue()][:2]
    ['<behaviour>__frequency', '<behaviour>__active_days']
    """
    groups = {"<behaviour>": behaviours.FEATURES, "history": history.FEATURES}
    return [
        {
            "name": f"{group}__{feature.name}",
            "formula": feature.formula,
            "unit": feature.unit,
            "window": feature.window,
            "nulls": feature.nulls,
        }
        for group, features in groups.items()
        for feature in features
    ]


def catalogue_markdown() -> str:
    """Return the catalogue as a Markdown table.

    Examples
    --------
    >>> print(catalogue_markdown().splitlines()[0])
    | name | formula | unit | window | nulls |
    """
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for line in catalogue():
        name, *rest = (line[column] for column in COLUMNS)
        lines.append(f"| {' | '.join([f'`{name}`', *rest])} |")
    return "\n".join(lines) + "\n"
