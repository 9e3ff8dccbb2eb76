"""Churn as an outcome: what keeps customers."""

from __future__ import annotations

from engagement_ml.config.outcomes import CHURN
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.workflow.further.part import Fitted, Part, Sources


def _gather(sources: Sources) -> None:
    """Read nothing: the periods of the run have all there is."""


def _find(_: None, fitted: Fitted) -> tuple[OutcomeEvidence, ...]:
    from engagement_ml.outcomes.churn import find_churn

    return (
        find_churn(
            fitted.periods,
            fitted.panel,
            fitted.windows,
            fitted.config,
            fitted.evidence.drivers,
        ),
    )


CHURN_OUTCOME = Part(
    field="outcomes",
    step="Judging churn",
    wanted=lambda config: CHURN in config.outcomes,
    gather=_gather,
    find=_find,
)
