"""What is said of surveys: who uses them, and whether those who were asked are customers."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.formatting import count, listed, quantity
from engagement_ml.inputs.id_forms import forms_that_meet
from engagement_ml.inputs.meeting import FEW, MOST_IDS
from engagement_ml.inputs.read_result import ReadResult


def survey_notes(engine: Engine, result: ReadResult, entity: str, *, used: bool) -> tuple[str, ...]:
    """Return sentences on the surveys; none without a table of them.

    Parameters
    ----------
    engine : Engine
    result : ReadResult
    entity : str
        What a customer is called.
    used : bool
        Whether what follows uses surveys: then those who were asked are looked up among those
        who have events or transactions.
    """
    if "surveys" not in result.quality:
        return ()
    label = result.quality["surveys"].source
    if not used:
        return (
            f"{label}: surveys were read and checked; 'engagement-ml scorecard' uses them, and "
            "this command does not.",
        )
    answers = result.frames["surveys"]
    notes = _early(engine, answers, label)
    asked = answers.select("customer_id").unique()
    active = nw.concat([result.ledger.select("customer_id"), _paid(result)]).unique()
    n = _number(engine, asked, label)
    both = _number(engine, asked.join(active, on="customer_id", how="inner"), label)
    if both and both >= FEW * n:
        return notes
    forms, _ = forms_that_meet(_ids(engine, asked, label), _ids(engine, active, label))
    remedy = (
        f"write the ids of all tables {listed(forms)}"
        if forms
        else "check that 'customer_id' means the same in all tables"
    )
    found = f"only {count(both)}" if both else "none"
    has, whose = (
        ("have" if both > 1 else "has"),
        ("the answers of the others" if both else "answers"),
    )
    return (
        *notes,
        f"{label}: of {quantity(n, entity)} in surveys, {found} {has} events or transactions, so "
        f"{whose} are not linked to behaviour; {remedy}.",
    )


def _early(engine: Engine, answers: nw.LazyFrame[Any], label: str) -> tuple[str, ...]:
    """Return a note if answers are dated before their survey was sent."""
    if "sent" not in answers.collect_schema().names():
        return ()
    n = _number(engine, answers.filter(nw.col("timestamp") < nw.col("sent")), label)
    if not n:
        return ()
    are = "is" if n == 1 else "are"
    return (
        f"{label}: {quantity(n, 'answer')} {are} dated before the survey was sent; check "
        "'timestamp' and 'sent', and their time zones.",
    )


def _paid(result: ReadResult) -> nw.LazyFrame[Any]:
    return result.frames["transactions"].select("customer_id")


def _number(engine: Engine, frame: nw.LazyFrame[Any], label: str) -> int:
    (row,) = engine.rows(frame.select(n=nw.len()), source=label)
    return int(row["n"])


def _ids(engine: Engine, frame: nw.LazyFrame[Any], label: str) -> list[str]:
    few = frame.sort("customer_id").head(MOST_IDS)
    return [str(row["customer_id"]) for row in engine.rows(few, source=label)]
