"""Result of a scorecard, and the files that it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.formatting import plural
from engagement_ml.scorecard.card import MeasureCard, Scorecard
from engagement_ml.scorecard.rows import COLUMNS, COUNTS, TEXTS
from engagement_ml.scorecard.serialised import card_dict
from engagement_ml.scorecard.wording import shown

if TYPE_CHECKING:
    import pandas as pd

TABLE, JSON, PAGE = "scorecard.parquet", "scorecard.json", "scorecard.html"


@dataclass(frozen=True, repr=False)
class ScorecardResult:
    """A scorecard, and its files.

    Attributes
    ----------
    card : Scorecard
        All values, verdicts, goals and actions.
    folder : Path or None
        Contains ``scorecard.parquet``, ``scorecard.json`` and ``scorecard.html``; None if nothing
        was written.
    """

    card: Scorecard
    folder: Path | None = None
    _rows: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The content of ``scorecard.parquet``: a row for each measure, period and group."""
        import pandas as pd

        columns = {name: [row[name] for row in self._rows] for name in COLUMNS}
        return pd.DataFrame(columns, dtype=object).astype({name: _dtype(name) for name in COLUMNS})

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``scorecard.json``, plain JSON types."""
        return card_dict(self.card)

    def __repr__(self) -> str:
        """Return the executive's numbers, and the status of each target."""
        card = self.card
        lines = [f"{card.name}: scorecard until {card.as_of}, {plural(card.entity)}"]
        lines += [f"{f['title']}: {f['text']}. {f['sentence']}" for f in card.facts]
        lines += [_line(each, card.currency) for each in card.measures if each.target is not None]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("measure", "value", "status", "link"))
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(text)}</td>"
                for text in (
                    each.title,
                    shown(each.latest.value, each.unit, self.card.currency),
                    each.status,
                    each.link.kind,
                )
            )
            + "</tr>"
            for each in self.card.measures
            if each.absent is None
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def write_scorecard(result: ScorecardResult, folder: Path) -> None:
    """Write the files of a scorecard into an existing folder."""
    from engagement_ml.report.scorecard import render_scorecard

    result.frame.to_parquet(folder / TABLE, index=False)
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / JSON).write_text(text, encoding="utf-8", newline="\n")
    (folder / PAGE).write_text(render_scorecard(result.card), encoding="utf-8", newline="\n")


def _dtype(column: str) -> str:
    if column in TEXTS:
        return "string"
    return "Int64" if column in COUNTS else "Float64"


def _line(card: MeasureCard, currency: str) -> str:
    value = shown(card.latest.value, card.unit, currency)
    return f"{card.title}: {value}, target {shown(card.target, card.unit, currency)}: {card.status}"
