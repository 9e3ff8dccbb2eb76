"""The report: a run as one self-contained HTML file; all text is escaped.

The only script is the page's own: it sorts tables and saves them as files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from engagement_ml.formatting import as_date, day, first_upper, number, one_line
from engagement_ml.records import RunRecord
from engagement_ml.report import text
from engagement_ml.report.interactive import POLICY, csv_of, files_json, policy, script
from engagement_ml.report.section import Section
from engagement_ml.report.sections import SECTIONS
from engagement_ml.report.view import Run


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
        A whole page without network access, for light and dark screens, phones and print. The
        same record gives the same text.

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
    >>> "No behaviour could be shown to move margin." in page, "://" in page
    (True, False)
    """
    run = Run.of(record)
    built = [(section, section.build(run)) for section in sections]
    shown = [(section, content) for section, content in built if content]
    return _render(
        [
            {
                "key": section.key,
                "title": section.heading(run),
                "template": _template(section.template),
                "content": content,
                "folded": section.folded,
                "board": section.board,
            }
            for section, content in shown
        ],
        policy=policy(),
        script=Markup(script()),
        files=Markup(files_json(_files(run, [section for section, _ in shown]))),
        run=run,
        name=one_line(run.record.name),
        headline=text.headline(run),
        lead=text.lead(run),
        meta=_meta(run),
    )


def _files(run: Run, sections: Sequence[Section]) -> dict[str, str]:
    """Return the files that the tables of these sections offer, by name."""
    return {
        name: csv_of(rows)
        for section in sections
        if section.tables is not None
        for name, rows in section.tables(run).items()
        if rows
    }


def render_sections(
    *,
    name: str,
    headline: str,
    lead: Sequence[str],
    meta: Sequence[str],
    sections: Sequence[tuple[str, str, str | Path, Any]],
    **context: Any,
) -> str:
    """Return a page of sections, without a script.

    Parameters
    ----------
    name, headline : str
        Its title is ``<name>: <headline>``.
    lead : sequence of str
        The paragraphs under the headline.
    meta : sequence of str
        The short texts above the headline.
    sections : sequence of (key, title, template, content)
        The template sees the content as ``section``.
    **context
        What the templates see as well.
    """
    return _render(
        [
            {
                "key": key,
                "title": title,
                "template": _template(template),
                "content": content,
                "folded": False,
                "board": True,
            }
            for key, title, template, content in sections
        ],
        policy=POLICY,
        script=None,
        name=name,
        headline=headline,
        lead=lead,
        meta=meta,
        **context,
    )


def _render(sections: Sequence[Mapping[str, Any]], **context: Any) -> str:
    page: str = environment().get_template("report.html.j2").render(sections=sections, **context)
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


def _template(template: str | Path) -> Template:
    if isinstance(template, Path):
        return environment().from_string(template.read_text(encoding="utf-8"))
    return environment().get_template(template)


@cache
def environment() -> Environment:
    """Return the environment of the templates, in which all text is escaped."""
    made = Environment(
        loader=PackageLoader("engagement_ml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["first_upper"] = first_upper
    return made
