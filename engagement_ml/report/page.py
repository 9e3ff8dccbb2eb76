"""A run as one self-contained HTML file: nothing is loaded, nothing runs, all text is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from engagement_ml.formatting import as_date, day, first_upper, number
from engagement_ml.report import (
    behaviours,
    evaluation,
    experiments,
    metric,
    provenance,
    robustness,
    text,
)
from engagement_ml.report.view import Row, Run, SupportsToDict, as_texts

_TITLES = {
    "metric": "The metric",
    "naive": "What looks good and is not",
    "responses": "How much is enough",
    "behaviours": "Every behaviour and its verdict",
    "evaluation": "Foretelling and steering",
    "checks": "What was attacked",
    "segments": "Where segments differ",
    "pairs": "Behaviours together",
    "unprofitable": "Engaged, yet unprofitable",
    "experiments": "What to test next",
    "data": "The data",
    "windows": "Windows and cutoffs",
    "limits": "Assumptions and limits",
    "glossary": "What the words mean",
    "versions": "How this was made",
}


def render_report(record: Row | SupportsToDict) -> str:
    """Return a run as a self-contained HTML page.

    Parameters
    ----------
    record : RunRecord or mapping
        A run's record or what its ``to_dict()`` returns. A section whose part is missing, null
        or empty is left out; a number that is null is a dash.

    Returns
    -------
    str
        A whole page: no network, no script, light and dark, narrow screens and print. The same
        record gives the same text.

    Raises
    ------
    InputError
        Where ``metric`` is no metric's definition.

    Examples
    --------
    >>> page = render_report({"name": "shop", "metric": {"abstained": True, "reason": "too short"}})
    >>> "Nothing we can defend moves margin here." in page, "<script" in page
    (True, False)
    """
    run = Run.of(record)
    sections = _sections(run)
    page: str = (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            headline=text.headline(run),
            lead=text.lead(run),
            meta=_meta(run),
            sections=sections,
            titles={key: _title(key, run) for key in sections},
        )
    )
    return page


def _sections(run: Run) -> dict[str, Any]:
    built = {
        "metric": metric.metric_section(run),
        "naive": metric.naive_section(run),
        "responses": metric.response_section(run),
        "behaviours": behaviours.behaviour_section(run),
        "evaluation": evaluation.evaluation_section(run),
        "checks": robustness.check_section(run),
        "segments": robustness.segment_section(run),
        "pairs": robustness.pair_section(run),
        "unprofitable": robustness.unprofitable_section(run),
        "experiments": experiments.experiment_section(run),
        "data": provenance.data_section(run),
        "windows": provenance.windows_section(run),
        "limits": {"texts": text.limits(run), "notes": as_texts(run.raw.get("notes"))},
        "glossary": {"verdicts": list(text.VERDICTS.values()), "terms": text.terms(run)},
        "versions": provenance.version_section(run),
    }
    return {key: section for key, section in built.items() if section}


def _title(key: str, run: Run) -> str:
    if key == "naive" and run.weighted and run.indicator:
        return "What the usual ranking says"
    if key == "experiments" and run.mapping("experiments").get("results"):
        return "Randomised tests"
    return _TITLES[key]


def _meta(run: Run) -> list[str]:
    created = run.text("created_at")
    n_entities, drawn = run.raw.get("n_entities"), run.mapping("sample")
    who = number(n_entities, 0)
    if drawn:
        who = f"{number(drawn.get('customers'), 0)} of {number(drawn.get('of'), 0)}"
    return [
        text
        for text in (
            run.name,
            day(created) if as_date(created) else "",
            f"{who} {run.entities}" if n_entities else "",
            run.text("currency"),
        )
        if text
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("engagement_ml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["first_upper"] = first_upper
    return environment
