"""How much contact is too much: the curve, its optimum by segment, and who is beyond it."""

from __future__ import annotations

from typing import Any

from engagement_ml.contact import ContactEvidence, ContactRow
from engagement_ml.contact.evidence import curve_key
from engagement_ml.contact.rates import per_week
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.formatting import count, number, one_line, quantity, sentence, spread
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

MOST_CURVES = 6
"""Curves that are drawn: that of all, then those of segments, in the order of the table."""

TURNS = text.Verdict("optimum", "∩", "good", "More contacts help up to the optimum only.")


def build(run: Run) -> dict[str, Any] | None:
    """Return the sentence, the curves and the rows; None if contacts were not asked about."""
    found = run.record.further.contact
    if found is None or found.overall is None:
        return None
    overall, curves = found.overall, found.curves or {}
    own = [row for row in found.rows if not row.pooled and _key(row) in curves]
    return {
        "lead": sentence(run.readable(overall.reason)),
        "verdict": _verdict(overall),
        "above": _above(run, found),
        "cards": [_card(run, found, row) for row in own[:MOST_CURVES]],
        "more": max(len(own) - MOST_CURVES, 0),
        "rows": [_row(run, row) for row in found.rows],
        "reasons": [
            (_who(run, row), sentence(run.readable(row.reason)))
            for row in found.rows
            if row.segment is not None
        ],
        "days": run.observation_days,
        "notes": [sentence(run.readable(one_line(note))) for note in found.notes],
    }


def _key(row: ContactRow) -> str:
    return curve_key(row.segment, row.value)


def _who(run: Run, row: ContactRow) -> str:
    return f"All {run.entities}" if row.segment is None else one_line(f"{row.segment}: {row.value}")


def _verdict(row: ContactRow) -> text.Verdict:
    return TURNS if row.verdict == "turns" else text.verdict_of(row.verdict)


def _above(run: Run, found: ContactEvidence) -> str:
    """Say how many customers had more contacts than pay, and what that costs."""
    rows = [row for row in found.rows if row.segment == found.budget_by and not row.pooled]
    known = [row for row in rows if row.n_above is not None]
    if not known:
        return ""
    n, lost = sum(row.n_above or 0 for row in known), sum(row.cost_above or 0.0 for row in known)
    names = {
        "turns": "the upper limit of the optimum",
        "harmful": "none, though each one lowers margin",
    }
    more = names.get(known[0].verdict, "pay")
    if found.budget_by is not None:
        more = f"the upper limit of the optimum of their {found.budget_by}"
    if not n:
        return f"No {run.entity} had more contacts than {more} before {found.cutoff}."
    loss = run.money(lost, 0 if lost >= 100 else None)
    return (
        f"{quantity(n, run.entity)} had more contacts than {more} in the {run.observation_days} "
        f"days before {found.cutoff}. If the curve is causal, that costs {loss} of margin over "
        f"{run.outcome_days} days; contacts.csv names them."
    )


def _card(run: Run, found: ContactEvidence, row: ContactRow) -> dict[str, Any]:
    points = (found.curves or {})[_key(row)]
    x, effect, low, high = (tuple(values) for values in zip(*points, strict=True))
    lowers = row.verdict == "harmful"
    all_of_them = row.segment is None
    # The dots are those of all customers; before the first point nothing is drawn.
    typical, p90 = (found.typical, found.p90) if all_of_them else (None, None)
    curve = ResponseCurve(
        x, effect, low, high, row.limit,
        -1.0 if typical is None else typical, -1.0 if p90 is None else p90, row.verdict,
    )  # fmt: skip
    net = " net of their cost," if found.cost_per_contact > 0 else ""
    return {
        "title": _who(run, row),
        "tone": "bad" if lowers else "good",
        "verdict": _verdict(row),
        "chart": plots.response_chart(
            curve,
            tone="bad" if lowers else "good",
            label=f"{_who(run, row)}: margin by number of contacts,{net} with a 95% band",
            x_label=f"contacts in {run.observation_days} days",
            y_label=f"{run.money.currency} over the next {run.outcome_days} days, compared with "
            "no contact",
            write_x=number,
            write_y=run.money.tick,
        ),
        "typical": None if typical is None else count(typical),
        "p90": None if p90 is None else count(p90),
        "limit": None if not row.limit else _amount(run, row.limit),
    }


def _amount(run: Run, contacts: float | None) -> str:
    """Return contacts in a window with those per week."""
    if contacts is None:
        return "–"
    return f"{count(contacts)} ({per_week(contacts, run.observation_days)} a week)"


def _row(run: Run, row: ContactRow) -> dict[str, Any]:
    return {
        "who": _who(run, row),
        "n": number(row.n_entities, 0),
        "verdict": _verdict(row),
        "pooled": row.pooled,
        "optimum": _amount(run, row.optimum),
        "interval": spread(row.optimum_low, row.optimum_high),
        "break_even": "–" if row.break_even is None else count(row.break_even),
        "effect": run.money(row.effect),
        "effect_interval": run.money.spread(row.effect_low, row.effect_high),
        "above": "–" if row.n_above is None else number(row.n_above, 0),
        "lost": "–" if row.cost_above is None else run.money(row.cost_above, 0),
    }


CONTACT = Section("contact", "How much contact is too much", "contact.html.j2", build)
