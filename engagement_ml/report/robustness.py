"""What the findings were put to: checks, segments, pairs, the unprofitable."""

from __future__ import annotations

from typing import Any

from engagement_ml.formatting import (
    count,
    finite,
    first_upper,
    how_many,
    number,
    one_line,
    percent,
    spelled,
)
from engagement_ml.report import plots
from engagement_ml.report.view import Estimate, Run, as_rows, estimate_of

_PASSED = {True: ("✓", "good", "passed"), False: ("✗", "bad", "failed")}
_FOR_INFORMATION = ("·", "plain", "for information")


def check_section(run: Run) -> dict[str, Any] | None:
    """Return what was attacked, what came out and whether it held; None without checks."""
    rows = []
    for check in run.rows("checks"):
        answer = check.get("passed")
        sign, tone, word = _PASSED[answer] if isinstance(answer, bool) else _FOR_INFORMATION
        rows.append(
            {
                "name": first_upper(one_line(check.get("name") or "")),
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
    return {"rows": rows, "lead": _withstood(passed, failed)}


def segment_section(run: Run) -> dict[str, Any] | None:
    """Return effects by segment on one scale, and how many disagree; None without segments."""
    segments = run.rows("segments")
    if not segments:
        return None
    estimates = [estimate_of(row, "effect", "low", "high") for row in segments]
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
    if lost:
        lead += f" Together they cost {run.money(abs(lost), 0)} over the outcome window."
    return {"lead": lead, "rows": rows}


def p_words(value: Any) -> str:
    """Return a p-value as people write it.

    Examples
    --------
    >>> p_words(0.0004), p_words(0.0321), p_words(None)
    ('< 0.001', '0.032', '–')
    """
    p = finite(value)
    return "< 0.001" if p is not None and 0 <= p < 0.001 else number(p, 3)


def _withstood(passed: int, failed: int) -> str:
    if not passed + failed:
        return "None of these has a yes or no; they are there to judge by."
    attacks = first_upper(how_many(passed + failed, "attack"))
    if failed:
        kept = f"withstood {spelled(passed)} and failed {spelled(failed)}"
    else:
        kept = "withstood it" if passed == 1 else "withstood all of them"
    return f"{attacks} with a clear answer: the findings {kept}."


def _unsure(estimate: Estimate) -> bool:
    _, low, high = estimate
    return low is not None and high is not None and low < 0 < high
