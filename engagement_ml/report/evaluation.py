"""Foretelling and steering: the metric and the models out of time, beside their baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import finite, number, one_line, percent, spread
from engagement_ml.report import comparison_text, plots, text
from engagement_ml.report.view import Row, Run, as_mapping, as_rows, as_texts, estimate_of

_MEASURES = {
    "r2": ("R²", 2),
    "spearman": ("Spearman", 2),
    "gini": ("Gini", 2),
    "roc_auc": ("ROC AUC", 2),
    "pr_auc": ("PR AUC", 2),
    "brier": ("Brier", 3),
}
_PROFIT, _CHURN = ("r2", "spearman", "gini"), ("roc_auc", "pr_auc", "brier")


def evaluation_section(run: Run) -> dict[str, Any] | None:
    """Return the metric beside its baselines across and within, and both models' measures.

    None where nothing was measured.
    """
    evaluation = run.mapping("evaluation")
    metric = as_mapping(evaluation.get("metric"))
    across, within = as_mapping(metric.get("across")), as_mapping(metric.get("within"))
    vanity = as_mapping(metric.get("vanity"))
    notes = [*as_texts(metric.get("notes")), *as_texts(evaluation.get("notes"))]
    section = {
        "n_entities": number(evaluation.get("n_entities"), 0),
        "cutoffs": as_texts(evaluation.get("test_cutoffs")),
        "across": _across(run, across),
        "within": _within(run, within, vanity),
        "compared": comparison_text.compared(
            metric, run.entities, as_texts(run.mapping("config").get("segments"))
        ),
        "profit": _profit(run, as_mapping(evaluation.get("profit"))),
        "churn": _churn(as_mapping(evaluation.get("churn"))),
        "notes": [text.note(each) for each in dict.fromkeys(notes)],
    }
    shown = any(section[key] for key in ("across", "within", "profit", "churn", "notes"))
    return section if shown else None


def _across(run: Run, across: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = [
        {
            **_measured(as_mapping(row), text.score_name(name), own=name == "metric"),
            "lift": _times(as_mapping(as_mapping(row).get("top_decile_lift"))),
            "kept": percent(as_mapping(as_mapping(row).get("signal_kept")).get("value")),
        }
        for name, row in across.items()
    ]
    return (
        _dot_plot(rows, comparison_text.of_across(across, indicator=run.indicator))
        if rows
        else None
    )


def _within(
    run: Run, within: Mapping[str, Any], vanity: Mapping[str, Any]
) -> dict[str, Any] | None:
    named = [(text.score_name(name), name == "metric", row) for name, row in within.items()]
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
    labelled = [(run.label(name), row) for name, row in vanity.items()]
    return _dot_plot(rows, comparison_text.of_within(within, labelled)) if rows else None


def _measured(row: Row, title: str, *, own: bool) -> dict[str, Any]:
    spearman = as_mapping(row.get("spearman"))
    estimate = estimate_of(spearman, "value", "low", "high")
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
            "title": text.score_name(name),
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


def _times(measure: Row) -> str:
    value = finite(measure.get("value"))
    return number(value) if value is None else f"{number(value, 1)}×"
