"""Credit of touchpoints for conversions, for notebooks; nothing is trained or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from engagement_ml.config import AttributionConfig
from engagement_ml.engine import open_engine
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables, with_grouped_types
from engagement_ml.workflow.parameters import ConfigKeys, ConfigLike, merge_config
from engagement_ml.workflow.run_log import log_notes

if TYPE_CHECKING:
    from engagement_ml.attribution import AttributionEvidence

_NO_EFFECTS = (
    "effects within customers are not estimated here; a run of training with the key 'attribution' "
    "has them"
)


@machine_faults_named()
def attribution(
    events: Any = None,
    transactions: Any = None,
    customers: Any = None,
    *,
    identities: Any = None,
    config: ConfigLike | None = None,
    **overrides: Unpack[ConfigKeys],
) -> AttributionEvidence:
    """Divide the credit for conversions among the touchpoints before them. Credit is not cause.

    Parameters
    ----------
    events, transactions, customers, identities : frame or path, optional
        Any frame that Narwhals accepts, in the columns of the input tables or as ``columns`` of
        the configuration maps them. A table that is left out is read from ``sources``.
    config : PipelineConfig, path or mapping, optional
        The configuration, or the path of its YAML file; by default all defaults.
    **overrides
        Keys of the configuration to replace:
        ``attribution={"touchpoint": "campaign", "lookback_days": 14}``.

    Returns
    -------
    AttributionEvidence
        Shares by first, last, linear, Markov and Shapley of each touchpoint, by conversions and by
        margin; ``to_frame()`` has the columns of ``attribution.csv``. ``effect`` and ``verdict``
        are empty: only training estimates them. All customers are included.

    Raises
    ------
    EngagementError
        If configuration or tables cannot be used.

    Examples
    --------
    >>> import engagement_ml as em
    >>> shop = em.make_shop(n_customers=60, n_weeks=30)
    >>> found = em.attribution(
    ...     shop.events, shop.transactions, attribution={"touchpoint": "event_type"}
    ... )
    >>> bool(abs(found.to_frame()["shapley"].sum() - 1) < 1e-9)
    True
    """
    from engagement_ml.attribution import divide_credit, read_credit_data

    settings = merge_config(config, overrides, origin="attribution")
    if settings.attribution is None:
        settings = settings.model_copy(update={"attribution": AttributionConfig()})
    given = {
        "events": events,
        "transactions": transactions,
        "customers": customers,
        "identities": identities,
    }
    frames = {name: frame for name, frame in given.items() if frame is not None}
    with open_engine(settings.engine, frames) as engine:
        tables = read_tables(settings, engine, frames, extra=True)
        settings = with_grouped_types(settings, tables.grouped_types)
        data = read_credit_data(tables, settings)
    log_notes(tables.notes)
    return divide_credit(data, settings, (_NO_EFFECTS,))
