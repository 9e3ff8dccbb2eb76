"""Measures of care: appointments that are kept, and medicine that is at hand."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.formatting import how_many
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import TotalsFunction, divide, share
from engagement_ml.measures.rows.care import appointment_rows, supply_rows
from engagement_ml.measures.rows.occurrences import HOUR, count, events_of

BOOKED = ("appointment_booked", "appointment_moved", "appointment_rescheduled")
ATTENDED = ("appointment_attended", "appointment_completed", "visit_completed")
CANCELLED = ("appointment_cancelled_by_provider", "cancelled_by_provider")
REFILLS = ("refill", "prescription_refill", "medication_refill", "refill_dispensed")


def _appointment_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    booked = context.event_types(settings.start, "start")
    attended = context.event_types(settings.goal, "goal")
    context.require("events", "ref", "due")
    wanted = settings.cancelled or ()
    named = (wanted,) if isinstance(wanted, str) else wanted
    cancelled = tuple(name for name in named if name in context.tables.event_counts)
    notice = round((settings.within_hours or 0.0) * HOUR)
    key, frame = appointment_rows(context, booked, attended, cancelled, notice)
    early, withdrawn = count(
        context, frame, early=nw.col("mature") == 0, withdrawn=nw.col("cancelled") == 1
    )
    [unlinked] = count(
        context,
        events_of(context, booked),
        n=nw.col("ref").is_null() | nw.col("due").is_null(),
    )
    texts = {
        "not over yet, left out": early,
        "cancelled by the provider in time, left out": withdrawn,
        "without a ref or a due time, left out": unlinked,
    }
    notes = tuple(f"{how_many(n, 'appointment')} {text}" for text, n in texts.items() if n)
    counted = frame.filter((nw.col("mature") == 1) & (nw.col("cancelled") == 0))
    columns = {"attended": nw.col("attended").sum(), "due": nw.len()}
    return Rows(key, lambda: counted, columns, notes=notes)


def _supply_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    refills = context.event_types(settings.event, "event")
    context.require("events", "value")
    unusable = nw.col("value").is_null() | (nw.col("value").round(0) < 1)
    [lost] = count(context, events_of(context, refills), n=unusable)
    note = f"{how_many(lost, 'refill')} without days of supply ('value') left out"
    key, frame = supply_rows(context, refills)
    columns = {"covered": nw.col("covered").sum(), "observed": nw.col("observed").sum()}
    return Rows(key, lambda: frame, columns, notes=(note,) if lost else ())


def _adherent_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    rows = _supply_rows(context, settings)
    columns = {"adherent": nw.col("adherent").sum(), "customers": nw.len()}
    return Rows(rows.key, rows.frame, columns, notes=rows.notes)


_SUPPLY = (
    "Supply that overlaps shifts forward, so a day counts once. A customer is observed from the "
    "first refill to the end of the history, or to the churn event. Medicines with different "
    "`object` count by themselves. Refills without days of supply are left out and counted."
)
FAMILY = (
    MeasureDefinition(
        name="appointment_adherence",
        title="Appointments kept",
        kind=share("attended", "due"),
        unit="percent",
        better="more",
        formula="attended appointments / (due − cancelled by the provider in time)",
        needs="events of appointments with `ref` and `due`, and of attendance with `ref`",
        rows=_appointment_rows,
        edge_cases="An appointment is what has one `ref` of a customer; if it is moved, its last "
        "due time counts, once. It counts in the period in which it is due. The provider's "
        "cancellation is an event of `cancelled` that is not `inbound`, after the last move and at "
        "least `within_hours` before the due time (by default, before it). What the customer "
        "cancels stays due. An appointment that is due less than a day before the end of the "
        "history is left out and counted.",
        keys=("start", "goal", "cancelled", "within_hours"),
        defaults={"start": BOOKED, "goal": ATTENDED, "cancelled": CANCELLED},
    ),
    MeasureDefinition(
        name="medication_adherence",
        title="Days covered by medicine",
        kind=TotalsFunction(
            ("covered", "observed"), divide, "covered", "observed", 100.0, (0.0, 100.0)
        ),
        unit="percent",
        better="more",
        formula="proportion of days covered: days with supply / days observed",
        needs="events of refills, with the days of supply as `value`",
        rows=_supply_rows,
        edge_cases=_SUPPLY,
        source="Pharmacy Quality Alliance: proportion of days covered (PDC)",
        keys=("event",),
        defaults={"event": REFILLS},
    ),
    MeasureDefinition(
        name="medication_adherent",
        title="Customers with medicine on 80% of days",
        kind=share("adherent", "customers"),
        unit="percent",
        better="more",
        formula="customers with at least 80% of their observed days covered / customers observed",
        needs="as `medication_adherence`",
        rows=_adherent_rows,
        edge_cases=_SUPPLY,
        source="Pharmacy Quality Alliance: proportion of days covered (PDC)",
        keys=("event",),
        defaults={"event": REFILLS},
    ),
)
