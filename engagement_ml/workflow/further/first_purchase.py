"""First purchases as an outcome: what brings prospects to buy."""

from __future__ import annotations

from engagement_ml.config.outcomes import FIRST_PURCHASE
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.workflow.further.part import Fitted, Part, Sources


def _gather(sources: Sources) -> Prospects:
    from engagement_ml.outcomes.first_purchase import read_prospects

    return read_prospects(
        sources.tables,
        sources.config,
        until=sources.windows.fit_until,
        starts=sources.config.outcomes[FIRST_PURCHASE].starts,
    )


def _find(prospects: Prospects, fitted: Fitted) -> tuple[OutcomeEvidence, ...]:
    from engagement_ml.outcomes.first_purchase import find_first_purchase

    return (find_first_purchase(prospects, fitted.config),)


FIRST_PURCHASES = Part(
    field="outcomes",
    step="Judging first purchases",
    wanted=lambda config: FIRST_PURCHASE in config.outcomes,
    gather=_gather,
    find=_find,
)
