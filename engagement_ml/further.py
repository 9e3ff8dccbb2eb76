"""What a run finds beside the drivers of margin; parts that were not asked for are empty."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.actions.evidence import Opportunity
from engagement_ml.attribution.evidence import AttributionEvidence
from engagement_ml.contact.evidence import ContactEvidence
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.metric.standing import Standing
from engagement_ml.outcomes.evidence import MixRow, OutcomeEvidence
from engagement_ml.profiles.evidence import UnprofitableProfile


@dataclass(frozen=True)
class Further:
    """Results beside the drivers of margin.

    Attributes
    ----------
    outcomes : tuple of OutcomeEvidence
        In the order of the configuration, without margin.
    mix : tuple of MixRow
        What behaviours do to the parts of margin: a row for each with evidence on any part.
    contact : ContactEvidence or None
    attribution : AttributionEvidence or None
    profile : UnprofitableProfile or None
        Who the unprofitable engaged are.
    standing : Standing or None
        How customers score today.
    opportunity : Opportunity or None
        What more of the drivers would bring.
    """

    outcomes: tuple[OutcomeEvidence, ...] = ()
    mix: tuple[MixRow, ...] = ()
    contact: ContactEvidence | None = None
    attribution: AttributionEvidence | None = None
    profile: UnprofitableProfile | None = None
    standing: Standing | None = None
    opportunity: Opportunity | None = None

    @property
    def outcome_rows(self) -> tuple[DriverRow, ...]:
        """Verdicts on all behaviours by all outcomes beside margin, outcome by outcome."""
        return tuple(row for outcome in self.outcomes for row in outcome.drivers)
