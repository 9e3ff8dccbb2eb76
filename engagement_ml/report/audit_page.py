"""The page of an audit: one self-contained HTML file to hand around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.evaluation.names import BEST_SINGLE, METRIC
from engagement_ml.formatting import (
    DASH,
    Money,
    day,
    decimals_for,
    listed,
    number,
    one_line,
    plural,
    sentence,
    spread,
)
from engagement_ml.lifecycle.auditing import wording
from engagement_ml.lifecycle.auditing.audit import Audit
from engagement_ml.lifecycle.auditing.facts import Behaviour, Estimate, Measured
from engagement_ml.report import plots, text
from engagement_ml.report.page import render_sections

_SIGNS = {
    "vanity": ("◇", "bad"),
    "moves with margin": ("▲", "good"),
    "moves little": ("○", "plain"),
    "reversed": ("▼", "bad"),
    "no information": ("○", "plain"),
    "unclear": ("?", "plain"),
    "suspiciously good": ("!", "bad"),
}
_NOTHING = (None, None, None)


def render_audit(audit: Audit) -> str:
    """Return an audit as a self-contained HTML page, without scripts; all text is escaped.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
        The same audit gives the same text.
    """
    facts = audit.facts
    dates = [day(cutoff) for cutoff in facts.cutoffs]
    sections = [
        ("verdict", "In short", "audit_verdict.html.j2", _verdict(audit)),
        ("predicts", "Does it predict margin?", "audit_scores.html.j2", _predicts(audit)),
        (
            "moves",
            f"When the score of a {one_line(facts.entity)} changes, does margin follow?",
            "audit_scores.html.j2",
            _moves(audit),
        ),
        ("parts", "The parts of the score", "audit_parts.html.j2", _parts(audit)),
        (
            "instead",
            "What two or three behaviours would do instead",
            "audit_instead.html.j2",
            _instead(audit),
        ),
        ("limits", "How this was measured, and its limits", "audit_limits.html.j2", _limits(audit)),
    ]
    return render_sections(
        name=one_line(facts.name),
        headline=one_line(audit.headline),
        lead=[],
        meta=[
            f"Audit of {one_line(facts.name)}",
            f"{number(facts.customers, 0)} {one_line(plural(facts.entity))}",
            f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else listed(dates),
            one_line(facts.currency),
        ],
        sections=[each for each in sections if each[3]],
    )


def _verdict(audit: Audit) -> dict[str, Any]:
    verdict = audit.judgement.verdict
    sign, tone = _SIGNS[verdict]
    return {
        "verdict": {"name": verdict, "sign": sign, "tone": tone},
        "meaning": one_line(wording.meaning(audit.facts, audit.judgement)),
        "warnings": [one_line(each) for each in audit.warnings],
        "money": one_line(wording.money(audit.facts)),
    }


def _predicts(audit: Audit) -> dict[str, Any]:
    facts = audit.facts
    return _scores(
        audit,
        wording.predicts(facts, audit.judgement),
        {name: measured.predicts for name, measured in _all(audit).items()},
        money=True,
    )


def _moves(audit: Audit) -> dict[str, Any]:
    facts = audit.facts
    section = _scores(
        audit,
        wording.moves(facts, audit.judgement),
        {name: measured.moves for name, measured in _all(audit).items()},
        money=False,
    )
    pairs = [f"{day(first)} to {day(second)}" for first, second in facts.pairs]
    if pairs:
        section["small"] = (
            f"Changes from {listed(pairs)}; the time windows of two compared dates do not overlap. "
            f"Changes that all {one_line(plural(facts.entity))} share are removed first, for "
            "example those of a season."
        )
    return section


def _all(audit: Audit) -> dict[str, Measured]:
    return {audit.facts.name: audit.facts.score, **audit.facts.others}


def _scores(
    audit: Audit, lead: str, estimates: Mapping[str, Estimate | None], *, money: bool
) -> dict[str, Any]:
    """Return a table of scores with a plot of their intervals."""
    shown = {name: e.all if e else _NOTHING for name, e in estimates.items()}
    scale = plots.interval_scale(list(shown.values()))
    rows = []
    for name, (value, low, high) in shown.items():
        title = _score_title(audit, name)
        own = name == audit.facts.name
        interval = spread(low, high, 2)
        rows.append(
            {
                "title": title,
                "own": own,
                "estimate": number(value, 2),
                "interval": interval,
                "plot": plots.interval_cell(
                    scale,
                    (value, low, high),
                    tone="good" if own else "plain",
                    label=f"{title}: rank correlation {number(value, 2)}, {interval}",
                ),
                **_money_cells(audit, _all(audit)[name].top_margin),
            }
        )
    return {
        "lead": one_line(lead),
        "rows": rows,
        "scale": scale,
        "ticks": scale.ticks(number),
        "money": money,
        "small": "",
        "outcome_days": audit.facts.outcome_days,
    }


def _money_cells(audit: Audit, estimate: Estimate | None) -> dict[str, str]:
    if estimate is None:
        return {"top": DASH, "top_interval": DASH}
    money, decimals = Money(one_line(audit.facts.currency)), decimals_for(*estimate.all)
    return {
        "top": money(estimate.value, decimals),
        "top_interval": money.spread(estimate.low, estimate.high, decimals),
    }


def _score_title(audit: Audit, name: str) -> str:
    if name == audit.facts.name:
        return one_line(name)
    if name == METRIC:
        labels = listed([one_line(each.label) for each in audit.facts.instead])
        return f"Metric of {labels}"
    if name == BEST_SINGLE and audit.facts.best_single:
        return f"Best single behaviour: {one_line(audit.facts.best_single)}"
    return text.score_name(name)


def _parts(audit: Audit) -> dict[str, Any] | None:
    facts = audit.facts
    if not facts.behaviours and not audit.columns:
        return None
    vanity = audit.vanity_parts
    verb = "is" if len(vanity) == 1 else "are"
    lead = (
        f"{listed([one_line(each) for each in vanity])} {verb} vanity: those with more of it bring "
        "more margin, but margin does not follow when one of them changes."
        if vanity
        else "No part of it is shown to be vanity."
    )
    columns = [
        {
            "name": one_line(part.name),
            "verdict": {
                "name": part.verdict,
                "sign": _SIGNS[part.verdict][0],
                "tone": _SIGNS[part.verdict][1],
            },
            "cells": [
                _estimate_cell(part.measured.predicts),
                _estimate_cell(part.measured.moves),
                _estimate_cell(part.measured.beyond_rfm),
            ],
        }
        for part in audit.columns
    ]
    return {
        "lead": lead,
        "behaviours": [_behaviour(audit, each) for each in facts.behaviours],
        "columns": columns,
        "outcome_days": facts.outcome_days,
        "entity": one_line(facts.entity),
    }


def _estimate_cell(estimate: Estimate | None) -> dict[str, str]:
    if estimate is None:
        return {"value": DASH, "interval": DASH}
    return {
        "value": number(estimate.value, 2),
        "interval": spread(estimate.low, estimate.high, 2),
    }


def _behaviour(audit: Audit, each: Behaviour) -> dict[str, Any]:
    verdict = text.verdict_of(each.verdict, one_line(audit.facts.entity))
    money = Money(one_line(audit.facts.currency))
    value, low, high = each.effect.all if each.effect else _NOTHING
    decimals = decimals_for(value, low, high)
    return {
        "label": one_line(each.label),
        "behaviour": one_line(each.name) if each.label != each.name else "",
        "weight": number(each.weight, 1),
        "verdict": verdict,
        "effect": money(value, decimals),
        "interval": money.spread(low, high, decimals),
        "reason": sentence(one_line(each.reason)),
    }


def _instead(audit: Audit) -> dict[str, Any]:
    facts = audit.facts
    return {
        "lead": one_line(wording.instead(facts)),
        "behaviours": [_behaviour(audit, each) for each in facts.instead],
        "indicator": facts.indicator,
        "outcome_days": facts.outcome_days,
        "entity": one_line(facts.entity),
    }


def _limits(audit: Audit) -> dict[str, Any]:
    facts = audit.facts
    entities = one_line(plural(facts.entity))
    measured = (
        f"{number(facts.customers, 0)} of {number(facts.of, 0)} {entities} at "
        f"{listed(day(cutoff) for cutoff in facts.cutoffs)}. The margin of the "
        f"{facts.outcome_days} days after each date counts. {facts.out_of_time}"
    )
    return {
        "measured": one_line(measured),
        "not_tested": [one_line(each) for each in wording.not_tested(facts)],
        "notes": [one_line(text.note(each)) for each in facts.notes],
    }
