"""The notebook's door: fitted to frames, nothing written unless asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.errors import EngagementError
from engagement_ml.progress import OnStep, Progress
from engagement_ml.workflow.fitting import FittedPipeline, fit_pipeline
from engagement_ml.workflow.settings import as_config

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.metric import EngagementMetric
    from engagement_ml.records import RunRecord


class EngagementModel:
    """Finds the behaviours that move margin and makes one metric of them, as scikit-learn fits.

    Parameters
    ----------
    config : PipelineConfig, path or mapping, optional
        Or the path of its YAML file; by default all defaults.
    **overrides
        Keys of the configuration that replace it: ``name="shop"``,
        ``windows={"observation_days": 56}``, ``select={"require": "indicator"}``. Of a key that
        holds others, those not named stay as they are.

    Attributes
    ----------
    config : PipelineConfig
    metric_ : EngagementMetric
    drivers_ : DataFrame
        A row per candidate behaviour with its verdict and evidence; the selected first.
    evaluation_ : dict
        Measured out of time, beside baselines.
    record_ : RunRecord
        All that was found, as plain data.

    Raises
    ------
    ConfigError
        On an unknown key or a value that does not fit.

    Examples
    --------
    >>> model = EngagementModel(name="shop", select={"at_most": 2})
    >>> model.config.select.at_most
    2
    >>> from engagement_ml.datasets import make_shop
    >>> shop = make_shop()
    >>> model.fit(shop.events, shop.transactions, shop.customers)  # doctest: +SKIP
    >>> model.metric_  # doctest: +SKIP
    """

    def __init__(
        self,
        config: PipelineConfig | str | Path | Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> None:
        base = as_config(config if config is not None else {"name": "engagement"})
        merged = base.to_dict()
        for key, value in overrides.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if both else value
        self.config = parse_config(merged, origin="EngagementModel")

    def fit(
        self,
        events: Any = None,
        transactions: Any = None,
        customers: Any = None,
        *,
        on_step: OnStep | None = None,
    ) -> Self:
        """Find drivers, define the metric and measure it out of time.

        Parameters
        ----------
        events, transactions, customers : frame or path, optional
            Any frame Narwhals takes, in the columns of the input tables or as ``columns`` of the
            configuration maps them; a table left out comes from the configuration's ``sources``.
        on_step : callable, optional
            Called with the name of each step as it begins; ``print`` will do.

        Returns
        -------
        EngagementModel
            Itself. Nothing is written and no tracking store is touched.

        Raises
        ------
        EngagementError
            Where tables cannot be used; the message names column, row and value.
        """
        given = {"events": events, "transactions": transactions, "customers": customers}
        frames = {name: frame for name, frame in given.items() if frame is not None}
        with Progress(on_step) as progress:
            self._learned = fit_pipeline(self.config, frames=frames, progress=progress)
        return self

    def score(self, frame: Any, as_of: Any = None, customers: Any = None) -> Any:
        """Score events or counts.

        Parameters
        ----------
        frame : any frame Narwhals takes
            Events (it has a column ``event_type``, or what the configuration maps to it), or a
            numeric column of counts per behaviour.
        as_of : date, datetime or ISO 8601 text, optional
            For events: counts are of ``[as_of - observation_days, as_of)``; by default the day
            after the last event.
        customers : frame, optional
            For events: whom to score, by ``customer_id``.

        Returns
        -------
        frame
            Of events, a pandas frame with ``customer_id``, ``score`` and each behaviour's points;
            of counts, the same kind of frame with ``score`` added.
        """
        import narwhals as nw

        from engagement_ml.workflow.scoring import score_frames

        names = self.config.columns.get("events", {})
        if names.get("event_type", "event_type") in nw.from_native(frame).collect_schema():
            return score_frames(
                self.metric_, frame, config=self.config, customers=customers, as_of=as_of
            ).frame
        return self.metric_.score(frame)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report: one self-contained HTML file.

        Parameters
        ----------
        path : path
            A file that ends in ``.html``, or a folder for ``report.html``.

        Raises
        ------
        OutputError
            Where it cannot be written.
        """
        from engagement_ml.report import render_report
        from engagement_ml.sources import write_whole
        from engagement_ml.workflow.reporting import report_path

        target = report_path(path, Path())
        page = render_report(self.record_)
        with write_whole(target) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="\n")
        return target

    def save(self, folder: str | Path) -> Path:
        """Write what ``train`` leaves, for ``evaluate``, ``score`` and ``report`` to work on.

        Raises
        ------
        OutputError
            Where it cannot be written; the folder appears whole or not at all.
        """
        from engagement_ml.sources import new_folder_whole
        from engagement_ml.workflow.results import write_results

        with new_folder_whole(Path(folder)) as temporary:
            write_results(self._found, temporary)
        return Path(folder)

    @property
    def metric_(self) -> EngagementMetric:
        """The metric."""
        return self._found.metric

    @property
    def record_(self) -> RunRecord:
        """All that was found, as plain data."""
        return self._found.record

    @property
    def drivers_(self) -> pd.DataFrame:
        """A row per candidate behaviour; the columns of ``drivers.csv``."""
        from engagement_ml.workflow.results import driver_frame

        return driver_frame(self.record_.drivers)

    @property
    def evaluation_(self) -> dict[str, Any]:
        """What ``evaluation.json`` holds."""
        return self.record_.evaluation

    @property
    def _found(self) -> FittedPipeline:
        learned: FittedPipeline | None = self.__dict__.get("_learned")
        if learned is None:
            raise EngagementError(
                "this EngagementModel is not fitted yet; call fit(events, transactions) first"
            )
        return learned

    def __repr__(self) -> str:
        """Return the metric as a small table, or that there is none yet."""
        if "_learned" not in self.__dict__:
            return f"EngagementModel(name={self.config.name!r}), not fitted"
        return f"EngagementModel(name={self.config.name!r})\n{self.metric_!r}"

    def _repr_html_(self) -> str:
        if "_learned" not in self.__dict__:
            return f"<pre>{_escaped(repr(self))}</pre>"
        return self.metric_._repr_html_()


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
