"""Comparisons of the metric with its baselines, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import day, listed, number, spelled
from engagement_ml.report.text import in_sentence
from engagement_ml.report.view import Rows, measure


def predicts(across: Rows, *, indicator: bool = False) -> str:
    """Compare the metric's rank correlation with future margin with that of its baselines.

    An indicator is made to predict, so its first sentence compares it with
    recency-frequency-monetary alone.

    Examples
    --------
    >>> rows = {"metric": {"spearman": {"value": 0.31}}, "full_model": {"spearman": {"value": 0.5}}}
    >>> print(predicts(rows))
    The metric's rank correlation with future margin is 0.31. Higher: the full profit model (0.50).
    """
    own = _spearman(across.get("metric"))
    if own is None:
        return "The metric could not be measured here; its baselines are shown."
    others = {
        name: value
        for name, row in across.items()
        if name != "metric" and (value := _spearman(row)) is not None
    }
    better = [
        f"{in_sentence(name)} ({number(value, 2)})" for name, value in others.items() if value > own
    ]
    text = f"The metric's rank correlation with future margin is {number(own, 2)}"
    rival = others.get("recency_frequency_monetary")
    if indicator and rival is not None:
        verb = "predicts" if own > rival else "does not predict"
        text = f"The metric {verb} margin better than recency-frequency-monetary alone. {text}"
    if not others:
        return f"{text}."
    if not better:
        than = "its one baseline" if len(others) == 1 else f"all {spelled(len(others))} baselines"
        return f"{text}, higher than that of {than}."
    return f"{text}. Higher: {listed(better)}."


def moves_with_margin(within: Rows, vanity: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Compare how closely margin follows changes of the metric and of its baselines.

    Parameters
    ----------
    within : mapping of str to mapping
        The rows of the metric and its baselines: ``spearman``, and ``difference``, the metric's
        Spearman correlation minus that of the row.
    vanity : sequence of (str, mapping)
        The label of a behaviour with the verdict vanity, and its row.
    """
    own = _spearman(within.get("metric"))
    if own is None:
        return "Changes of the metric could not be measured; its baselines are shown."
    others = [(in_sentence(name), row) for name, row in within.items() if name != "metric"]
    places = [(name, _place(row)) for name, row in (*others, *vanity)]
    text = (
        "Changes of the score have a rank correlation with the change of margin that follows of "
        + number(own, 2)
    )
    groups = (
        ("ahead", "clearly higher than"),
        ("level", "indistinguishable from"),
        ("behind", "clearly lower than"),
    )
    parts = []
    for place, relation in groups:
        names = [name for name, its_place in places if its_place == place]
        if names:
            parts.append(f"{relation} {listed(names)}")
    compared = f"{text}: {'; '.join(parts)}." if parts else f"{text}."
    return f"{compared} {unbeaten(within, vanity)}".strip()


def unbeaten(within: Rows, vanity: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Name the baselines that the metric's changes do not beat; "" if they beat all of them.

    The full model is not compared, as a prediction cannot be raised by an action. Equal weights
    make another metric of the same behaviours, so they are named only if they do clearly better.
    """
    if _spearman(within.get("metric")) is None:
        return ""
    names = []
    for name, row in within.items():
        if name in ("metric", "full_model"):
            continue
        worse = ("behind",) if name == "equal_weights" else ("behind", "level")
        if _place(row) in worse:
            names.append(in_sentence(name))
    names += [name for name, row in vanity if _place(row) in ("behind", "level")]
    if not names:
        return ""
    return f"Not shown to move with margin more closely than {listed(names)}."


def _place(row: Mapping[str, Any]) -> str | None:
    _, low, high = measure(row, "difference")
    if low is None or high is None:
        return None
    return "ahead" if low > 0 else "behind" if high < 0 else "level"


def cutoff_pairs(metric: Mapping[str, Any], entities: str, segments: Sequence[str]) -> str:
    """Describe the pairs of cutoff dates whose changes are measured; "" if there are none."""
    pairs = [f"{day(start)} to {day(end)}" for start, end in metric.get("pairs") or ()]
    if not pairs:
        return ""
    group = f"all {entities} of a segment ({listed(segments)})" if segments else f"all {entities}"
    return (
        f"Changes from {listed(pairs)}; the time windows of two compared dates do not overlap. "
        f"Changes that {group} share are removed first, for example those of a season."
    )


def _spearman(row: Mapping[str, Any] | None) -> float | None:
    return measure(row, "spearman")[0]
