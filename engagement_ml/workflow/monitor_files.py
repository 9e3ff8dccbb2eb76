"""Result of the monitor, and the files that it writes."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.config import FailOn
from engagement_ml.lifecycle.monitoring.rows import COLUMNS, MonitorRow, Status
from engagement_ml.plain_types import plain
from engagement_ml.spreadsheet_cells import guarded

if TYPE_CHECKING:
    import pandas as pd

NAME, WARNINGS = "monitor", "early_warnings"


@dataclass(frozen=True)
class MonitorResult:
    """What a run of the monitor found.

    Attributes
    ----------
    model : str
        Name of the metric.
    as_of : date
        End of the last week, exclusive.
    rows : tuple of MonitorRow
        Alarms first.
    notes : tuple of str
        What was not checked, dropped or assumed.
    details : dict
        Weekly volumes with their forecasts, and backtests, as plain JSON types.
    fail_on : {"alarm", "warning", "never"}
        What makes `failed` true.
    folder : Path or None
        The folder that was written.
    run_id : str or None
        The MLflow run that holds the history.
    """

    model: str
    as_of: dt.date
    rows: tuple[MonitorRow, ...]
    notes: tuple[str, ...]
    details: Mapping[str, Any]
    fail_on: FailOn
    folder: Path | None = None
    run_id: str | None = None
    _warnings: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def status(self) -> Status:
        """The worst status of all rows; ``ok`` if nothing is an alarm or a warning."""
        found = {row.status for row in self.rows}
        if "alarm" in found:
            return "alarm"
        return "warning" if "warning" in found else "ok"

    @property
    def failed(self) -> bool:
        """Whether the status is one that `fail_on` names."""
        limits = {"alarm": {"alarm"}, "warning": {"alarm", "warning"}, "never": set[str]()}
        return self.status in limits[self.fail_on]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame, alarms first."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(row) for row in self.rows], columns=list(COLUMNS))

    @property
    def early_warnings(self) -> pd.DataFrame:
        """Customers below their own usual, the largest margin at stake first."""
        import pandas as pd

        return pd.DataFrame() if self._warnings is None else self._warnings

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``monitor.json``."""
        return {
            "model": self.model,
            "as_of": self.as_of.isoformat(),
            "status": self.status,
            "rows": [plain(row.to_dict()) for row in self.rows],
            "notes": list(self.notes),
            "details": plain(dict(self.details)),
        }


def write_monitor(result: MonitorResult, folder: Path) -> list[Path]:
    """Write the files of a result into an existing folder, and return them."""
    from engagement_ml.report import render_monitor

    texts = {
        "monitor.json": json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n",
        "monitor.csv": rows_csv([row.to_dict() for row in result.rows], COLUMNS),
        "monitor.html": render_monitor(result.to_dict()),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    result.frame.to_parquet(folder / "monitor.parquet", index=False)
    if result._warnings is not None:
        frame = result._warnings
        frame.to_parquet(folder / f"{WARNINGS}.parquet", index=False)
        text = rows_csv(frame.to_dict("records"), tuple(frame.columns))
        (folder / f"{WARNINGS}.csv").write_text(text, encoding="utf-8", newline="\n")
    return sorted(folder.iterdir())


def rows_csv(rows: list[dict[Any, Any]], columns: tuple[str, ...]) -> str:
    r"""Return rows as CSV that is safe to open in a spreadsheet; nulls are empty cells.

    Examples
    --------
    >>> rows_csv([{"subject": "=1+1", "value": None}], ("subject", "value"))
    "subject,value\n'=1+1,\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN
        return ""
    return f"{value:.6g}" if isinstance(value, float) else guarded(str(value))
