"""Assumptions behind the findings and their limits."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import listed
from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any]:
    """Return the general limits, and the notes on this run."""
    return {
        "texts": [
            _grade(run),
            f"An effect is the change of one {run.entity}'s margin over the next "
            f"{run.outcome_days} days after one more event, on average and holding everything "
            f"else fixed. Some {run.entities} gain more, some nothing.",
            f"Each {run.entity} is compared with the same {run.entity} at other times. Lasting "
            f"differences between {run.entities} are removed, and so are changes that all "
            f"{run.entities} share, for example those of a season. A hidden cause that changes "
            "over time could still mislead; the robustness value gives the strength that it "
            "would need.",
            "Predictions are measured on the last cutoff dates, which were not used for training. "
            f"The intervals describe other {run.entities} scored by the same model, not a newly "
            "trained model.",
            f"The findings hold for {run.entities} like these, at a time like this, and within "
            "the counts observed. Train again if one of these changes.",
        ],
        "notes": [run.readable(note) for note in run.record.notes],
    }


def _grade(run: Run) -> str:
    if not run.weighted:
        return (
            "This is evidence from observational data. It does not show that no behaviour moves "
            "margin, only that these data do not identify one."
        )
    if run.indicator:
        return text.indicator_caution(run.entity)
    if tested := run.tested:
        return (
            f"A randomised test supports {listed(tested)}, for the {run.entities} who were tested "
            "and the way in which the test raised the behaviour. The rest is evidence from "
            "observational data: until a randomised test confirms it, a driver is a leading "
            "indicator, not proof of cause and effect."
        )
    return (
        "This is evidence from observational data. Until a randomised test confirms it, a driver "
        "is a leading indicator with evidence that passed its tests, not proof of cause and effect."
    )


LIMITS = Section("limits", "Assumptions and limits", "limits.html.j2", build, folded=True)
