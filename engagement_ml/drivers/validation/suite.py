"""What is shown beside the verdicts: placebos, stability, time, segments and pairs."""

from __future__ import annotations

from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.evidence import CheckRow, PairRow, SegmentRow
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.selection.indicators import Indicators
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.validation.heterogeneity import effects_by_segment
from engagement_ml.drivers.validation.interactions import compare_pairs
from engagement_ml.drivers.validation.persistence import Lasting
from engagement_ml.drivers.validation.placebos import placebo_behaviours, placebo_outcome
from engagement_ml.drivers.validation.summaries import (
    indicator_check,
    lasting_check,
    stability_check,
)
from engagement_ml.drivers.verdicts import Finding, Verdict
from engagement_ml.features.period_panel import Periods


def run_checks(
    periods: Periods,
    spans: Spans,
    findings: dict[str, Finding],
    selected: list[str],
    stability: Stability,
    associations: dict[str, Association],
    lasting: dict[str, Lasting],
    seed: int,
    ends: bool,
    indicators: Indicators | None = None,
    entity: str = "customer",
) -> tuple[CheckRow, ...]:
    """Run the placebos and ask how stable the choice is."""
    found: list[CheckRow] = []
    if not ends and any(f.within is not None for f in findings.values()):
        frequent = sorted(associations, key=lambda b: (-abs(associations[b].spearman), b))
        probes = tuple(dict.fromkeys((*selected, *frequent)))[:3]
        found.append(placebo_behaviours(periods, spans, probes, seed=seed))
    if selected and not ends:
        found.append(placebo_outcome(list(findings.values()), tuple(selected)))
    if selected:
        found.append(stability_check(stability, selected))
    if indicators is not None and indicators.choices:
        found.append(indicator_check(indicators, entity))
    if lasting:
        found.append(lasting_check(lasting))
    return tuple(found)


def compare_segments(
    periods: Periods, spans: Spans, findings: dict[str, Finding], verdicts: dict[str, Verdict]
) -> tuple[SegmentRow, ...]:
    """Estimate the effects that were found in every segment apart."""
    acting = {
        b: findings[b].effect for b, v in verdicts.items() if v.verdict in ("driver", "harmful")
    }
    if not acting or not periods.segments:
        return ()
    together = tuple(
        b for b in periods.behaviours if not findings[b].response.responds or b in acting
    )
    return effects_by_segment(periods, RollingCounts.from_periods(periods, spans, together), acting)


def pair_up(
    periods: Periods,
    spans: Spans,
    associations: dict[str, Association],
    verdicts: dict[str, Verdict],
    importance: dict[str, float],
    findings: dict[str, Finding],
) -> tuple[PairRow, ...]:
    """Ask of the drivers two by two what they do together, the first four by SHAP."""
    ranked = sorted(verdicts, key=lambda b: (-importance[b], b))
    acting = tuple(b for b in ranked if verdicts[b].verdict == "driver")[:4]
    if len(acting) < 2:
        return ()
    together = tuple(
        b for b in periods.behaviours if not findings[b].response.responds or b in acting
    )
    return compare_pairs(
        RollingCounts.from_periods(periods, spans, together),
        acting,
        {b: associations[b].spread for b in acting},
        spans.outcome,
    )
