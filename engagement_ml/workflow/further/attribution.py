"""Credit of touchpoints for conversions, beside what touches do within customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engagement_ml.attribution.credit import CreditData, divide_credit, read_credit_data
from engagement_ml.attribution.evidence import (
    CREDIT_COLUMNS,
    AttributionEvidence,
    CreditRow,
    credit_dict,
)
from engagement_ml.attribution.harvest import REASON as HARVEST
from engagement_ml.attribution.harvest import may_harvest
from engagement_ml.attribution.touch_periods import TouchPeriods, build_touch_periods
from engagement_ml.config import AttributionConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import quantity
from engagement_ml.workflow.further.part import Fitted, Found, Part, Sources
from engagement_ml.workflow.results import csv_text

FILE = "attribution.csv"


@dataclass(frozen=True)
class Gathered:
    """Counts of paths of all customers; the period panel of the run's customers if needed."""

    credit: CreditData
    touches: TouchPeriods | None


def gather(sources: Sources) -> Gathered:
    """Count paths and, for channels and campaigns, touches by period."""
    config = sources.config
    data = read_credit_data(sources.everyone, config)
    settings = config.attribution or AttributionConfig()
    if settings.touchpoint == "event_type":
        return Gathered(data, None)
    touches = build_touch_periods(
        sources.tables, config, sources.windows, data.touchpoints, data.n_touches
    )
    return Gathered(data, touches)


def find(gathered: Gathered, fitted: Fitted) -> Found:
    """Divide the credit, and add effect and verdict of each touchpoint."""
    touches = gathered.touches
    notes = []
    if touches is None:
        by_touchpoint: Mapping[str, DriverRow] = {
            row.behaviour: row for row in fitted.evidence.drivers
        }
    else:
        by_touchpoint = _effects(touches, fitted)
        left = len(gathered.credit.touchpoints) - len(touches.behaviours)
        if left:
            notes.append(
                f"effects are estimated for the {quantity(len(touches.behaviours), 'touchpoint')} "
                "with the most touches; the others are adjusted for together"
            )
    evidence = divide_credit(gathered.credit, fitted.config, notes)
    rows = (_with_effect(row, by_touchpoint.get(row.touchpoint)) for row in evidence.rows)
    evidence = replace(evidence, rows=tuple(rows))
    return Found({ATTRIBUTION.field: evidence}, {FILE: attribution_csv(evidence)})


def attribution_csv(attribution: AttributionEvidence) -> str:
    r"""Return the text of ``attribution.csv``: credit of each touchpoint by all rules.

    Examples
    --------
    >>> row = CreditRow("email", 3, 0.5, 0.5, 0.5, 0.5, 1 / 3)
    >>> evidence = AttributionEvidence("transaction", "channel", 30, 2, 0, 3, (row,))
    >>> attribution_csv(evidence).splitlines()[1]
    'email,0,3,0,0.5,0.5,0.5,0.5,0.333333,,,,,,,,,,'
    """
    return csv_text(CREDIT_COLUMNS, (list(credit_dict(row).values()) for row in attribution.rows))


def _effects(touches: TouchPeriods, fitted: Fitted) -> Mapping[str, DriverRow]:
    """Run the whole search for drivers, with all its checks, on touches by touchpoint."""
    from engagement_ml.drivers import find_drivers

    found = find_drivers(touches.periods, fitted.panel, fitted.windows, fitted.config)
    rows = {row.behaviour: row for row in found.drivers}
    days = touches.periods.period_days
    for behaviour in touches.behaviours.values():
        row = rows.get(behaviour)
        if row is None or row.verdict != "driver" or fitted.config.churn.kind == "event":
            continue
        if may_harvest(found.event_study.get(behaviour), days):
            rows[behaviour] = replace(row, verdict="unverifiable", reason=HARVEST)
    return {name: rows[each] for name, each in touches.behaviours.items() if each in rows}


def _with_effect(row: CreditRow, driver: DriverRow | None) -> CreditRow:
    if driver is None:
        return row
    return replace(
        row,
        effect=driver.effect,
        effect_low=driver.effect_low,
        effect_high=driver.effect_high,
        verdict=driver.verdict,
        reason=driver.reason,
    )


ATTRIBUTION = Part(
    field="attribution",
    step="Dividing credit for conversions",
    wanted=lambda config: config.attribution is not None,
    gather=gather,
    find=find,
)
