"""The panel's features and their catalogue, written for whoever models with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.inputs import read_tables
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.feature_cache import features_key, made_once
from engagement_ml.workflow.results import CONFIG
from engagement_ml.workflow.settings import as_config, resolved, to_yaml

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from engagement_ml.features import Panel

FEATURES, CATALOGUE = "features.parquet", "catalogue.md"


def write_features(
    config: PipelineConfig | str | Path,
    output: str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> tuple[Path, int, int]:
    """Write every feature and outcome of every entity at every cutoff.

    Parameters
    ----------
    config : PipelineConfig or path
    output : path
        A folder, written whole or not at all: ``features.parquet`` (a row per entity and cutoff;
        a folder of Parquet files where Spark writes it), ``catalogue.md`` (what each feature is)
        and ``config.yaml``.
    frames : mapping of table name to path or frame, optional
        Takes the place of the configuration's ``sources``.
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
        Where configuration or tables cannot be used, or the folder cannot be written.
    """
    from engagement_ml.features.catalogue import catalogue_markdown
    from engagement_ml.features.lazy_panel import wide_features
    from engagement_ml.features.panel import no_event, panel_parts

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
        if engine.local:
            made_once(
                settings,
                features_key(tables, settings, windows),
                folder / FEATURES,
                lambda file: _write(
                    panel_parts(tables, settings, windows), file, windows.cutoffs, steps
                ),
            )
        else:
            engine.save(wide_features(tables, settings, windows), folder / FEATURES)
        columns, n_rows = _columns_and_rows(folder / FEATURES)
        if not engine.local and not _any_event(folder / FEATURES, tables.behaviours):
            raise NotEnoughDataError(no_event(windows))
        covariates = [name for name in columns if name.startswith("covariate__")]
        catalogue = catalogue_markdown(settings, covariates)
        (folder / CATALOGUE).write_text(catalogue, encoding="utf-8")
        (folder / CONFIG).write_text(to_yaml(resolved(settings, frames)), encoding="utf-8")
    return Path(output), n_rows, len(columns)


def _write(parts: Iterator[Panel], file: Path, cutoffs: Sequence[dt.date], steps: Progress) -> None:
    """Write the parts of a panel one after the other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as opened:
        writer = None
        for part in parts:
            table = _arrow(part.frame)
            if writer is None:
                # Few numbers repeat so often that a dictionary of them would pay, and nobody looks
                # for rows by their bounds.
                text = [f.name for f in table.schema if not pa.types.is_floating(f.type)]
                new = pq.ParquetWriter(
                    file, table.schema, use_dictionary=text, write_statistics=text
                )
                writer = opened.enter_context(new)
            writer.write_table(table)
            steps.update(cutoffs.index(part.frame["cutoff"].iloc[0].date()), len(cutoffs))
        steps.update(len(cutoffs), len(cutoffs))


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table, NaN as null; arrays without any are not copied."""
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
    told = _footers(path)
    return told[0].schema.to_arrow_schema().names, sum(one.num_rows for one in told)


def _any_event(path: Path, behaviours: Collection[str]) -> bool:
    """Return whether anything happened in any window, by the bounds that Parquet files tell."""
    counts = {f"{behaviour}__frequency" for behaviour in behaviours}
    for told in _footers(path):
        for i in range(told.num_row_groups):
            group = told.row_group(i)
            for column in (group.column(j) for j in range(told.num_columns)):
                if column.path_in_schema in counts and column.statistics.max:
                    return True
    return False


def _footers(path: Path) -> list[Any]:
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [pq.read_metadata(file) for file in files]
