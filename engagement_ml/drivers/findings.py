"""What is known of each behaviour before a verdict, put together from all that was estimated."""

from __future__ import annotations

from collections.abc import Mapping

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimates import Estimates, ends_by_event, segment_groups
from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.selection.stability_selection import Stability, bootstrap_selection
from engagement_ml.drivers.validation.persistence import Lasting, compare_in_time
from engagement_ml.drivers.verdicts import LEAST_Z, Finding, is_certain
from engagement_ml.features.period_panel import Periods


def finding_of(
    behaviour: str,
    config: PipelineConfig,
    estimates: Estimates,
    association: Association,
    smallest: float,
    stability: Stability,
) -> Finding:
    """Put together what is known of a behaviour."""
    known = config.behaviour(behaviour)
    return Finding(
        behaviour=behaviour,
        role=known.role,
        within=estimates.within.get(behaviour),
        half_z=estimates.half_z.get(behaviour, (0.0, 0.0)),
        association=association,
        response=estimates.responses.get(
            behaviour, PurchaseResponse(behaviour, 0.0, 0.0, (1, 1), 0.0)
        ),
        lead_z=estimates.lead_z.get(behaviour),
        frequency=stability.passes.get(behaviour, 0.0),
        cost=known.cost_per_event,
        smallest=smallest,
        borrowed=behaviour in estimates.flexible and estimates.flexible[behaviour].lost,
    )


def choose_again(
    estimates: Estimates, importance: dict[str, float], config: PipelineConfig
) -> Stability:
    """Choose again in bootstraps of entities, among those that no role rules out."""
    main = estimates.main
    if main is None:
        return Stability({}, {}, (), 0.0)
    candidates = [
        b for b in main.behaviours if config.behaviour(b).role in ("behaviour", "mediator")
    ]
    return bootstrap_selection(
        main,
        candidates,
        importance,
        {b: config.behaviour(b).cost_per_event for b in candidates},
        at_most=config.select.at_most,
        least_z=LEAST_Z,
        seed=config.random_seed,
    )


def look_in_time(
    periods: Periods,
    spans: Spans,
    config: PipelineConfig,
    estimates: Estimates,
    findings: Mapping[str, Finding],
) -> dict[str, Lasting]:
    """Compare early and late what passes the tests within entities."""
    if estimates.main is None or ends_by_event(config):
        return {}
    acting = [b for b in estimates.main.behaviours if is_certain(findings[b])]
    return compare_in_time(
        periods,
        estimates.main,
        estimates.within,
        acting,
        burn_in=spans.burn_in,
        group=segment_groups(periods),
    )
