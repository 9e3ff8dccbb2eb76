"""The report's second half: out-of-time evaluation, checks, segments, pairs, experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.report import plots, words
from engagement_ml.report.formats import (
    DASH,
    count,
    finite,
    first_upper,
    how_many,
    number,
    one_line,
    percent,
    spelled,
    spread,
)
from engagement_ml.report.reading import Row, Run, as_mapping, as_rows, as_texts

_MEASURES = {
    "r2": ("R²", 2),
    "spearman": ("Spearman", 2),
    "gini": ("Gini", 2),
    "roc_auc": ("ROC AUC", 2),
    "pr_auc": ("PR AUC", 2),
    "brier": ("Brier", 3),
}
_PROFIT, _CHURN = ("r2", "spearman", "gini"), ("roc_auc", "pr_auc", "brier")
_PASSED = {True: ("✓", "good", "passed"), False: ("✗", "bad", "failed")}
_FOR_INFORMATION = ("·", "plain", "for information")
_RESULTS = {
    "behaviour": "Behaviour", "effect": "Effect", "lift": "Lift", "low": "from", "high": "to",
    "effect_low": "from", "effect_high": "to", "n_treated": "Treated", "n_control": "Control",
    "n": "Number", "p_value": "p", "result": "Result", "reason": "Reason",
}  # fmt: skip
_AMOUNTS = ("effect", "lift", "low", "high", "effect_low", "effect_high")


def evaluation_section(run: Run) -> dict[str, Any] | None:
    """Return the metric beside its baselines across and within, and both models' measures.

    None where nothing was measured.
    """
    evaluation = run.mapping("evaluation")
    metric = as_mapping(evaluation.get("metric"))
    across, within = as_mapping(metric.get("across")), as_mapping(metric.get("within"))
    vanity = as_mapping(metric.get("vanity"))
    section = {
        "n_entities": number(evaluation.get("n_entities"), 0),
        "cutoffs": as_texts(evaluation.get("test_cutoffs")),
        "across": _across(run, across),
        "within": _within(run, within, vanity),
        "profit": _profit(run, as_mapping(evaluation.get("profit"))),
        "churn": _churn(as_mapping(evaluation.get("churn"))),
        "notes": list(
            dict.fromkeys([*as_texts(metric.get("notes")), *as_texts(evaluation.get("notes"))])
        ),
    }
    shown = any(section[key] for key in ("across", "within", "profit", "churn", "notes"))
    return section if shown else None


def check_section(run: Run) -> dict[str, Any] | None:
    """Return what was attacked, what came out and whether it held; None without checks."""
    rows = []
    for check in run.rows("checks"):
        answer = check.get("passed")
        sign, tone, word = _PASSED[answer] if isinstance(answer, bool) else _FOR_INFORMATION
        rows.append(
            {
                "name": one_line(check.get("name") or ""),
                "question": one_line(check.get("question") or ""),
                "result": one_line("" if check.get("result") is None else check["result"]),
                "sign": sign,
                "tone": tone,
                "word": word,
            }
        )
    if not rows:
        return None
    passed, failed = (sum(row["tone"] == tone for row in rows) for tone in ("good", "bad"))
    lead = f"{first_upper(how_many(passed + failed, 'attack'))} with a clear answer: the findings "
    lead += f"withstood {spelled(passed)} and failed {spelled(failed)}." if failed else "withstood "
    lead += "" if failed else "it." if passed == 1 else "all of them."
    return {"rows": rows, "lead": lead}


def segment_section(run: Run) -> dict[str, Any] | None:
    """Return effects by segment on one scale, and how many disagree; None without segments."""
    segments = run.rows("segments")
    if not segments:
        return None
    estimates = [_estimate(row, "effect", "low", "high") for row in segments]
    scale = plots.interval_scale(estimates, wide=[_unsure(estimate) for estimate in estimates])
    rows = []
    for row, estimate in zip(segments, estimates, strict=True):
        label, agrees = run.label(row.get("behaviour")), row.get("agrees")
        where = f"{one_line(row.get('segment') or '')}: {one_line(row.get('value') or 'not known')}"
        rows.append(
            {
                "where": where,
                "label": label,
                "effect": run.money(estimate[0]),
                "interval": run.money.spread(*estimate[1:]),
                "n": number(row.get("n"), 0),
                "agrees": agrees is not False,
                "plot": plots.interval_cell(
                    scale,
                    estimate,
                    tone="bad" if agrees is False else "good",
                    label=f"{label}, {where}: {run.money.estimate(*estimate)}",
                ),
            }
        )
    disagree = sum(not row["agrees"] for row in rows)
    total = f"{len(rows)} combinations of segment and behaviour"
    lead = (
        f"In {disagree} of {total} the effect disagrees with that of everyone together."
        if disagree
        else f"In all {total} the effect agrees with that of everyone together."
    )
    return {
        "rows": rows,
        "lead": lead,
        "disagree": disagree,
        "ticks": scale.ticks(run.money.tick),
        "scale": scale,
    }


def pair_section(run: Run) -> list[dict[str, Any]]:
    """Return the pairs that were tested; empty where there are none."""
    return [
        {
            "pair": f"{run.label(row.get('first'))} with {run.label(row.get('second'))}",
            "effect": run.money(row.get("effect")),
            "interval": run.money.spread(row.get("low"), row.get("high")),
            "p_value": p_words(row.get("p_value")),
            "verdict": one_line(row.get("verdict") or "").replace("_", " "),
        }
        for row in run.rows("pairs")
    ]


def unprofitable_section(run: Run) -> dict[str, Any] | None:
    """Return who engages and still costs money, and what they do more of; None without it."""
    found = run.mapping("unprofitable")
    if not found:
        return None
    ratios = [finite(row.get("ratio")) for row in as_rows(found.get("behaviours"))]
    largest = max((ratio for ratio in ratios if ratio is not None), default=0.0)
    rows = []
    for row, ratio in zip(as_rows(found.get("behaviours")), ratios, strict=True):
        label = run.label(row.get("behaviour"), row.get("label"))
        times = f"{number(ratio, 1)}×" if ratio is not None else number(None)
        rows.append(
            {
                "label": label,
                "ratio": times,
                "unprofitable": count(row.get("mean_unprofitable")),
                "profitable": count(row.get("mean_profitable")),
                "bar": plots.bar_cell(
                    ratio / largest,
                    tone="bad" if ratio > 1 else "plain",
                    label=f"{label}: {times} as much",
                )
                if ratio is not None and largest > 0
                else "",
            }
        )
    lead = (
        f"Of {number(found.get('n_engaged'), 0)} engaged {run.entities}, "
        f"{number(found.get('n_unprofitable'), 0)} ({percent(found.get('share'))}) cost more than "
        "they bring."
    )
    lost = finite(found.get("margin_lost"))
    if lost is not None:
        lead += f" Together they cost {run.money(abs(lost), 0)} per outcome window."
    return {"lead": lead, "rows": rows}


def experiment_section(run: Run) -> dict[str, Any] | None:
    """Return the plan of experiments and the results so far; None where there is neither."""
    experiments = run.mapping("experiments")
    plan = [
        {
            "label": run.label(row.get("behaviour"), row.get("label")),
            "effect": run.money(row.get("effect")),
            "increase": count(row.get("increase")),
            "sd": run.money(row.get("sd")),
            "n_per_arm": number(row.get("n_per_arm"), 0),
            "total": number(row.get("total"), 0),
        }
        for row in as_rows(experiments.get("plan"))
    ]
    results = as_rows(experiments.get("results"))
    keys = [key for key in _RESULTS if any(row.get(key) is not None for row in results)]
    if not plan and not keys:
        return None
    return {
        "plan": plan,
        "result_head": [_RESULTS[key] for key in keys],
        "results": [[_result_cell(run, row, key) for key in keys] for row in results if keys],
    }


def p_words(value: Any) -> str:
    """Return a p-value as people write it.

    Examples
    --------
    >>> p_words(0.0004), p_words(0.0321), p_words(None)
    ('< 0.001', '0.032', '–')
    """
    p = finite(value)
    return "< 0.001" if p is not None and 0 <= p < 0.001 else number(p, 3)


def _across(run: Run, across: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = [
        {
            **_measured(as_mapping(row), words.score_name(name), own=name == "metric"),
            "lift": _times(as_mapping(as_mapping(row).get("top_decile_lift"))),
            "kept": percent(as_mapping(as_mapping(row).get("signal_kept")).get("value")),
        }
        for name, row in across.items()
    ]
    return _dot_plot(rows, words.standing_across(across, indicator=run.indicator)) if rows else None


def _within(
    run: Run, within: Mapping[str, Any], vanity: Mapping[str, Any]
) -> dict[str, Any] | None:
    named = [(words.score_name(name), name == "metric", row) for name, row in within.items()]
    named += [(f"{run.label(name)} (vanity)", False, row) for name, row in vanity.items()]
    rows = []
    for title, own, row in named:
        difference = as_mapping(as_mapping(row).get("difference"))
        rows.append(
            {
                **_measured(as_mapping(row), title, own=own),
                "difference": number(difference.get("value"), 2, signed=True),
                "difference_interval": spread(difference.get("low"), difference.get("high"), 2),
            }
        )
    others = [(words.in_sentence(name), row) for name, row in within.items() if name != "metric"]
    others += [(run.label(name), row) for name, row in vanity.items()]
    return _dot_plot(rows, words.standing_within(within.get("metric"), others)) if rows else None


def _measured(row: Row, title: str, *, own: bool) -> dict[str, Any]:
    spearman = as_mapping(row.get("spearman"))
    estimate = _estimate(spearman, "value", "low", "high")
    return {
        "title": title,
        "own": own,
        "estimate": estimate,
        "spearman": number(estimate[0], 2),
        "interval": spread(*estimate[1:], 2),
    }


def _dot_plot(rows: Sequence[dict[str, Any]], lead: str) -> dict[str, Any]:
    scale = plots.interval_scale([row["estimate"] for row in rows])
    for row in rows:
        row["plot"] = plots.interval_cell(
            scale,
            row["estimate"],
            tone="good" if row["own"] else "plain",
            label=f"{row['title']}: Spearman {row['spearman']}, {row['interval']}",
        )
    ticks = scale.ticks(number)
    return {"rows": rows, "lead": lead, "scale": scale, "ticks": ticks}


def _model_rows(measured: Row, names: Sequence[str]) -> list[dict[str, Any]]:
    every = {"model": measured, **as_mapping(measured.get("baselines"))}
    return [
        {
            "title": words.score_name(name),
            "own": name == "model",
            "cells": [
                {
                    "value": number(as_mapping(row.get(key)).get("value"), _MEASURES[key][1]),
                    "interval": spread(
                        as_mapping(row.get(key)).get("low"),
                        as_mapping(row.get(key)).get("high"),
                        _MEASURES[key][1],
                    ),
                }
                for key in names
            ],
        }
        for name, row in ((name, as_mapping(row)) for name, row in every.items())
    ]


def _profit(run: Run, measured: Row) -> dict[str, Any] | None:
    if not measured:
        return None
    return {
        "reason": "",
        "rate": "",
        "head": [_MEASURES[key][0] for key in _PROFIT],
        "rows": _model_rows(measured, _PROFIT),
        "chart": plots.calibration_chart(
            as_rows(measured.get("calibration")),
            label="Mean margin earned against mean margin predicted, by decile of prediction",
            x_label="margin predicted",
            y_label="margin earned",
            write=run.money.tick,
        ),
    }


def _churn(measured: Row) -> dict[str, Any] | None:
    if not measured:
        return None
    rate = as_mapping(measured.get("rate"))
    return {
        "reason": one_line(measured.get("reason") or ""),
        "rate": percent(rate.get("value")) if finite(rate.get("value")) is not None else "",
        "head": [_MEASURES[key][0] for key in _CHURN],
        "rows": [] if measured.get("reason") else _model_rows(measured, _CHURN),
        "chart": plots.calibration_chart(
            as_rows(measured.get("calibration")),
            label="Share that churned against the probability predicted, by decile of prediction",
            x_label="churn predicted",
            y_label="churned",
            write=lambda value, decimals: percent(value, max(decimals - 2, 0)),
        ),
    }


def _estimate(row: Row, value: str, low: str, high: str) -> plots.Estimate:
    return finite(row.get(value)), finite(row.get(low)), finite(row.get(high))


def _unsure(estimate: plots.Estimate) -> bool:
    _, low, high = estimate
    return low is not None and high is not None and low < 0 < high


def _times(measure: Row) -> str:
    value = finite(measure.get("value"))
    return number(value) if value is None else f"{number(value, 1)}×"


def _result_cell(run: Run, row: Row, key: str) -> str:
    value = row.get(key)
    if key == "behaviour":
        return run.label(value)
    if key in _AMOUNTS:
        return run.money(value)
    if key == "p_value":
        return p_words(value)
    return number(value, 0) if finite(value) is not None else one_line(value or DASH)
