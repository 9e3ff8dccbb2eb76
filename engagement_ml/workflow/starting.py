"""Starter workflow: from files to a configuration that can be changed and trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.errors import OutputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for

if TYPE_CHECKING:
    from engagement_ml.starter import Starter


@dataclass(frozen=True)
class StarterResult:
    """A starter configuration and what it says.

    Attributes
    ----------
    path : Path
        The YAML file.
    text : str
        Its content.
    starter : Starter
        What was decided, and what is unsure.
    """

    path: Path
    text: str
    starter: Starter


@machine_faults_named()
def init(
    tables: str | Path | Sequence[str | Path],
    output: str | Path = "pipeline.yaml",
    *,
    force: bool = False,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> StarterResult:
    """Look at files and write a starter configuration for them.

    The first rows of each file decide which table it is, which columns mean what, and how times
    and numbers are written. Event types and days are counted over all rows.

    Parameters
    ----------
    tables : path or sequence of path
        Files, folders and DuckDB files with tables of events, transactions and customers.
    output : path, default "pipeline.yaml"
        The YAML file to write.
    force : bool, default False
        Whether an existing file is overwritten.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    StarterResult

    Raises
    ------
    InputError
        If a file cannot be read, or no table can be understood.
    OutputError
        If `output` exists and `force` is not set, or cannot be written.
    """
    from engagement_ml.engine import open_duckdb
    from engagement_ml.sources import write_whole
    from engagement_ml.starter import checked_yaml, make_starter, name_for, sources_given

    target = Path(output)
    if target.exists() and not force:
        raise OutputError(f"{target}: exists and is not overwritten; use --force or another path")
    given = [tables] if isinstance(tables, str | Path) else list(tables)
    with progress_for(progress, on_step) as steps, open_duckdb() as engine:
        steps.start("Looking at the files")
        sources = sources_given(engine, [str(path) for path in given])
        starter = make_starter(engine, sources, name_for(target))
        steps.start("Writing the configuration")
        text = checked_yaml(starter, target)
        with write_whole(target) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return StarterResult(target, text, starter)
