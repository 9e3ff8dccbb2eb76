"""The sections of the report, in the order of the page."""

from __future__ import annotations

from engagement_ml.report.section import Section
from engagement_ml.report.sections.attribution import ATTRIBUTION
from engagement_ml.report.sections.behaviours import BEHAVIOURS
from engagement_ml.report.sections.checks import CHECKS
from engagement_ml.report.sections.contact import CONTACT
from engagement_ml.report.sections.data import DATA
from engagement_ml.report.sections.evaluation import EVALUATION
from engagement_ml.report.sections.event_study import EVENT_STUDY
from engagement_ml.report.sections.experiments import EXPERIMENTS
from engagement_ml.report.sections.first_purchases import FIRST_PURCHASES
from engagement_ml.report.sections.glossary import GLOSSARY
from engagement_ml.report.sections.limits import LIMITS
from engagement_ml.report.sections.metric import METRIC
from engagement_ml.report.sections.naive import NAIVE
from engagement_ml.report.sections.opportunity import OPPORTUNITY
from engagement_ml.report.sections.outcomes import OUTCOMES
from engagement_ml.report.sections.overview import OVERVIEW
from engagement_ml.report.sections.pairs import PAIRS
from engagement_ml.report.sections.responses import RESPONSES
from engagement_ml.report.sections.segments import SEGMENTS
from engagement_ml.report.sections.standing import STANDING
from engagement_ml.report.sections.unprofitable import UNPROFITABLE
from engagement_ml.report.sections.versions import VERSIONS
from engagement_ml.report.sections.windows import WINDOWS

__all__ = ["SECTIONS"]

SECTIONS: tuple[Section, ...] = (
    # For people who decide: the first screen, and what is printed.
    OVERVIEW,
    OPPORTUNITY,
    STANDING,
    # For people who act.
    METRIC,
    RESPONSES,
    OUTCOMES,
    FIRST_PURCHASES,
    CONTACT,
    ATTRIBUTION,
    UNPROFITABLE,
    EXPERIMENTS,
    BEHAVIOURS,
    # For analysts: folded.
    NAIVE,
    EVENT_STUDY,
    EVALUATION,
    CHECKS,
    SEGMENTS,
    PAIRS,
    DATA,
    WINDOWS,
    LIMITS,
    GLOSSARY,
    VERSIONS,
)
"""Add a section here; see `engagement_ml.report.section.Section`."""
