"""The report: a run as one self-contained HTML file without scripts; all text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from engagement_ml.formatting import as_date, day, first_upper, number, one_line
from engagement_ml.records import RunRecord
from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.sections import SECTIONS
from engagement_ml.report.view import Run

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content security policy of the page: its own styles, and nothing else from anywhere."""


def render_report(
    record: RunRecord | Mapping[str, Any], sections: Sequence[Section] = SECTIONS
) -> str:
    """Return a run as a self-contained HTML page.

    Parameters
    ----------
    record : RunRecord or mapping
        A run's record, or the result of its ``to_dict()``. A number that is null is shown as a
        dash.
    sections : sequence of Section
        In the order of the page. A section without content is left out.

    Returns
    -------
    str
        A whole page without network access or scripts, for light and dark screens, phones and
        print. The same record gives the same text.

    Raises
    ------
    InputError
        If a dictionary is not a record, or its metric is not a valid definition.

    Examples
    --------
    >>> import datetime as dt
    >>> from engagement_ml.drivers.evidence import DriverEvidence
    >>> from engagement_ml.metric import EngagementMetric
    >>> from engagement_ml.windows import History, Windows
    >>> day, reason = dt.date(2024, 1, 1), "the history is too short"
    >>> record = RunRecord(
    ...     name="shop", entity="customer", currency="EUR", created_at="2024-09-01", version="1",
    ...     config={}, windows=Windows(84, 84, 0, (), (), day, History(day, day)), tables=(),
    ...     n_entities=0, n_rows=0, evaluation={},
    ...     metric=EngagementMetric("shop", "driver", 84, 84, (), reason=reason).to_dict(),
    ...     evidence=DriverEvidence("driver", (), reason, ()),
    ... )
    >>> page = render_report(record)
    >>> "No behaviour could be shown to move margin." in page, "<script" in page
    (True, False)
    """
    run = Run.of(record)
    built = [(section, section.build(run)) for section in sections]
    page: str = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            policy=POLICY,
            name=one_line(run.record.name),
            headline=text.headline(run),
            lead=text.lead(run),
            meta=_meta(run),
            sections=[
                {
                    "key": section.key,
                    "title": section.heading(run),
                    "template": _template(section),
                    "content": content,
                }
                for section, content in built
                if content
            ],
        )
    )
    return page


def _meta(run: Run) -> list[str]:
    record = run.record
    n_entities = number(record.n_entities, 0)
    if record.sample is not None:
        n_entities = f"{number(record.sample.customers, 0)} of {number(record.sample.of, 0)}"
    made = day(record.created_at) if as_date(record.created_at) else ""
    parts = (
        one_line(record.name),
        made,
        f"{n_entities} {run.entities}" if record.n_entities else "",
        run.money.currency,
    )
    return [part for part in parts if part]


def _template(section: Section) -> Template:
    if isinstance(section.template, Path):
        return page_environment().from_string(section.template.read_text(encoding="utf-8"))
    return page_environment().get_template(section.template)


@cache
def page_environment() -> Environment:
    """Return the templates of all pages."""
    environment = Environment(
        loader=PackageLoader("engagement_ml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["first_upper"] = first_upper
    return environment
