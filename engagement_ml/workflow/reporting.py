"""Report workflow: the report of a run, written again from its record."""

from __future__ import annotations

from pathlib import Path

from engagement_ml.faults import machine_faults_named
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import write_whole
from engagement_ml.tracking.load import is_uri
from engagement_ml.workflow.results import REPORT
from engagement_ml.workflow.runs import open_run


@machine_faults_named()
def report(
    model: str | Path,
    output: str | Path | None = None,
    *,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> Path:
    """Write a run's report again, from its record.

    Parameters
    ----------
    model : path or str
        The folder that `train` wrote, or an MLflow URI.
    output : path, optional
        A file that ends in ``.html``, or a folder for ``report.html``; by default the folder of
        the run, or the current folder for a URI.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError, OutputError, TrackingError
        If the run cannot be read or the report cannot be written.
    """
    from engagement_ml.report import render_report

    with progress_for(progress, on_step) as steps:
        steps.start("Reading the run")
        with open_run(model, tracking_uri=tracking_uri, on_status=steps.start) as run:
            record = run.record()
            run_folder = Path() if is_uri(model) else run.folder
        steps.start("Writing the report")
        target = report_path(output, run_folder)
        with write_whole(target) as temporary:
            temporary.write_text(render_report(record), encoding="utf-8", newline="\n")
    return target


def report_path(output: str | Path | None, default_folder: Path) -> Path:
    """Return the file that the report is written to.

    Examples
    --------
    >>> [report_path(output, Path("run")).as_posix() for output in (None, "out", "out/a.html")]
    ['run/report.html', 'out/report.html', 'out/a.html']
    """
    if output is None:
        return default_folder / REPORT
    path = Path(output)
    return path if path.suffix.lower() in (".html", ".htm") else path / REPORT
