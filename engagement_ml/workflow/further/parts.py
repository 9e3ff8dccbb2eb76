"""All parts of a run beside the drivers of margin, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.further import Further
from engagement_ml.progress import Progress
from engagement_ml.workflow.further.part import Fitted, Part, Sources
from engagement_ml.workflow.further.standing import STANDING

PARTS: tuple[Part, ...] = (STANDING,)
"""Add a part here; see `engagement_ml.workflow.further.part.Part`."""


def gather(sources: Sources) -> Mapping[int, Any]:
    """Return what each wanted part has read, by its place in `PARTS`."""
    return {
        place: part.gather(sources)
        for place, part in enumerate(PARTS)
        if part.wanted(sources.config)
    }


def find(gathered: Mapping[int, Any], fitted: Fitted, progress: Progress) -> Further:
    """Return the results of the parts that have gathered something."""
    found: dict[str, Any] = {}
    for place, data in gathered.items():
        part = PARTS[place]
        progress.start(part.step)
        value = part.find(data, fitted)
        found[part.field] = (
            (*found.get("outcomes", ()), *value) if (part.field == "outcomes") else value
        )
    return Further(**found)
