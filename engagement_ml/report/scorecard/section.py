"""A section of the analyst's part: sentences, tables, what is folded, and a template of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engagement_ml.report.scorecard.tables import Table


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    key, title : str
        Anchor and heading.
    lead : tuple of str
        Paragraphs.
    tables : tuple of Table
    folded : tuple of (str, tuple of Table)
        Summaries, and the tables below each.
    template : str or None
        File of a template between the paragraphs and the tables, which sees `content`.
    content : object
    """

    key: str
    title: str
    lead: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[tuple[str, tuple[Table, ...]], ...] = ()
    template: str | None = None
    content: Any = None

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """All tables of the section."""
        return (*self.tables, *(table for _, tables in self.folded for table in tables))
