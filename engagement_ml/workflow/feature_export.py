"""Export of the panel as a feature file with its catalogue, for use in other models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.faults import machine_faults_named
from engagement_ml.formatting import sentence
from engagement_ml.inputs import read_tables
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.covariates import without_leaks
from engagement_ml.workflow.feature_cache import cached, features_key
from engagement_ml.workflow.results import CONFIG
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.settings import as_config, resolved, to_yaml

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from engagement_ml.features import Panel

FEATURES, CATALOGUE = "features.parquet", "catalogue.md"


@machine_faults_named()
def write_features(
    config: PipelineConfig | str | Path,
    output: str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> tuple[Path, int, int]:
    """Write every feature and outcome of every customer at every cutoff.

    Parameters
    ----------
    config : PipelineConfig or path
    output : path
        A folder, written whole or not at all: ``features.parquet`` (a row per customer and cutoff;
        a folder of Parquet files if Spark writes it), ``catalogue.md`` (the definition of each
        feature) and ``config.yaml``.
    frames : mapping of table name to path or frame, optional
        Overrides the configuration's ``sources``.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    folder : Path
    n_rows, n_columns : int

    Raises
    ------
    EngagementError
        If configuration or tables cannot be used, or the folder cannot be written.
    """
    from engagement_ml.features.catalogue import catalogue_markdown
    from engagement_ml.features.lazy_panel import build_lazy_panel
    from engagement_ml.features.panel import no_event, panel_blocks

    settings = as_config(config)
    with (
        progress_for(progress, on_step) as steps,
        new_folder_whole(Path(output)) as folder,
        open_engine(settings.engine, frames) as engine,
    ):
        steps.start("Reading tables")
        tables = read_tables(settings, engine, frames, on_part=steps.update)
        windows = plan_windows(tables.history, settings.windows)
        steps.start("Building features")
        tables, notes = without_leaks(tables, settings, windows)
        log_notes(notes, notes[:1] if tables.leaking_covariates else ())
        if engine.local:
            cached(
                settings,
                features_key(tables, settings, windows),
                folder / FEATURES,
                lambda file: _write(
                    panel_blocks(tables, settings, windows), file, windows.cutoffs, steps
                ),
            )
        else:
            engine.save(build_lazy_panel(tables, settings, windows), folder / FEATURES)
        columns, n_rows = _columns_and_rows(folder / FEATURES)
        if not engine.local and not _any_event(folder / FEATURES, tables.behaviours):
            raise NotEnoughDataError(no_event(windows))
        covariates = [name for name in columns if name.startswith("covariate__")]
        catalogue = catalogue_markdown(settings, covariates)
        if notes:
            listed_notes = "".join(f"- {sentence(note)}\n" for note in notes)
            catalogue += f"\n## Notes on the covariates\n\n{listed_notes}"
        (folder / CATALOGUE).write_text(catalogue, encoding="utf-8")
        (folder / CONFIG).write_text(to_yaml(resolved(settings, frames)), encoding="utf-8")
    return Path(output), n_rows, len(columns)


def _write(
    blocks: Iterator[Panel], file: Path, cutoffs: Sequence[dt.date], steps: Progress
) -> None:
    """Write the blocks of a panel as row groups of one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        writer = None
        for block in blocks:
            table = _arrow(block.frame)
            if writer is None:
                # Floats rarely repeat enough for a dictionary, and readers do not filter by them.
                text = [f.name for f in table.schema if not pa.types.is_floating(f.type)]
                new_writer = pq.ParquetWriter(
                    file, table.schema, use_dictionary=text, write_statistics=text
                )
                writer = stack.enter_context(new_writer)
            writer.write_table(table)
            steps.update(cutoffs.index(block.frame["cutoff"].iloc[0].date()), len(cutoffs))
        steps.update(len(cutoffs), len(cutoffs))


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table, NaN as null; arrays without NaN are not copied."""
    import numpy as np
    import pyarrow as pa

    columns = {}
    for name, column in frame.items():
        if column.dtype == np.float64:
            values = column.to_numpy()
            missing = np.isnan(values)
            columns[str(name)] = pa.array(values, mask=missing if missing.any() else None)
        else:
            columns[str(name)] = pa.array(column, from_pandas=True)
    return pa.table(columns)


def _columns_and_rows(path: Path) -> tuple[list[str], int]:
    footers = _footers(path)
    return footers[0].schema.to_arrow_schema().names, sum(footer.num_rows for footer in footers)


def _any_event(path: Path, behaviours: Collection[str]) -> bool:
    """Return whether any frequency is positive, by the statistics of Parquet row groups."""
    frequencies = {f"{behaviour}__frequency" for behaviour in behaviours}
    for footer in _footers(path):
        for i in range(footer.num_row_groups):
            group = footer.row_group(i)
            for column in (group.column(j) for j in range(footer.num_columns)):
                if column.path_in_schema in frequencies and column.statistics.max:
                    return True
    return False


def _footers(path: Path) -> list[Any]:
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [pq.read_metadata(file) for file in files]
