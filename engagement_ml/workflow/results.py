"""Results of a run: its files, and the result object in Python."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.drivers.evidence import DriverEvidence, DriverRow, row_dict
from engagement_ml.drivers.segment_evidence import SegmentRow
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.spreadsheet_cells import guarded
from engagement_ml.workflow.settings import to_yaml

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.workflow.fitting import FittedPipeline

DRIVER_COLUMNS = (
    "behaviour", "verdict", "selected", "shap_rank", "mean_abs_shap", "effect", "effect_low",
    "effect_high", "selection_frequency", "saturation_point", "reason",
    "optimum", "optimum_low", "optimum_high", "break_even",
)  # fmt: skip
METRIC, DRIVERS, EVALUATION = "metric.json", "drivers.csv", "evaluation.json"
SEGMENTS = "segments.csv"
REPORT, RECORD, CONFIG = "report.html", "run.json", "config.yaml"
PROFIT, CHURN = Path("models", "profit.txt"), Path("models", "churn.txt")
_TEST_COLUMNS = ("q", "df", "i_squared", "tau", "informative_only")
_DIGITS = 6


@dataclass(frozen=True, repr=False)
class TrainResult:
    """The results of training, and their folder.

    Attributes
    ----------
    metric : EngagementMetric
    record : RunRecord
        All results of the run.
    folder : Path
        Contains ``metric.json``, ``drivers.csv``, ``evaluation.json``, ``report.html`` and the
        files that `evaluate`, `score` and `report` need.
    """

    metric: EngagementMetric
    record: RunRecord
    folder: Path

    @property
    def drivers(self) -> pd.DataFrame:
        """A row per candidate behaviour by margin, selected ones first, as in ``drivers.csv``."""
        return driver_frame(self.record.drivers)

    @property
    def outcomes(self) -> pd.DataFrame:
        """A row per candidate behaviour and outcome beside margin; the columns of `drivers`."""
        return driver_frame(self.record.further.outcome_rows)

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of ``evaluation.json``."""
        return self.record.evaluation

    @property
    def registered(self) -> dict[str, Any] | None:
        """The registered model's name, version, alias and URI; None without tracking."""
        return self.record.registered

    def __repr__(self) -> str:
        """Return the metric as a small table, and the folder."""
        return f"{self.metric!r}\n{self.folder}"

    def _repr_html_(self) -> str:
        return self.metric._repr_html_()


def default_folder(name: str, suffix: str = "") -> Path:
    """Return ``runs/<name>/<time>``, with a number added if that folder exists."""
    time = dt.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    base = Path("runs", name, f"{time}{suffix}")
    folder, number = base, 2
    while folder.exists():
        folder = base.with_name(f"{base.name}-{number}")
        number += 1
    return folder


def write_results(fitted: FittedPipeline, folder: Path) -> None:
    """Write all files of a run, including the report, into an existing folder."""
    write_tables(fitted, folder)
    write_record(fitted.record, folder)


def write_tables(fitted: FittedPipeline, folder: Path) -> None:
    """Write the files of a run into an existing folder, without the record and the report."""
    fitted.metric.to_json(folder / METRIC)
    _write(folder / DRIVERS, drivers_csv(_all_rows(fitted.record)))
    _write(folder / EVALUATION, evaluation_json(fitted.record.evaluation))
    if fitted.record.evidence.segments:
        _write(folder / SEGMENTS, segments_csv(fitted.record.evidence))
    for name, text in fitted.files.items():
        _write(folder / name, text)
    _write(folder / CONFIG, to_yaml(fitted.config))
    (folder / PROFIT).parent.mkdir(exist_ok=True)
    _write(folder / PROFIT, fitted.profit.to_text())
    _write(folder / CHURN, fitted.churn.to_text())


def _all_rows(record: RunRecord) -> tuple[DriverRow, ...]:
    """Return the rows of margin, then those of the other outcomes."""
    return (*record.drivers, *record.further.outcome_rows)


def write_record(record: RunRecord, folder: Path) -> None:
    """Write the record, and the report that shows it."""
    from engagement_ml.report import render_report

    record.to_json(folder / RECORD)
    _write(folder / REPORT, render_report(record))


def with_registration(
    record: RunRecord, registered: Mapping[str, Any] | None, seconds: Mapping[str, float]
) -> RunRecord:
    """Return the record with its entry in the model registry and the duration of each step."""
    return dataclasses.replace(
        record,
        registered=None if registered is None else dict(registered),
        seconds={step: round(duration, 3) for step, duration in seconds.items()},
    )


def evaluation_json(evaluation: Mapping[str, Any]) -> str:
    """Return the text of ``evaluation.json``."""
    return json.dumps(evaluation, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def drivers_csv(rows: Sequence[DriverRow]) -> str:
    r"""Return the text of ``drivers.csv``; the same evidence gives the same bytes.

    The columns of `DRIVER_COLUMNS` come first, then the other columns of the rows. Numbers have
    six significant digits; null and NaN are empty cells; text that a spreadsheet would run as a
    formula begins with an apostrophe.

    Examples
    --------
    >>> from engagement_ml.drivers.evidence import DriverRow
    >>> row = DriverRow("visit", "inert", False, 2, 0.5, 1 / 3, None, None, 0.0, None, "too small")
    >>> drivers_csv([row])
    'behaviour,verdict,selected,...\nvisit,inert,false,2,0.5,0.333333,,,0,,too small,...\n'
    """
    dicts = [row_dict(row) for row in rows]
    columns = _columns(dicts)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in dicts)
    return text.getvalue()


def segments_csv(evidence: DriverEvidence) -> str:
    r"""Return the text of ``segments.csv``: effects by segment, with the test of their equality.

    Numbers have six significant digits; null and NaN are empty cells.

    Examples
    --------
    >>> from engagement_ml.drivers.segment_evidence import SegmentRow
    >>> row = SegmentRow("plan", "plus", "call", 12.3, 10.0, 14.6, 500, False)
    >>> segments_csv(DriverEvidence("driver", (), None, (), segments=(row,))).splitlines()[1]
    'plan,plus,call,12.3,10,14.6,500,false,,,,,false,,,,,'
    """
    tests = {(test.segment, test.behaviour): test for test in evidence.heterogeneity}
    columns = [field.name for field in dataclasses.fields(SegmentRow)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *_TEST_COLUMNS])
    for row in evidence.segments:
        test = tests.get((row.segment, row.behaviour))
        of_test = [None if test is None else getattr(test, name) for name in _TEST_COLUMNS]
        writer.writerow([_cell(value) for value in (*dataclasses.astuple(row), *of_test)])
    return text.getvalue()


def driver_frame(rows: Sequence[DriverRow]) -> pd.DataFrame:
    """Return the drivers' rows as a frame with the columns of ``drivers.csv``."""
    import pandas as pd

    dicts = [row_dict(row) for row in rows]
    return pd.DataFrame(dicts, columns=_columns(dicts))


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    others = dict.fromkeys(name for row in rows for name in row)
    return [*DRIVER_COLUMNS, *(name for name in others if name not in DRIVER_COLUMNS)]


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""Return rows as CSV text, with numbers and texts as in ``drivers.csv``.

    Examples
    --------
    >>> csv_text(("customer_id", "above_by"), [("c1", 2.0), ("=c2", None)])
    "customer_id,above_by\nc1,2\n'=c2,\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        rounded = float(f"{value:.{_DIGITS}g}")
        return repr(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)
    return guarded(str(value))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
