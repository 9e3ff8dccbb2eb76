"""A run read back: from the folder that training left, or by MLflow URI."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.tracking import download_run
from engagement_ml.tracking.load import is_uri
from engagement_ml.workflow.results import CHURN, METRIC, PROFIT, RECORD

if TYPE_CHECKING:
    from engagement_ml.models import ChurnModel, ProfitModel
    from engagement_ml.tracking.session import Status

_WANTED = (
    "give the folder that 'train' wrote, models:/name@champion, models:/name/3 or runs:/<run id>"
)


@dataclass(frozen=True)
class Run:
    """The files of one run; each is read when asked for.

    Attributes
    ----------
    folder : Path
    origin : str
        What messages call it: the folder's path, or the URI.
    """

    folder: Path
    origin: str

    def metric(self) -> EngagementMetric:
        """Return the metric."""
        return EngagementMetric.from_json(self._file(Path(METRIC)))

    def record(self) -> RunRecord:
        """Return all that the run found."""
        return RunRecord.from_json(self._file(Path(RECORD)))

    def config(self) -> PipelineConfig:
        """Return the configuration that the run was made with."""
        return parse_config(self.record().config, origin=f"{self.origin}: the run's configuration")

    def models(self) -> tuple[ProfitModel, ChurnModel]:
        """Return the profit and the churn model."""
        from engagement_ml.models import ChurnModel, ProfitModel

        profit, churn = (self._file(path).read_text(encoding="utf-8") for path in (PROFIT, CHURN))
        return ProfitModel.from_text(profit), ChurnModel.from_text(churn)

    def has(self, name: str) -> bool:
        """Return whether the run holds the file."""
        return (self.folder / name).is_file()

    def _file(self, path: Path) -> Path:
        # The tracking store keeps a run's files in one folder.
        for found in (self.folder / path, self.folder / path.name):
            if found.is_file():
                return found
        raise InputError(f"{self.origin}: holds no {path.as_posix()}; {_WANTED}")


@contextmanager
def open_run(
    model: str | Path, *, tracking_uri: str | None = None, on_status: Status | None = None
) -> Iterator[Run]:
    """Open what training left, for the block.

    Parameters
    ----------
    model : path or str
        The folder, or ``models:/name@alias``, ``models:/name/3``, ``runs:/<run id>``; its files
        are then copied into a temporary folder.
    tracking_uri : str, optional
        For URIs; by default the one MLflow has been told, else ``sqlite:///mlruns/mlflow.db``.
    on_status : callable, optional
        Called with a line for people before what takes seconds.

    Raises
    ------
    InputError
        Where there is no such folder.
    TrackingError
        Where the store cannot be reached or does not know the URI.
    """
    if isinstance(model, str) and is_uri(model):
        with tempfile.TemporaryDirectory() as folder:
            download_run(model, folder, tracking_uri=tracking_uri, on_status=on_status)
            yield Run(Path(folder), model)
        return
    path = Path(model)
    if path.is_file() and path.name == METRIC:
        path = path.parent
    if not path.is_dir():
        found = "a file" if path.is_file() else "no such folder"
        raise InputError(f"{model}: {found}; {_WANTED}")
    yield Run(path, str(model))
