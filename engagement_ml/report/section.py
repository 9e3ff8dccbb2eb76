"""The interface of a report section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engagement_ml.report.view import Run


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes
    ----------
    key : str
        The anchor of the section on the page.
    title : str or callable
        The heading, or a function of the run that returns it.
    template : str or Path
        A Jinja template: a name in ``report/templates``, or the path of a file elsewhere. It sees
        the result of `build` as ``section``, the run as ``run`` and the macros of
        ``marks.html.j2`` as ``marks``.
    build : callable
        From the run to the values that the template shows. The section is left out if it returns
        None or something empty.
    folded : bool, default False
        Whether the page shows the heading only, until a reader opens it: the analyst's parts.
    board : bool, default False
        Whether it is on the two pages that are printed for the board.
    tables : callable, optional
        From the run to the rows of each file that the section's tables offer, by its name. A table
        of the template names its file in the attribute ``data-file``.
    """

    key: str
    title: str | Callable[[Run], str]
    template: str | Path
    build: Callable[[Run], Any]
    folded: bool = False
    board: bool = False
    tables: Callable[[Run], Mapping[str, Sequence[Any]]] | None = None

    def heading(self, run: Run) -> str:
        """Return the title for a run."""
        return self.title if isinstance(self.title, str) else self.title(run)
