"""What a fitted model shows: metric, evidence, explanations, plots, report and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotFittedError
from engagement_ml.model.queries import FittedQueries
from engagement_ml.model.verdicts import FittedVerdicts
from engagement_ml.workflow.fitting import FittedPipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import shap
    from matplotlib.axes import Axes

    from engagement_ml.metric import EngagementMetric
    from engagement_ml.records import RunRecord
    from engagement_ml.workflow.explaining import ExplanationData, ExplanationKind


class FittedResults(FittedQueries, FittedVerdicts):
    """Results of `fit`; each raises NotFittedError before it."""

    @property
    def config_(self) -> PipelineConfig:
        """The configuration that the model was fitted with; frames have no source in it."""
        return self._fitted.config

    @property
    def metric_(self) -> EngagementMetric:
        """The engagement metric."""
        return self._fitted.metric

    @property
    def record_(self) -> RunRecord:
        """All results, as plain data."""
        return self._fitted.record

    @property
    def evaluation_(self) -> dict[str, Any]:
        """The content of ``evaluation.json``."""
        return self.record_.evaluation

    def score(
        self, frame: Any, as_of: Any = None, customers: Any = None, *, identities: Any = None
    ) -> Any:
        """Score events or counts.

        Parameters
        ----------
        frame : any frame that Narwhals accepts
            Events (with a column ``event_type``, or the column that the configuration maps to it),
            or a numeric column of counts per behaviour.
        as_of : date, datetime or ISO 8601 text, optional
            For events: counts are of ``[as_of - observation_days, as_of)``; by default the day
            after the last event.
        customers : frame, optional
            For events: the customers to score, by ``customer_id``.
        identities : frame, optional
            For events: the customer of each ``anonymous_id``.

        Returns
        -------
        frame
            For events, a pandas frame with the customer (under the user's own name of the column),
            ``score``, the points of each behaviour, ``percentile`` and
            ``percentile_in_training``; for counts, the same kind of frame with ``score`` added.

        Raises
        ------
        InputError
            If the metric abstained or the frame cannot be used.
        """
        import narwhals as nw

        from engagement_ml.column_names import find
        from engagement_ml.workflow.run_log import log_notes
        from engagement_ml.workflow.scoring import score_frames

        names = self.config_.columns.get("events", {})
        event_type = names.get(find("event_type", names) or "") or "event_type"
        computed = find("event_type", self.config_.shape_of("events").given) is not None
        if computed or find(event_type, nw.from_native(frame).collect_schema()) is not None:
            given = {"customers": customers, "identities": identities, "as_of": as_of}
            scores = score_frames(self.metric_, frame, config=self.config_, **given)
            log_notes(scores.notes, scores.warnings)
            return scores.frame
        return self.metric_.score(frame)

    def explain(
        self, kind: ExplanationKind = "profit", data: Any = None, *, labels: bool = True
    ) -> shap.Explanation:
        """Return TreeSHAP values for ``shap.plots``.

        Parameters
        ----------
        kind : {"profit", "within"}, default "profit"
            ``"profit"`` explains the trees of the profit model, which predicts a customer's margin
            of the outcome window from all features of the panel. ``"within"`` explains the model
            by which behaviours are selected: the deviation of a customer's margin from the
            expected one, predicted from the deviations of the customer's log counts from their
            means. Both are in currency.
        data : Panel or DataFrame, optional
            Rows to explain, with the columns that ``em.features`` returns; customers with one row
            have no change, and ``"within"`` leaves them out. By default at most 5,000 rows drawn
            at random from the training data.
        labels : bool, default True
            Name features by the labels of the configuration if there are any; False gives
            the names of columns and event types.

        Returns
        -------
        shap.Explanation
            ``values`` and ``data`` of shape (n_rows, n_features), ``base_values`` of shape
            (n_rows,). Values and base value add up to the raw output of the trees. The prediction
            of the profit model adds a constant and a line in past margin beyond its extremes, see
            ``ProfitModel``. Null features are NaN in ``data``.

        Raises
        ------
        InputError
            If `kind` is not known, or `data` lacks a column.
        NotEnoughDataError
            If there was too little change within customers to fit the model of changes.

        Notes
        -----
        The values are path-dependent TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence
        2), computed by LightGBM; they equal those of ``shap.TreeExplainer``. They explain a model's
        predictions: SHAP values of the profit model are no effects of the behaviours.

        Examples
        --------
        >>> import shap  # doctest: +SKIP
        >>> explanation = model.explain("within")  # doctest: +SKIP
        >>> shap.plots.beeswarm(explanation)  # doctest: +SKIP
        """
        from engagement_ml.workflow.explaining import explain

        results = self._fitted
        return explain(
            kind, self._explanation_data, results.profit, results.config, data=data, labels=labels
        )

    def plot_drivers(self, ax: Axes | None = None) -> Axes:
        """Draw what one more event of each behaviour is worth, with its 95% interval.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            The axes to draw into; by default those of a new figure.
        """
        from engagement_ml.plots import plot_drivers

        return plot_drivers(self.record_, ax=ax)

    def plot_responses(
        self, ax: Axes | np.ndarray[Any, Any] | None = None, *, behaviours: Sequence[str] = ()
    ) -> np.ndarray[Any, Any]:
        """Draw the margin of n events, compared with none, one panel per behaviour.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, optional
            One for each behaviour; by default those of a new figure.
        behaviours : sequence of str
            Event types; by default those of the metric, and harmful ones.

        Returns
        -------
        array of Axes
        """
        from engagement_ml.plots import plot_responses

        return plot_responses(self.record_, ax=ax, behaviours=behaviours)

    def plot_weights(self, ax: Axes | None = None) -> Axes:
        """Draw the metric's weights with their 95% intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            The axes to draw into; by default those of a new figure.
        """
        from engagement_ml.plots import plot_weights

        return plot_weights(self.metric_, ax=ax)

    def plot_scores(
        self, frame: Any = None, as_of: Any = None, customers: Any = None, *, ax: Axes | None = None
    ) -> Axes:
        """Draw the distribution of scores, and mean margin by score if margin is known.

        Parameters
        ----------
        frame, as_of, customers : optional
            Events or counts to score, as for `score`. By default the scores of at most 20,000
            customers at the last cutoff of the history are drawn; their later margin is known.
        ax : matplotlib Axes, optional
            The axes for the distribution; mean margin by score is then not drawn.

        Returns
        -------
        Axes
            Of the distribution; those of mean margin are ``ax.figure.axes[1]``.
        """
        from engagement_ml.metric.scoring import require_behaviours
        from engagement_ml.plots import plot_scores

        require_behaviours(self.metric_)
        if frame is not None:
            scored = self.score(frame, as_of, customers)
            return plot_scores(scored, record=self.record_, ax=ax)
        kept = self._explanation_data.scores
        assert kept is not None, "kept if the metric did not abstain"
        return plot_scores(kept["score"], kept["margin"], record=self.record_, ax=ax)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report: one self-contained HTML file.

        Parameters
        ----------
        path : path
            A file that ends in ``.html``, or a folder for ``report.html``.

        Raises
        ------
        OutputError
            If it cannot be written.
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
        """Write the files that ``train`` writes, for ``evaluate``, ``score`` and ``report``.

        Raises
        ------
        OutputError
            If it cannot be written; the folder appears whole or not at all.
        """
        from engagement_ml.sources import new_folder_whole
        from engagement_ml.workflow.results import write_results

        with new_folder_whole(Path(folder)) as temporary:
            write_results(self._fitted, temporary)
        return Path(folder)

    @property
    def _fitted(self) -> FittedPipeline:
        results: FittedPipeline | None = self.__dict__.get("_results")
        if results is None:
            raise NotFittedError(
                "this EngagementModel is not fitted yet; call fit(events, transactions) first"
            )
        return results

    @property
    def _explanation_data(self) -> ExplanationData:
        kept = self._fitted.explanation
        assert kept is not None, "fit keeps it"
        return kept

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether `fit` has been called, for ``check_is_fitted``."""
        return "_results" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; scikit-learn calls this, so it is installed and loaded."""
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def _repr_html_(self) -> str:
        if not self.__sklearn_is_fitted__():
            from html import escape

            return f"<pre>{escape(repr(self))}</pre>"
        from engagement_ml.plots import summary_html

        return summary_html(self.record_)
