"""All parts of a run beside the drivers of margin, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.further import Further
from engagement_ml.progress import Progress
from engagement_ml.workflow.further.attribution import ATTRIBUTION
from engagement_ml.workflow.further.churn import CHURN_OUTCOME
from engagement_ml.workflow.further.contact import CONTACT
from engagement_ml.workflow.further.first_purchase import FIRST_PURCHASES
from engagement_ml.workflow.further.opportunity import OPPORTUNITY
from engagement_ml.workflow.further.part import Fitted, Found, Part, Sources
from engagement_ml.workflow.further.parts_of_margin import PARTS_OF_MARGIN
from engagement_ml.workflow.further.standing import STANDING
from engagement_ml.workflow.further.unprofitable import UNPROFITABLE

PARTS: tuple[Part, ...] = (
    FIRST_PURCHASES,
    CHURN_OUTCOME,
    PARTS_OF_MARGIN,
    CONTACT,
    ATTRIBUTION,
    UNPROFITABLE,
    STANDING,
    OPPORTUNITY,
)
"""Add a part here; see `engagement_ml.workflow.further.part.Part`."""


def gather(sources: Sources) -> Mapping[int, Any]:
    """Return what each wanted part has read, by its place in `PARTS`."""
    return {
        place: part.gather(sources)
        for place, part in enumerate(PARTS)
        if part.wanted(sources.config)
    }


def find(
    gathered: Mapping[int, Any], fitted: Fitted, progress: Progress
) -> tuple[Further, dict[str, str]]:
    """Return the results of the parts that have gathered something, and their files."""
    fields: dict[str, Any] = {}
    files: dict[str, str] = {}
    for place, data in gathered.items():
        part = PARTS[place]
        progress.start(part.step)
        found = part.find(data, fitted)
        found = found if isinstance(found, Found) else Found({part.field: found})
        files |= found.files
        for name, value in found.fields.items():
            fields[name] = (*fields.get(name, ()), *value) if name == "outcomes" else value
    return Further(**fields), files
