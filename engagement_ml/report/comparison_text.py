"""Where the metric stands among its baselines, in sentences: foretelling and steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import day, finite, listed, number, spelled
from engagement_ml.report.text import in_sentence
from engagement_ml.report.view import as_mapping


def of_across(across: Mapping[str, Any], *, indicator: bool = False) -> str:
    """Say where the metric stands among its baselines in ordering by future margin.

    An indicator is there to foretell, so it is told first whether it does so better than
    recency-frequency-monetary alone.
    """
    own = _spearman(across.get("metric"))
    if own is None:
        return "The metric itself could not be measured here; its baselines are shown."
    measured = {name: _spearman(row) for name, row in across.items() if name != "metric"}
    others = {name: value for name, value in measured.items() if value is not None}
    better = [
        f"{in_sentence(name)} ({number(value, 2)})" for name, value in others.items() if value > own
    ]
    text = f"The metric orders by future margin with a Spearman of {number(own, 2)}"
    rival = others.get("recency_frequency_monetary")
    if indicator and rival is not None:
        does = "foretells margin better" if own > rival else "does not foretell margin better"
        text = f"The metric {does} than recency-frequency-monetary alone. {text}"
    if not others:
        return f"{text}."
    if not better:
        return f"{text}, above all {spelled(len(others))} it is compared with."
    return f"{text}. Ahead of it: {listed(better)}."


def of_within(within: Mapping[str, Any], vanity: Sequence[tuple[str, Any]]) -> str:
    """Say against which baselines the metric's changes do better, worse, or cannot be told apart.

    Parameters
    ----------
    within : mapping of str to mapping
        The rows of the metric and its baselines: ``spearman``, and ``difference``, the metric's
        Spearman minus this one's.
    vanity : sequence of (str, mapping)
        What to call a behaviour called vanity, and its row.
    """
    own = _spearman(within.get("metric"))
    if own is None:
        return "Changes of the metric could not be measured; its baselines are shown."
    others = [(in_sentence(name), row) for name, row in within.items() if name != "metric"]
    placed = [(name, _place(row)) for name, row in (*others, *vanity)]
    parts = [
        "A change of the metric goes with the change of margin after it at a Spearman of "
        + number(own, 2)
    ]
    for place, words in (
        ("ahead", "clearly ahead of"),
        ("level", "not to be told apart from"),
        ("behind", "clearly behind"),
    ):
        names = [name for name, found in placed if found == place]
        if names:
            parts.append(f"{words} {listed(names)}")
    return " ".join(["; ".join(parts) + ".", unbeaten(within, vanity)]).strip()


def unbeaten(within: Mapping[str, Any], vanity: Sequence[tuple[str, Any]]) -> str:
    """Say plainly which baselines the metric's changes do not beat; "" where they beat them all.

    The full model is no rival: nobody can raise a prediction. Equal weights, which make another
    metric of the same behaviours, are one only where they do clearly better.
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
    return f"So it is not shown that steering by the metric is better than by {listed(names)}."


def _place(row: Any) -> str | None:
    difference = as_mapping(as_mapping(row).get("difference"))
    low, high = finite(difference.get("low")), finite(difference.get("high"))
    if low is None or high is None:
        return None
    return "ahead" if low > 0 else "behind" if high < 0 else "level"


def compared(metric: Mapping[str, Any], entities: str, segments: Sequence[str]) -> str:
    """Say between which cutoffs changes are measured, and what is taken out of them first."""
    pairs = [
        f"{day(pair[0])} to {day(pair[1])}"
        for pair in metric.get("pairs") or ()
        if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    ]
    if not pairs:
        return ""
    whom = (
        f"all {entities}" if not segments else f"all {entities} of a segment ({listed(segments)})"
    )
    return (
        f"Changes from {listed(pairs)}: so far apart that no window overlaps another. First, score "
        f"and margin of the later cutoff are put on the level of the earlier one, so that what "
        f"moves {whom} at once, as a season does, earns nobody credit."
    )


def _spearman(row: Any) -> float | None:
    return finite(as_mapping(as_mapping(row).get("spearman")).get("value"))
