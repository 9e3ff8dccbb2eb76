"""Out-of-time results: the metric and the models compared with their baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import day, listed, number, one_line, percent, spread
from engagement_ml.report import comparison_text, plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run, measure

Row = Mapping[str, Any]
_MEASURES = {
    "r2": ("R²", 2),
    "spearman": ("Rank correlation", 2),
    "gini": ("Gini", 2),
    "roc_auc": ("ROC AUC", 2),
    "pr_auc": ("PR AUC", 2),
    "brier": ("Brier", 3),
}
_PROFIT, _CHURN = ("r2", "spearman", "gini"), ("roc_auc", "pr_auc", "brier")


def build(run: Run) -> dict[str, Any] | None:
    """Return the metric's two evaluations and both models' measures; None without any."""
    evaluation = run.record.evaluation
    metric = evaluation.get("metric") or {}
    across, within, vanity = run.comparisons
    segments = run.record.config.get("segments") or ()
    notes = [*(metric.get("notes") or ()), *(evaluation.get("notes") or ())]
    section = {
        "n_entities": number(evaluation.get("n_entities"), 0),
        "cutoffs": listed(day(cutoff) for cutoff in evaluation.get("test_cutoffs") or ()),
        "predicts": _predicts(run, across),
        "moves": _moves_with_margin(run, within, vanity),
        "pairs": comparison_text.cutoff_pairs(
            metric, run.entities, [one_line(each) for each in segments]
        ),
        "profit": _profit(run, evaluation.get("profit")),
        "churn": _churn(run, evaluation.get("churn")),
        "notes": [run.readable(text.note(each)) for each in dict.fromkeys(notes)],
    }
    shown = any(section[key] for key in ("predicts", "moves", "profit", "churn", "notes"))
    return section if shown else None


def title(run: Run) -> str:
    """Return the heading: without a metric, only baselines and models are measured."""
    return "How well the metric works" if run.weighted else "How well margin can be predicted"


def _predicts(run: Run, across: Mapping[str, Row]) -> dict[str, Any] | None:
    if not across:
        return None
    rows = [
        {
            **_measured(row, text.score_name(name), own=name == "metric"),
            "lift": _times(measure(row, "top_decile_lift")[0]),
            "kept": percent(measure(row, "signal_kept")[0]),
        }
        for name, row in across.items()
    ]
    return _dot_plot(rows, comparison_text.predicts(across, indicator=run.indicator))


def _moves_with_margin(
    run: Run, within: Mapping[str, Row], vanity: Mapping[str, Row]
) -> dict[str, Any] | None:
    named = [(text.score_name(name), name == "metric", row) for name, row in within.items()]
    named += [(f"{run.label(name)} (vanity)", False, row) for name, row in vanity.items()]
    if not named:
        return None
    rows = []
    for score, own, row in named:
        difference, low, high = measure(row, "difference")
        rows.append(
            {
                **_measured(row, score, own=own),
                "difference": number(difference, 2, signed=True),
                "difference_interval": spread(low, high, 2),
            }
        )
    labelled = [(run.label(name), row) for name, row in vanity.items()]
    return _dot_plot(rows, comparison_text.moves_with_margin(within, labelled))


def _measured(row: Row, score: str, *, own: bool) -> dict[str, Any]:
    estimate = measure(row, "spearman")
    return {
        "title": score,
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
            label=f"{row['title']}: rank correlation {row['spearman']}, {row['interval']}",
        )
    return {"rows": rows, "lead": lead, "scale": scale, "ticks": scale.ticks(number)}


def _measures(measured: Row, first: Sequence[str]) -> list[str]:
    """Return the measures of a model and its baselines: the usual ones, then all others."""
    baselines = (measured.get("baselines") or {}).values()
    # A measure that depends on the outcome alone, as the churn rate, has no baseline.
    others = dict.fromkeys(key for row in baselines for key in row if key not in first)
    return [*first, *others]


def _title(measure_name: str) -> str:
    return _MEASURES.get(measure_name, (one_line(measure_name), 2))[0]


def _model_rows(measured: Row, names: Sequence[str]) -> list[dict[str, Any]]:
    models = {"model": measured, **(measured.get("baselines") or {})}
    rows = []
    for name, row in models.items():
        cells = []
        for key in names:
            value, low, high = measure(row, key)
            decimals = _MEASURES.get(key, ("", 2))[1]
            cells.append(
                {"value": number(value, decimals), "interval": spread(low, high, decimals)}
            )
        rows.append({"title": text.score_name(name), "own": name == "model", "cells": cells})
    return rows


def _profit(run: Run, measured: Row | None) -> dict[str, Any] | None:
    if not measured:
        return None
    names = _measures(measured, _PROFIT)
    return {
        "reason": "",
        "rate": "",
        "head": [_title(key) for key in names],
        "rows": _model_rows(measured, names),
        "chart": plots.calibration_chart(
            measured.get("calibration") or (),
            label="Mean margin earned and mean margin predicted, by decile of the prediction",
            x_label="margin predicted",
            y_label="margin earned",
            write=run.money.tick,
        ),
    }


def _churn(run: Run, measured: Row | None) -> dict[str, Any] | None:
    if not measured:
        return None
    rate = measure(measured, "rate")[0]
    names = _measures(measured, _CHURN)
    return {
        "reason": run.readable(measured.get("reason") or ""),
        "rate": "" if rate is None else percent(rate),
        "head": [_title(key) for key in names],
        "rows": [] if measured.get("reason") else _model_rows(measured, names),
        "chart": plots.calibration_chart(
            measured.get("calibration") or (),
            label="Share that churned and probability predicted, by decile of the prediction",
            x_label="churn predicted",
            y_label="share that churned",
            write=lambda value, decimals: percent(value, max(decimals - 2, 0)),
        ),
    }


def _times(value: float | None) -> str:
    return number(value) if value is None else f"{number(value, 1)}×"


def _tables(run: Run) -> Mapping[str, Sequence[Any]]:
    """Return the rows of the files: a score each, a value with its interval for each measure."""
    across, within, vanity = run.comparisons
    evaluation = run.record.evaluation
    models = {
        f"{name}-model.csv": {"model": measured, **(measured.get("baselines") or {})}
        for name in ("profit", "churn")
        if (measured := evaluation.get(name)) and not measured.get("reason")
    }
    files = {"predicts.csv": across, "moves-with-margin.csv": {**within, **vanity}, **models}
    return {file: [_flat(name, row) for name, row in rows.items()] for file, rows in files.items()}


def _flat(name: str, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {"score": name}
    for key in row:
        if key not in ("baselines", "calibration", "reason"):
            flat[key], flat[f"{key}_low"], flat[f"{key}_high"] = measure(row, key)
    return flat


EVALUATION = Section("evaluation", title, "evaluation.html.j2", build, folded=True, tables=_tables)
