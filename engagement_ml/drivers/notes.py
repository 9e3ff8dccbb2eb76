"""Sentences that explain an abstention and the search as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engagement_ml.drivers.explanations import explain_obstacle
from engagement_ml.drivers.finding import Verdict
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.selection.indicators import Indicators
from engagement_ml.drivers.selection.order_agreement import OrderAgreement
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.wording import Wording
from engagement_ml.formatting import listed, number, percent

FEW_CLUSTERS = 30
"""Fewer clusters than this get a note."""
OTHER_CHOICE = (
    "'select: {require: indicator}' makes a metric that predicts margin without such evidence"
)


def abstention(verdicts: Mapping[str, Verdict], obstacle: Obstacle | None, wording: Wording) -> str:
    """Return why nothing was selected, and the other choice."""
    if obstacle is not None:
        why = explain_obstacle(obstacle, wording)
        return f"no behaviour could be verified to move margin: {why}; {OTHER_CHOICE}"
    tally: dict[str, int] = {}
    for verdict in verdicts.values():
        tally[verdict.verdict] = tally.get(verdict.verdict, 0) + 1
    counts = ", ".join(f"{n} {name}" for name, n in sorted(tally.items()))
    n = len(verdicts)
    behaviours = f"{n} {'behaviour' if n == 1 else 'behaviours'}"
    return f"none of {behaviours} passed as a driver of margin ({counts}); {OTHER_CHOICE}"


def no_indicator(indicators: Indicators, wording: Wording) -> str | None:
    """Return why no indicator was selected, if none was."""
    if indicators.choices:
        return None
    return (
        "no behaviour stably predicts margin beyond what past margin, recency and frequency "
        f"predict; a longer history or more {wording.entities} may change that"
    )


def notes(
    study: Study,
    obstacle: Obstacle | None,
    left_out: Sequence[str],
    following: Sequence[str],
) -> list[str]:
    """Return notes on the search as a whole.

    Parameters
    ----------
    study : Study
    obstacle : Obstacle or None
    left_out : sequence of str
        Drivers that were not selected.
    following : sequence of str
        Behaviours found to follow purchases.
    """
    config, wording = study.config, Wording.of(study)
    found = [
        "For estimation, the largest 0.2% of amounts per period are winsorised; effects are "
        "reported at the mean margin before that.",
        f"A driver is a leading indicator with evidence from each {config.entity}'s own changes; "
        "only a randomised test proves that raising it raises margin.",
        "Effects are reported at the mean margin of all outcome windows; verdicts, selection and "
        "weights rest on the fitted periods alone.",
    ]
    if config.churn.kind == "event":
        found.append(
            f"Churn is an event that ends margin, so effects are effects on keeping "
            f"{wording.entities}: a model of who churns, from recent events given each "
            f"{config.entity}'s affinity for what it does. Margin before churn is taken as given."
        )
    found += _cluster_notes(study, wording)
    if obstacle is not None:
        why = explain_obstacle(obstacle, wording)
        found.append(f"There is no evidence within {wording.entities}: {why}.")
    if left_out:
        verb = "passes as a driver too, and comes" if len(left_out) == 1 else (
            "pass as drivers too, and come"
        )  # fmt: skip
        found.append(
            f"{listed(config.label(b) for b in left_out)} {verb} after the selected ones by effect "
            "× standard deviation; 'select: {at_most: N}' takes more."
        )
    declared = ("consequence", "mediator")
    undeclared = [b for b in following if config.behaviour(b).role not in declared]
    if undeclared:
        labels = listed(config.label(b) for b in undeclared)
        verb = "seems" if len(undeclared) == 1 else "seem"
        found.append(f"{labels} {verb} to follow purchases, though not declared so.")
    return found


def _cluster_notes(study: Study, wording: Wording) -> list[str]:
    """Return a note that customers of one actor are not independent, if there are actors."""
    clusters = study.periods.clusters
    if clusters is None:
        return []
    sizes = np.unique(clusters, return_counts=True)[1]
    together = sizes[sizes > 1]
    note = (
        f"{wording.entities.capitalize()} whom the same actor serves are not independent: "
        f"intervals, tests and halves are of {len(sizes):,} clusters, {len(together):,} of them of "
        f"several {wording.entities} (at most {int(together.max()):,})."
    )
    if len(sizes) < FEW_CLUSTERS:
        note += " So few clusters tell little, and intervals are wide."
    return [note]


def order_note(agreement: OrderAgreement, label: Callable[[str], str]) -> list[str]:
    """Return a note that SHAP would have ordered the drivers otherwise, if it would."""
    if agreement.agrees:
        return []
    lead = (
        f"SHAP orders the drivers otherwise (Kendall's tau {number(agreement.tau, 2)} with effect "
        "× standard deviation"
    )
    if set(agreement.selected) != set(agreement.by_shap):
        lead += f"; by SHAP, {listed(map(label, agreement.by_shap))} would be selected"
    return [
        f"{lead}). The selection follows effect × standard deviation, which finds the largest "
        "effects more often in simulated data sets."
    ]


def unstable_note(indicators: Indicators | None, wording: Wording) -> list[str]:
    """Return a note that an unstable indicator has equal weights, if it is one."""
    if indicators is None or not indicators.choices or indicators.stable:
        return []
    least, other = indicators.shares
    return [
        f"The selection is unstable: of fits on random halves of the {wording.entities}, only "
        f"{percent(least)} select one of the chosen behaviours, and {percent(other)} select "
        "another. The data do not support different weights, so all weights are equal."
    ]
