"""The scorecard as one self-contained HTML file; all text is escaped.

The only script is the page's own: it sorts tables and saves them as files. The content security
policy allows it by its hash, and no other script. Without it, everything is readable.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from engagement_ml.formatting import day, one_line, plural
from engagement_ml.report.page import POLICY, environment
from engagement_ml.report.scorecard import absent, evidence, groups, matrices, review, words
from engagement_ml.report.scorecard.executive import executive
from engagement_ml.report.scorecard.front_line import front_line, tables_of
from engagement_ml.report.scorecard.journey import journey_section
from engagement_ml.report.scorecard.measures import details_section, measures_section
from engagement_ml.report.scorecard.section import Section
from engagement_ml.report.scorecard.surveys import survey_sections
from engagement_ml.report.scorecard.tables import Table
from engagement_ml.report.scorecard.teams import teams_section
from engagement_ml.scorecard.card import Scorecard
from engagement_ml.scorecard.serialised import card_dict

JSON_FILE = "scorecard.json"


def render_scorecard(card: Scorecard) -> str:
    """Return a scorecard as a self-contained HTML page.

    Parameters
    ----------
    card : Scorecard

    Returns
    -------
    str
        A whole page without network access, for light and dark screens, phones and print. The same
        scorecard gives the same text.

    Examples
    --------
    >>> import datetime as dt
    >>> page = render_scorecard(Scorecard("shop", "customer", "EUR", dt.date(2024, 1, 1), (), ()))
    >>> "No measure has data" in page
    True
    """
    owners, sections = front_line(card), _sections(card)
    tables = [*tables_of(owners), *(each for s in sections for each in s.all_tables)]
    page: str = (
        environment()
        .get_template("scorecard.html.j2")
        .render(
            policy=f"{POLICY}; script-src '{_hash(_script())}'",
            script=Markup(_script()),
            files=Markup(_files(card, tables)),
            json_file=JSON_FILE,
            name=one_line(card.name),
            headline=words.headline(card),
            lead=words.lead(card),
            meta=_meta(card),
            entities=one_line(plural(card.entity)),
            executive=executive(card),
            owners=owners,
            sections=sections,
        )
    )
    return page


def _meta(card: Scorecard) -> list[str]:
    parts = (
        one_line(card.name),
        f"Scorecard of {one_line(card.periods[-1])}" if card.periods else "Scorecard",
        f"data before {day(card.as_of)}",
        one_line(plural(card.entity)),
        one_line(card.currency),
    )
    return [part for part in parts if part]


def _sections(card: Scorecard) -> list[Section]:
    """Return the sections of the analyst's part, in the order of the page."""
    built = [
        measures_section(card),
        details_section(card),
        journey_section(card),
        review.goals_section(card),
        review.changes_section(card),
        evidence.metric_section(card),
        *survey_sections(card),
        teams_section(card),
        matrices.segments_section(card),
        groups.behaviour_segments_section(card),
        groups.cohorts_section(card),
        evidence.contestants_section(card),
        absent.benchmarks_section(card),
        absent.absent_section(card),
        evidence.method_section(card),
    ]
    return [section for section in built if section is not None]


def _files(card: Scorecard, tables: Sequence[Table]) -> str:
    """Return the files of the page as JSON that no text in it can end."""
    content = {JSON_FILE: card_dict(card), **{table.file: table.csv() for table in tables}}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _script() -> str:
    return (
        files("engagement_ml.report")
        .joinpath("templates", "scorecard.js")
        .read_text(encoding="utf-8")
    )


def _hash(script: str) -> str:
    """Return the source of a policy that allows exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
