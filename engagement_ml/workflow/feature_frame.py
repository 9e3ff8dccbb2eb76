"""The panel of features and outcomes as a pandas frame, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from engagement_ml.engine import open_engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.covariates import without_leaks
from engagement_ml.workflow.parameters import ConfigKeys, ConfigLike, merge_config
from engagement_ml.workflow.run_log import log_notes

if TYPE_CHECKING:
    import pandas as pd


@machine_faults_named()
def features(  # type: ignore[misc]
    events: Any = None,
    transactions: Any = None,
    customers: Any = None,
    *,
    identities: Any = None,
    links: Any = None,
    config: ConfigLike | None = None,
    **overrides: Unpack[ConfigKeys],
) -> pd.DataFrame:
    """Return every feature and outcome of every customer at every cutoff.

    Parameters
    ----------
    events, transactions, customers, identities, links : frame or path, optional
        Any frame that Narwhals accepts, in the columns of the input tables or as ``columns`` of
        the configuration maps them. A table that is left out is read from ``sources``. A mapping
        as `links` is the section of the configuration.
    config : PipelineConfig, path or mapping, optional
        The configuration, or the path of its YAML file; by default all defaults.
    **overrides
        Keys of the configuration to replace, as in ``EngagementModel``:
        ``windows={"observation_days": 56}``.

    Returns
    -------
    DataFrame
        One row per customer and cutoff, sorted by cutoff and customer, with the columns of
        ``features.parquet``: ``customer_id``, ``cutoff``, ``part`` ("train" or "test"), the
        features as ``<behaviour>__<feature>``, ``history__…``, ``covariate__…``, and the outcomes
        ``margin``, ``gain``, ``loss``, ``transactions``, ``churned``. NaN stands for null. All
        customers are included, whatever ``sample`` says. Covariates that show what happened after
        a cutoff are left out, and a warning names them. Nothing is written.

    Raises
    ------
    EngagementError
        If configuration or tables cannot be used.

    Examples
    --------
    >>> import engagement_ml as em
    >>> shop = em.make_shop(n_customers=30, n_weeks=30)
    >>> panel = em.features(
    ...     shop.events, shop.transactions, windows={"observation_days": 28, "outcome_days": 28}
    ... )
    >>> panel.columns[:4].tolist()
    ['customer_id', 'cutoff', 'part', 'advisor_call__frequency']
    """
    from engagement_ml.column_names import CLUSTER
    from engagement_ml.features.lazy_panel import build_lazy_panel
    from engagement_ml.features.panel import build_panel, no_event

    if isinstance(links, Mapping):
        # The section of the configuration has the name of the table.
        overrides["links"], links = links, None
    settings = merge_config(config, overrides, origin="features")
    given = {
        "events": events,
        "transactions": transactions,
        "customers": customers,
        "identities": identities,
        "links": links,
    }
    frames = {name: frame for name, frame in given.items() if frame is not None}
    with open_engine(settings.engine, frames) as engine:
        tables = read_tables(settings, engine, frames)
        windows = plan_windows(tables.history, settings.windows)
        tables, notes = without_leaks(tables, settings, windows)
        log_notes(notes, notes[:1] if tables.leaking_covariates else ())
        if engine.local:
            frame = build_panel(tables, settings, windows).frame
            return frame.drop(columns=CLUSTER, errors="ignore")
        panel = engine.pandas(build_lazy_panel(tables, settings, windows))
    counts = [f"{behaviour}__frequency" for behaviour in tables.behaviours]
    if not panel[counts].to_numpy().any():
        raise NotEnoughDataError(no_event(windows))
    return panel.sort_values(["cutoff", "customer_id"], ignore_index=True)
