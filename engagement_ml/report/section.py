"""The interface of a report section."""

from __future__ import annotations

from collections.abc import Callable
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
    """

    key: str
    title: str | Callable[[Run], str]
    template: str | Path
    build: Callable[[Run], Any]

    def heading(self, run: Run) -> str:
        """Return the title for a run."""
        return self.title if isinstance(self.title, str) else self.title(run)
