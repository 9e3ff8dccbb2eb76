"""Reading a run back, from the folder that training wrote or by MLflow URI."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric
from engagement_ml.plain_types import as_path
from engagement_ml.records import RunRecord
from engagement_ml.tracking import download_run
from engagement_ml.tracking.load import is_uri
from engagement_ml.workflow.results import CHURN, METRIC, PROFIT, RECORD

if TYPE_CHECKING:
    from engagement_ml.models import ChurnModel, ProfitModel
    from engagement_ml.progress import OnStep

Model = TypeVar("Model")
_MODEL_FORMS = (
    "give the folder that 'train' wrote, models:/name@champion, models:/name/3 or runs:/<run id>"
)


@dataclass(frozen=True)
class Run:
    """The files of one run; each method reads its file, the large ones once.

    Attributes
    ----------
    folder : Path
    origin : str
        The name of the run in messages: the folder's path, or the URI.
    """

    folder: Path
    origin: str

    def metric(self) -> EngagementMetric:
        """Return the metric."""
        return EngagementMetric.from_json(self._file(Path(METRIC)))

    def record(self) -> RunRecord:
        """Return the record of all results."""
        return self._record

    def config(self) -> PipelineConfig:
        """Return the configuration of the run."""
        return parse_config(self.record().config, origin=f"{self.origin}: the run's configuration")

    def models(self) -> tuple[ProfitModel, ChurnModel]:
        """Return the profit and the churn model."""
        return self._models

    @cached_property
    def _record(self) -> RunRecord:
        return RunRecord.from_json(self._file(Path(RECORD)))

    @cached_property
    def _models(self) -> tuple[ProfitModel, ChurnModel]:
        from engagement_ml.models import ChurnModel, ProfitModel

        profit = self._model(Path(PROFIT), ProfitModel.from_text)
        return profit, self._model(Path(CHURN), ChurnModel.from_text)

    def _model(self, path: Path, from_text: Callable[[str], Model]) -> Model:
        file = self._file(path)
        try:
            return from_text(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"{file}: is not UTF-8 text, so it is damaged; train again") from None
        except InputError as error:
            raise InputError(f"{file}: {error}") from None

    def has(self, name: str) -> bool:
        """Return whether the run has a file of this name."""
        return (self.folder / name).is_file()

    def _file(self, path: Path) -> Path:
        # The tracking store puts the files of all subfolders into one folder.
        for candidate in (self.folder / path, self.folder / path.name):
            if candidate.is_file():
                return candidate
        raise InputError(f"{self.origin}: contains no {path.as_posix()}; {_MODEL_FORMS}")


@contextmanager
def open_run(
    model: str | Path, *, tracking_uri: str | None = None, on_status: OnStep | None = None
) -> Iterator[Run]:
    """Open a training run for the block.

    Parameters
    ----------
    model : path or str
        The folder that `train` wrote, ``models:/name@alias``, ``models:/name/3`` or
        ``runs:/<run id>``. For a URI, the files are copied into a temporary folder.
    tracking_uri : str, optional
        Tracking store for URIs; by default the one that MLflow is set to, else
        ``sqlite:///mlruns/mlflow.db``.
    on_status : callable, optional
        Called with a short text before each operation that takes seconds.

    Raises
    ------
    InputError
        If there is no such folder.
    TrackingError
        If the store cannot be reached or does not know the URI.
    """
    if isinstance(model, str) and is_uri(model):
        with tempfile.TemporaryDirectory() as folder:
            download_run(model, folder, tracking_uri=tracking_uri, on_status=on_status)
            yield Run(Path(folder), model)
        return
    path = as_path(model, "the folder that 'train' wrote, or an MLflow URI")
    if path.is_file() and path.name == METRIC:
        path = path.parent
    if not path.is_dir():
        problem = "it is a file" if path.is_file() else "no such folder"
        raise InputError(f"{model}: {problem}; {_MODEL_FORMS}")
    yield Run(path, str(model))
