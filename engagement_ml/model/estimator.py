"""Estimator-style interface for notebooks; writes nothing unless asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Never, Self

from engagement_ml.config import (
    ActConfig,
    AttributionConfig,
    BehaviourConfig,
    BenchmarkConfig,
    ChurnConfig,
    ContactConfig,
    CovariatesConfig,
    EngineConfig,
    EngineKind,
    EventTypesConfig,
    ExperimentConfig,
    FeaturesConfig,
    GateConfig,
    GoalConfig,
    HistoryConfig,
    LinksConfig,
    MeasureConfig,
    MonitorConfig,
    OutcomeConfig,
    SampleConfig,
    ScorecardConfig,
    SelectConfig,
    SequenceConfig,
    SourcesConfig,
    StageConfig,
    TableShape,
    TrackingConfig,
    WindowsConfig,
)
from engagement_ml.errors import ConfigError, EngagementError, nearest
from engagement_ml.faults import machine_faults_named
from engagement_ml.model.parameters import Parameters
from engagement_ml.model.tracked_results import TrackedResults
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.workflow.fitting import fit_pipeline
from engagement_ml.workflow.parameters import DEFAULT_NAME, ConfigLike, Keys
from engagement_ml.workflow.results import with_registration


class EngagementModel(Parameters, TrackedResults):
    """Finds the behaviours that move margin and combines them into one engagement metric.

    It follows the conventions of scikit-learn: the constructor only stores its parameters,
    `fit` checks them, what `fit` finds has names that end in an underscore, and
    ``sklearn.base.clone`` and ``sklearn.utils.validation.check_is_fitted`` work.

    Parameters
    ----------
    config : PipelineConfig, path or mapping, optional
        A configuration, or the path of its YAML file; by default all defaults. The other
        parameters replace its keys: None keeps the key as it is, a mapping replaces only the keys
        that it names, any other value replaces the whole key.
    name : str, default "engagement"
        Name of the metric, and of the registered model.
    sources : SourcesConfig or mapping
        Tables to read if `fit` is not given them: ``{"events": "events.parquet"}``.
    entity : str, default "customer"
        What people call those who engage.
    currency : str, default "EUR"
    columns : mapping
        Names of columns by table: ``{"events": {"customer_id": "user_id"}}``.
    history : HistoryConfig or mapping
        ``earliest``, ``latest``, ``drop_distant``, ``stale_days``.
    shape : mapping
        How sources are written, by table: ``{"events": {"format": "epoch ms"}}``.
    windows : WindowsConfig or mapping
        ``observation_days``, ``outcome_days``, ``gap_days``, ``every_days``, ``cutoffs``.
    behaviours : mapping of event type to BehaviourConfig or mapping
        ``stage``, ``cost_per_event``, ``role``, ``unit``, ``label``.
    event_types : EventTypesConfig or mapping
        ``at_most``: the number of behaviours; ``keep``.
    covariates : CovariatesConfig or mapping
        ``fixed``: columns of customers that never change.
    features : FeaturesConfig or mapping
        Features of sessions and ratios to add to the panel.
    churn : ChurnConfig or mapping
        ``kind`` ("no_transaction" or "event") and ``event_type``.
    sample : SampleConfig, mapping, int or None, default "auto"
        Number of customers to train on. None takes all; "auto" keeps the configuration's value,
        which is 20,000 by default.
    select : SelectConfig or mapping
        ``at_most``, ``require`` ("driver" or "indicator"), ``smallest_effect``.
    segments : sequence of str
        Columns of the table of customers.
    outcomes : mapping, or sequence of str
        ``first_purchase``, ``churn``, and parts of margin.
    links : LinksConfig or mapping
        ``level``, ``breadth``.
    sequences : sequence of SequenceConfig or mapping
        ``first``, ``then``, ``within_days``, ``label``.
    contact, attribution, act : ContactConfig, AttributionConfig, ActConfig or mapping
    experiments : sequence of ExperimentConfig or mapping
        Results of randomised tests, which override observational evidence.
    gate, monitor : GateConfig, MonitorConfig or mapping
        For ``promote`` and ``monitor``; saved with the configuration.
    measures, journey : mapping of str to MeasureConfig, StageConfig or mapping
        For ``scorecard``, as are the next three.
    goals, benchmarks : sequence of GoalConfig, BenchmarkConfig or mapping
    scorecard : ScorecardConfig or mapping
    tracking : TrackingConfig or mapping
        The store that `track` logs to; `fit` touches none.
    engine : EngineConfig, mapping or {"duckdb", "spark"}
    random_seed : int, default 0

    Attributes
    ----------
    config : PipelineConfig
        The configuration that the parameters result in; ``get_params()["config"]`` is the value
        that was given. Reading it checks all parameters.
    config_ : PipelineConfig
        The configuration that the model was fitted with.
    metric_ : EngagementMetric
    drivers_ : DataFrame
        One row per candidate behaviour with its verdict and evidence, the selected first.
    evaluation_ : dict
        Out-of-time measures of the metric and of its baselines.
    record_ : RunRecord
        All results, as plain data.

    Raises
    ------
    ConfigError
        By the constructor if a keyword is unknown; by `fit` if a value is not valid.

    Examples
    --------
    >>> model = EngagementModel(name="shop", select={"at_most": 2})
    >>> model.config.select.at_most
    2
    >>> model.set_params(windows__observation_days=56).config.windows.observation_days
    56
    >>> from engagement_ml.datasets import make_shop
    >>> shop = make_shop()
    >>> model.fit(shop.events, shop.transactions, shop.customers)  # doctest: +SKIP
    >>> model.plot_drivers()  # doctest: +SKIP
    """

    def __init__(
        self,
        config: ConfigLike | None = None,
        *,
        name: str | None = None,
        sources: SourcesConfig | Keys | None = None,
        entity: str | None = None,
        currency: str | None = None,
        columns: Mapping[str, Mapping[str, str]] | None = None,
        history: HistoryConfig | Keys | None = None,
        shape: Mapping[str, TableShape | Keys] | None = None,
        windows: WindowsConfig | Keys | None = None,
        behaviours: Mapping[str, BehaviourConfig | Keys] | None = None,
        event_types: EventTypesConfig | Keys | None = None,
        covariates: CovariatesConfig | Keys | None = None,
        features: FeaturesConfig | Keys | None = None,
        churn: ChurnConfig | Keys | None = None,
        sample: SampleConfig | Keys | int | str | None = "auto",
        select: SelectConfig | Keys | None = None,
        segments: Sequence[str] | None = None,
        outcomes: Mapping[str, OutcomeConfig | Keys] | Sequence[str] | None = None,
        links: LinksConfig | Keys | None = None,
        sequences: Sequence[SequenceConfig | Keys] | None = None,
        contact: ContactConfig | Keys | None = None,
        attribution: AttributionConfig | Keys | None = None,
        act: ActConfig | Keys | None = None,
        experiments: Sequence[ExperimentConfig | Keys] | None = None,
        gate: GateConfig | Keys | None = None,
        monitor: MonitorConfig | Keys | None = None,
        measures: Mapping[str, MeasureConfig | Keys] | None = None,
        journey: Mapping[str, StageConfig | Keys] | None = None,
        goals: Sequence[GoalConfig | Keys] | None = None,
        benchmarks: Sequence[BenchmarkConfig | Keys] | None = None,
        scorecard: ScorecardConfig | Keys | None = None,
        tracking: TrackingConfig | Keys | None = None,
        engine: EngineConfig | EngineKind | Keys | None = None,
        random_seed: int | None = None,
        **unknown: Never,
    ) -> None:
        for key in unknown:
            known = self._parameter_names()
            raise ConfigError(
                f"EngagementModel: unknown key '{key}'{nearest(key, known)}; "
                f"known keys here: {', '.join(sorted(known))}"
            )
        self.config = config
        self.name = name
        self.sources = sources
        self.entity = entity
        self.currency = currency
        self.columns = columns
        self.history = history
        self.shape = shape
        self.windows = windows
        self.behaviours = behaviours
        self.event_types = event_types
        self.covariates = covariates
        self.features = features
        self.churn = churn
        self.sample = sample
        self.select = select
        self.segments = segments
        self.outcomes = outcomes
        self.links = links
        self.sequences = sequences
        self.contact = contact
        self.attribution = attribution
        self.act = act
        self.experiments = experiments
        self.gate = gate
        self.monitor = monitor
        self.measures = measures
        self.journey = journey
        self.goals = goals
        self.benchmarks = benchmarks
        self.scorecard = scorecard
        self.tracking = tracking
        self.engine = engine
        self.random_seed = random_seed

    @machine_faults_named()
    def fit(
        self,
        events: Any = None,
        transactions: Any = None,
        customers: Any = None,
        *,
        identities: Any = None,
        links: Any = None,
        progress: ProgressOption | Progress = "auto",
        on_step: OnStep | None = None,
    ) -> Self:
        """Find drivers, define the metric and evaluate it out of time.

        Parameters
        ----------
        events, transactions, customers, identities, links : frame or path, optional
            Any frame that Narwhals accepts, in the columns of the input tables or as ``columns`` of
            the configuration maps them. A table that is left out is read from ``sources``.
        progress : {"auto", "bar", "log", False} or Progress, default "auto"
            How to show the running step: "bar" in the output of the notebook's cell or on the
            terminal, "log" as records of the logger ``engagement_ml.progress``, False not at all.
            "auto" draws a bar in a notebook or on a terminal, and writes log records elsewhere.
        on_step : callable, optional
            Called with the name of each step as it starts, for instance ``print``.

        Returns
        -------
        EngagementModel
            Itself. Nothing is written and no tracking store is touched; see `track`.

        Raises
        ------
        ConfigError
            If a parameter is not valid.
        EngagementError
            If tables cannot be used; the message names column, row and value.
        """
        given = {
            "events": events,
            "transactions": transactions,
            "customers": customers,
            "identities": identities,
            "links": links,
        }
        frames = {name: frame for name, frame in given.items() if frame is not None}
        with progress_for(progress, on_step) as shown:
            results = fit_pipeline(
                self.config, frames=frames, progress=shown, keep_explanation=True
            )
            shown.finish()
        record = with_registration(results.record, None, shown.seconds)
        self._results = replace(results, record=record)
        return self

    def __repr__(self) -> str:
        """Return the metric as a small table, or the name of a model that is not fitted."""
        if self.__sklearn_is_fitted__():
            return f"EngagementModel(name={self.record_.name!r})\n{self.metric_!r}"
        name = self.name
        if name is None:
            try:
                name = self.config.name
            except EngagementError:
                # An invalid parameter must not keep the model from being shown.
                name = DEFAULT_NAME
        return f"EngagementModel(name={name!r}), not fitted"
