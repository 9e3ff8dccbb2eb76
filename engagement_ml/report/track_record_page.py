"""The page of the track record: how often verdicts held once they were acted on."""

from __future__ import annotations

from typing import Any

from engagement_ml.actions.track_record import TrackRecord, VerdictTest
from engagement_ml.experiments.lifts import Estimate
from engagement_ml.formatting import (
    Money,
    day,
    decimals_for,
    number,
    one_line,
    quantity,
    sentence,
    spread,
)
from engagement_ml.report.page import render_sections

SIGNS = {
    "confirmed": ("▲", "good"),
    "contradicted": ("▼", "bad"),
    "undecided": ("?", "plain"),
}


def render_track_record(record: TrackRecord) -> str:
    """Return a track record as a self-contained HTML page, without scripts; all text is escaped.

    Examples
    --------
    >>> from engagement_ml.actions.track_record import summarise
    >>> page = render_track_record(summarise("shop", "customer", "EUR", 1, 0, [], []))
    >>> "No verdict has been tested yet" in page, "<script" in page
    (True, False)
    """
    sections = [
        ("verdicts", "Verdicts that were acted on", "track_verdicts.html.j2", _verdicts(record)),
        ("gains", "Predicted and found gains", "track_words.html.j2", _gains(record)),
        ("metric", "Does margin move with the metric?", "track_metric.html.j2", _metric(record)),
        ("limits", "How this was measured", "track_words.html.j2", _limits(record)),
    ]
    return render_sections(
        name=one_line(record.name),
        headline=headline(record),
        lead=[],
        meta=[
            f"Track record of {one_line(record.name)}",
            f"{quantity(record.n_read, 'action')} read back of {record.n_actions:,}",
            one_line(record.currency),
        ],
        sections=[each for each in sections if each[3]],
    )


def headline(record: TrackRecord) -> str:
    """Return the result in one sentence."""
    n = len(record.tests)
    if not n:
        return "No verdict has been tested yet"
    return (
        f"Of {quantity(n, 'tested verdict')}, {record.confirmed:,} confirmed, "
        f"{record.contradicted:,} contradicted, {record.undecided:,} undecided"
    )


def _verdicts(record: TrackRecord) -> dict[str, Any] | None:
    if not record.tests:
        return None
    money = Money(one_line(record.currency))
    return {"rows": [_row(test, money) for test in reversed(record.tests)]}


def _row(test: VerdictTest, money: Money) -> dict[str, Any]:
    sign, tone = SIGNS[test.verdict]
    found = (None, None, None) if test.found is None else _all(test.found)
    decimals = decimals_for(test.predicted, *found)
    return {
        "label": one_line(test.label),
        "action": f"{day(test.as_of)}, {one_line(test.action)}",
        "arms": f"{test.n_treated:,} and {test.n_control:,}",
        "verdict": {"name": test.verdict, "sign": sign, "tone": tone},
        "predicted": money(test.predicted, decimals),
        "predicted_interval": money.spread(test.predicted_low, test.predicted_high, decimals),
        "found": money(found[0], decimals),
        "found_interval": money.spread(found[1], found[2], decimals),
        "reason": sentence(one_line(test.reason)),
    }


def _gains(record: TrackRecord) -> dict[str, Any] | None:
    ratio = record.calibration
    if ratio is None:
        return None
    return {
        "lines": [
            f"An extra event brought {number(ratio.value, 2)} times the gain that was predicted "
            f"(95% interval {spread(ratio.low, ratio.high, 2)}). 1 is a calibrated prediction.",
        ],
        "small": "Weighted by the precision of what was found; behaviours that did not rise have "
        "no found gain. The interval leaves out the error of the prediction. Found gains count "
        "margin from the first day on and predicted ones only after the observation window, so "
        "effects that act within days are found larger.",
    }


def _metric(record: TrackRecord) -> dict[str, Any] | None:
    if not record.moved:
        return None
    money = Money(one_line(record.currency))
    lead = []
    if record.slope is not None:
        low, high = record.slope.low, record.slope.high
        lead.append(
            f"One more point of the score went with {money.estimate(record.slope.value, low, high)}"
            f" of margin; the correlation over {quantity(len(record.moved), 'action')} is "
            f"{number(record.correlation, 2)}."
        )
    rows = [
        {
            "action": one_line(each.action),
            "score": number(each.score.value, 2),
            "score_interval": spread(*_all(each.score)[1:], 2),
            "margin": money(each.margin.value),
            "margin_interval": money.spread(*_all(each.margin)[1:]),
        }
        for each in record.moved
    ]
    return {"lead": lead, "rows": rows, "entity": one_line(record.entity)}


def _limits(record: TrackRecord) -> dict[str, Any]:
    lines = [
        "Each list left customers alone at random. All customers on a list count as on it, "
        "whatever came of it.",
        "Confirmed: the interval of the effect per extra event lies above 0. Contradicted: it lies "
        "below 0, or holds 0 and lies below all that was expected. Undecided: neither, or the "
        "behaviour did not rise.",
        *(sentence(one_line(note)) for note in record.notes),
    ]
    return {"lines": lines, "small": ""}


def _all(estimate: Estimate) -> tuple[Any, Any, Any]:
    return estimate.value, estimate.low, estimate.high
