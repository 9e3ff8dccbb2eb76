"""Prints parts of reference pages from the code: configuration, command line, metric.json."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from docs_build.commands import command_pages
from docs_build.schemas import schema_tables

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^<!-- printed: ([a-z-]+) -->$", re.M)


def fill_in(markdown: str) -> str:
    """Replace each mark of a page by what it names.

    Raises
    ------
    KeyError
        If a mark names nothing that can be printed.
    """
    return MARK.sub(lambda match: PRINTED[match[1]](), markdown)


def configuration() -> str:
    """Return the tables of the configuration's keys."""
    from engagement_ml.config.schema import config_schema

    return schema_tables(config_schema(), first="Top level")


def contributing() -> str:
    """Return CONTRIBUTING.md, its links as seen from the site."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.replace("](docs/", "](../")


def metric_file() -> str:
    """Return the tables of the keys of metric.json."""
    from engagement_ml.metric.schema import metric_schema

    return schema_tables(metric_schema(), first="The file")


def gallery() -> str:
    """Return the table of the notebooks."""
    from docs_build.gallery import gallery_table

    return gallery_table(ROOT)


def measures() -> str:
    """Return the table of the measures of evaluation.json."""
    from engagement_ml.evaluation.measures import MEASURES

    rows = ["| part | measure | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{each.part}` | `{each.name}` | {each.description} |" for each in MEASURES]
    return "\n".join(rows)


def thresholds() -> str:
    """Return the table of the limits that decide verdicts and selection."""
    from engagement_ml.drivers.thresholds import thresholds_markdown

    return thresholds_markdown()


PRINTED: dict[str, Callable[[], str]] = {
    "command-line": command_pages,
    "configuration": configuration,
    "contributing": contributing,
    "gallery": gallery,
    "measures": measures,
    "metric": metric_file,
    "thresholds": thresholds,
}
