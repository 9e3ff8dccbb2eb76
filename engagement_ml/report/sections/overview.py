"""The first screen: what was found, what it is worth, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from engagement_ml.actions.evidence import Opportunity
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import DASH, first_upper, listed, number, quantity, sentence
from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.sections.metric import score_command
from engagement_ml.report.view import Run, effect_of

ACT_COMMAND = "engagement-ml act CONFIG"
_MOST_NAMED = 5
_MOST_TESTS = 3


def build(run: Run) -> dict[str, Any]:
    """Return the three cards."""
    return {"found": _found(run), "worth": _worth(run), "actions": _actions(run)}


def _found(run: Run) -> dict[str, Any]:
    counts = Counter(row.verdict for row in run.drivers)
    known = [name for name in text.VERDICTS if counts[name]]
    other = sorted(name for name in counts if name not in text.VERDICTS)
    return {
        "rows": _weights(run) if run.indicator else _effects(run),
        "counts": [(counts[name], text.verdict_of(name)) for name in [*known, *other]],
        "total": quantity(len(run.drivers), "behaviour"),
    }


def _effects(run: Run) -> list[tuple[text.Verdict, str, str]]:
    """Return drivers and what harms, each with its sign and what the verdict rests on."""
    shown = [row for row in run.drivers if row.verdict in ("driver", "harmful")]
    rows = []
    for row in sorted(shown, key=lambda row: row.verdict)[:_MOST_NAMED]:
        does = "raises margin" if row.verdict == "driver" else "lowers margin"
        basis = "a randomised test" if row.basis == "experiment" else "observation"
        rows.append((text.verdict_of(row.verdict), run.label(row.behaviour), f"{does}, by {basis}"))
    return rows


def _weights(run: Run) -> list[tuple[text.Verdict, str, str]]:
    """Return the behaviours of an indicator with their points, which are no worth."""
    return [
        (
            text.verdict_of(run.verdict(each.behaviour)),
            run.label(each.behaviour),
            f"{number(each.weight, 1)} of 100 points",
        )
        for each in run.weighted
    ]


def _worth(run: Run) -> dict[str, Any]:
    """Return the total and its parts; without them, what one event is worth, or why nothing is."""
    found = run.record.further.opportunity
    if not run.weighted or run.indicator:
        return {"total": "", "rows": [], "sentences": [_no_worth(run)]}
    notes = [sentence(run.readable(note)) for note in (found.notes if found else ())]
    if found is None or not found.rows:
        return {"total": "", "rows": _per_event(run), "sentences": [*_average(run), *notes]}
    return {
        "total": "" if found.gain is None else run.money(found.gain),
        "interval": run.money.spread(found.low, found.high),
        "days": run.outcome_days,
        "rows": [
            (
                run.label(row.behaviour),
                run.money.estimate(row.gain, row.low, row.high),
                f"one more among {quantity(row.n_entities, run.entity)}",
            )
            for row in found.rows
        ],
        "sentences": [
            f"The total is for one more of the behaviour that helps most, by each of "
            f"{_whom(run, found)}. "
            f"{_if_causal(run)}",
            *notes,
        ],
    }


def _whom(run: Run, found: Opportunity) -> str:
    everyone = quantity(found.n_entities, run.entity)
    return (
        everyone
        if found.n_acted == found.n_entities
        else f"{number(found.n_acted, 0)} of {everyone}"
    )


def _no_worth(run: Run) -> str:
    if run.indicator:
        return (
            "No amount is shown: an indicator predicts margin, and it is not proven that raising "
            "one of its behaviours raises margin."
        )
    return "No amount is shown, because no behaviour could be shown to move margin."


def _per_event(run: Run) -> list[tuple[str, str, str]]:
    """Return the worth of one more event of each behaviour of the metric."""
    rows = []
    for each in run.weighted:
        row = run.by_behaviour.get(each.behaviour)
        worth = DASH if row is None else run.money.estimate(*effect_of(row))
        if worth != DASH:
            rows.append((run.label(each.behaviour), worth, "one more event"))
    return rows


def _average(run: Run) -> list[str]:
    return [
        f"Margin of one {run.entity} over {run.outcome_days} days, on average, with a 95% "
        f"interval. {_if_causal(run)}"
    ]


def _if_causal(run: Run) -> str:
    tested = run.tested
    if len(tested) == len(run.weighted):
        return "A randomised test supports each of them."
    rest = f" for all but {listed(tested)}" if tested else ""
    return (
        f"This holds if the effects are causal{rest}: the evidence is observational and passed its "
        "tests; a randomised test would settle it."
    )


def _actions(run: Run) -> list[dict[str, str]]:
    rows = [*_act(run), *_stop(run), *_test(run)]
    if rows:
        return rows
    return [_action("Collect more", "Longer history or a randomised test can show what moves it.")]


def _action(title: str, said: str, command: str = "") -> dict[str, str]:
    return {"title": title, "text": said, "command": command}


def _act(run: Run) -> list[dict[str, str]]:
    if not run.weighted:
        return []
    if run.indicator:
        said = f"See which {run.entities} to look after. It is no ground to promote a behaviour."
        return [_action("Watch the score", said, score_command(run))]
    found = run.record.further.opportunity
    if found is not None and found.rows:
        whom = [
            f"{run.label(row.behaviour)} for {quantity(row.n_best, run.entity)}"
            for row in found.rows
            if row.n_best
        ]
        said = f"{first_upper(listed(whom))}. The list keeps a control group." if whom else ""
        return [_action("Act on", said, ACT_COMMAND)]
    labels = [run.label(each.behaviour) for each in run.weighted]
    said = f"More of {listed(labels)}. Scores name the next best one for each {run.entity}."
    return [_action("Act on", said, score_command(run))]


def _stop(run: Run) -> list[dict[str, str]]:
    harmful = [run.label(row.behaviour) for row in run.drivers if row.verdict == "harmful"]
    chosen = {each.behaviour for each in run.weighted}
    vanity = [
        run.label(row.behaviour)
        for row in sorted(run.drivers, key=lambda row: row.naive_rank or row.shap_rank or 0)
        if row.verdict == "vanity" and row.behaviour not in chosen
    ]
    parts = []
    if harmful:
        verb = "lowers" if len(harmful) == 1 else "lower"
        parts.append(f"{_some(harmful)} {verb} margin.")
    if vanity:
        verb = "does" if len(vanity) == 1 else "do"
        parts.append(f"{_some(vanity)} {verb} not move margin, although {_goes(vanity)} with it.")
    return [_action("Spend nothing on", " ".join(parts))] if parts else []


def _goes(labels: Sequence[str]) -> str:
    return "it correlates" if len(labels) == 1 else "they correlate"


def _some(labels: Sequence[str]) -> str:
    more = len(labels) - _MOST_NAMED
    return listed([*labels[:_MOST_NAMED], *([f"{number(more)} more"] if more > 0 else [])])


def _test(run: Run) -> list[dict[str, str]]:
    """Return what the data cannot tell, where most could be gained."""
    open_rows = [(_potential(row), row) for row in run.drivers if row.verdict == "unverifiable"]
    promising = sorted(
        ((most, row) for most, row in open_rows if most is not None and most > 0),
        key=lambda pair: (-pair[0], pair[1].behaviour),
    )[:_MOST_TESTS]
    if not promising:
        return []
    said = listed(
        f"{run.label(row.behaviour)} (up to {run.money(most)})" for most, row in promising
    )
    return [
        _action(
            "Test first",
            f"{said}. The data cannot tell their effect; the amount is the upper limit for one "
            "standard deviation more.",
        )
    ]


def _potential(row: DriverRow) -> float | None:
    """Return the upper limit of the effect of one standard deviation more; None if unknown."""
    effect, per_sd, high = row.effect, row.effect_per_sd, row.effect_high
    if not effect or not per_sd or high is None or effect * per_sd < 0:
        return None
    return high * per_sd / effect


OVERVIEW = Section("overview", "At a glance", "overview.html.j2", build, board=True)
