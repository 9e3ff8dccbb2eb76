"""A fitted model's results in MLflow, by one call in a notebook."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engagement_ml.faults import machine_faults_named
from engagement_ml.model.results import FittedResults
from engagement_ml.progress import Progress, ProgressOption

if TYPE_CHECKING:
    from engagement_ml.tracking import LoggedRun


class TrackedResults(FittedResults):
    """Results of `fit` that can be logged to MLflow."""

    @machine_faults_named()
    def track(
        self,
        uri: str | None = None,
        experiment: str | None = None,
        register: bool = True,
        *,
        progress: ProgressOption | Progress = "auto",
    ) -> LoggedRun:
        """Log the results to MLflow and register the metric, as ``train`` does.

        A model that was tracked already is not registered a second time in the same store.

        Parameters
        ----------
        uri : str, optional
            The tracking store. By default the one of the configuration; if that names none of its
            own, the one that MLflow is set to, else ``sqlite:///mlruns/mlflow.db``.
        experiment : str, optional
            By default as in the configuration, else the name of the metric.
        register : bool, default True
            Whether to register a version; if not, run and models are logged only, at each call.
        progress : {"auto", "bar", "log", False} or Progress, default "auto"
            How to show the running step, as for `fit`.

        Returns
        -------
        LoggedRun
            ``run_id``, and ``model``, ``version``, ``alias`` and ``model_uri`` of the registered
            metric; ``note`` says why there is no version. `report` names the version afterwards.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TrackingError
            If the store cannot be used.

        Examples
        --------
        >>> model.fit(events, transactions)  # doctest: +SKIP
        >>> model.track().model_uri  # doctest: +SKIP
        'models:/shop-engagement/1'
        """
        from engagement_ml.tracking import LoggedRun
        from engagement_ml.workflow.registering import register as register_run
        from engagement_ml.workflow.results import write_results

        fitted = self._fitted
        with tempfile.TemporaryDirectory() as folder:
            write_results(fitted, Path(folder))
            registration = register_run(
                folder,
                tracking_uri=self._store(uri),
                experiment=experiment,
                again=not register,
                version=register,
                progress=progress,
            )
        self._results = replace(fitted, record=registration.record)
        return LoggedRun.from_dict(registration.registered)

    def _store(self, uri: str | None) -> str:
        """Return the tracking store to log to."""
        from engagement_ml.tracking import DEFAULT_URI
        from engagement_ml.tracking.session import current_uri

        if uri is not None:
            return uri
        configured = self.config_.tracking.uri
        return current_uri() if configured in (None, DEFAULT_URI) else str(configured)
