"""What the report says in sentences: verdicts, the headline, standings, limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engagement_ml.formatting import (
    finite,
    first_upper,
    how_many,
    listed,
    number,
    one_line,
    percent,
    plural,
    sentence,
    spelled,
)
from engagement_ml.report.view import Row, Run, as_mapping, as_texts


@dataclass(frozen=True)
class Verdict:
    """How a verdict is shown: a sign besides its colour, and what it means."""

    name: str
    sign: str
    tone: str
    meaning: str


VERDICTS = {
    verdict.name: verdict
    for verdict in (
        Verdict("driver", "▲", "good", "Raises margin; the evidence survives every check."),
        Verdict("harmful", "▼", "bad", "Lowers margin, though it may raise revenue."),
        Verdict("vanity", "◇", "plain", "Goes with margin, does not move it."),
        Verdict("consequence", "↩", "plain", "Follows from purchases."),
        Verdict(
            "inert", "○", "plain", "What it does, if anything, is too small to be worth having."
        ),
        Verdict(
            "unverifiable",
            "?",
            "plain",
            "The data cannot tell: the interval is too wide, or nobody's behaviour changed enough "
            "to learn from.",
        ),
    )
}

SCORES = {
    "metric": ("This metric", "this metric"),
    "equal_weights": ("Its behaviours, equal weights", "equal weights"),
    "best_single_behaviour": ("Best single behaviour", "the best single behaviour"),
    "total_events": ("Total events", "total events"),
    "recency_frequency_monetary": ("Recency-frequency-monetary", "recency-frequency-monetary"),
    "full_model": ("Full profit model", "the full profit model"),
    "model": ("This model", "this model"),
    "last_period_margin": ("Margin of the last period", "the margin of the last period"),
    "base_rate": ("The same rate for everyone", "the same rate for everyone"),
}


def verdict_of(name: Any) -> Verdict:
    """Return how to show a verdict; one that is not known here is shown as it is."""
    return VERDICTS.get(str(name)) or Verdict(one_line(name or "no verdict"), "·", "plain", "")


def score_name(name: Any) -> str:
    """Return what people call a score or baseline of ``evaluation.json``."""
    return SCORES[name][0] if name in SCORES else one_line(name)


def in_sentence(name: Any) -> str:
    """Return the same as `score_name`, as it stands within a sentence."""
    return SCORES[name][1] if name in SCORES else one_line(name)


def note(text: str) -> str:
    """Return a note of ``evaluation.json`` with scores called as people call them.

    Examples
    --------
    >>> note("best_single_behaviour is page_view, chosen on the training cutoffs")
    'The best single behaviour is page_view, chosen on the training cutoffs.'
    """
    for name, (_, within) in SCORES.items():
        if "_" in name:
            text = re.sub(rf"\b{name}\b", within, text)
    return sentence(text)


def indicator_caution(entity: str) -> str:
    """Say what an indicator is not."""
    return (
        "It is an indicator: it foretells margin and is no proof that raising it raises margin. "
        f"Use it to see which {plural(entity)} to look after, not to decide what to push."
    )


def headline(run: Run) -> str:
    """Return the finding in one sentence.

    Examples
    --------
    >>> headline(Run({"metric": {"evidence": "driver", "behaviours": [{"behaviour": "call"}]}}))
    'One behaviour moves margin: call.'
    >>> headline(Run({}))
    'Nothing we can defend moves margin here.'
    """
    names = [run.label(row.get("behaviour"), row.get("label")) for row in run.weighted]
    if not names:
        if run.indicator:
            return "Nothing here foretells margin well enough to stand for it."
        return "Nothing we can defend moves margin here."
    verb = "foretell" if run.indicator else "move"
    verb += "s" if len(names) == 1 else ""
    subject = first_upper(how_many(len(names), "behaviour"))
    return f"{subject} {verb} margin: {listed(names)}."


def lead(run: Run) -> list[str]:
    """Return the paragraphs under the headline."""
    paragraphs = []
    if not run.weighted:
        reason = one_line(run.metric.get("reason") or "")
        paragraphs.append(f"So there is no metric. {sentence(reason)}".strip())
    elif run.indicator:
        paragraphs.append(
            "The metric makes one number of them, from 0 to 100. " + indicator_caution(run.entity)
        )
        if run.drivers and not any(row.get("verdict") == "driver" for row in run.drivers):
            paragraphs.append("No behaviour here could be shown to move margin.")
    else:
        paragraphs.append(f"The metric makes one number of them, from 0 to 100. {_chosen_by(run)}")
    harmful = [
        run.label(row["behaviour"]) for row in run.drivers if row.get("verdict") == "harmful"
    ]
    if harmful:
        verb = "costs" if len(harmful) == 1 else "cost"
        paragraphs.append(
            f"{first_upper(how_many(len(harmful), 'behaviour'))} {verb} margin: {listed(harmful)}."
        )
    return paragraphs


def _chosen_by(run: Run) -> str:
    tested = run.tested
    proof = "a randomised test found that it raises margin"
    if len(tested) == len(run.weighted):
        return f"Each was chosen because {proof}."
    observed = (
        f"when the same {run.entity} does more of it than usual, margin afterwards is higher than "
        "usual, and because that finding survived the checks."
    )
    if not tested:
        return f"Each was chosen because, {observed}"
    verb = "was" if len(tested) == 1 else "were"
    return f"{listed(tested)} {verb} chosen because {proof}; each other one because, {observed}"


def naive_lead(run: Run, top: Sequence[Row]) -> str:
    """Say what the usual ranking would have chosen and how many of them are drivers."""
    names = [run.label(row.get("behaviour")) for row in top]
    verdicts = [run.by_behaviour.get(str(row.get("behaviour")), {}).get("verdict") for row in top]
    right = sum(verdict == "driver" for verdict in verdicts)
    if len(names) == 1:
        outcome = "It is a driver." if right else "It is not a driver."
    elif right == len(names):
        outcome = "All of them are drivers."
    elif right == 0:
        outcome = "None of them is a driver."
    else:
        which = "is a driver" if right == 1 else "are drivers"
        outcome = f"{first_upper(spelled(right))} of them {which}."
    return (
        "The usual way, ranking behaviours by mean |SHAP| in a model of future margin, would have "
        f"chosen {listed(names)}. {outcome}"
    )


def limits(run: Run) -> list[str]:
    """Return what the findings rest on and where they end, in plain words."""
    entity, outcome = run.entity, run.days("outcome_days")
    over = f"over the next {outcome} days" if outcome else "over the outcome window"
    tested = [] if run.indicator else run.tested
    grade = (
        indicator_caution(entity)
        if run.weighted and run.indicator
        else "This is evidence from observation. Until an experiment confirms it, a driver is a "
        "leading indicator that has survived every check so far, not a proof."
    )
    if tested:
        grade = (
            f"A randomised test stands behind {listed(tested)}, for those who were tested and in "
            "the way they were brought to do it. The rest is evidence from observation: until an "
            "experiment confirms it, a driver is a leading indicator, not a proof."
        )
    return [
        grade,
        f"An effect is the change of one {entity}'s margin {over} for one more event, all else as "
        f"it would have been, what the {entity} does later included, on average. Some gain more, "
        "some nothing.",
        f"Each {entity} is compared with the same {entity} at other times. What stays the same "
        f"about one {entity}, and what moves everyone at once, such as the season, is taken out. A "
        "hidden cause that changes over time could still mislead; the robustness value says how "
        "strong it would have to be.",
        "Foretelling is measured on the last cutoffs, which no fitting saw. Intervals there say "
        f"what other {run.entities} would have shown of the same model, not what a new model "
        "would have learnt.",
        f"The findings hold for {run.entities} like these, in a time like this one, within the "
        "counts seen. Train again when either changes.",
    ]


def sample(run: Run) -> str:
    """Say whom the run learnt from and what precision that gives; nothing where from everybody.

    Examples
    --------
    >>> print(sample(Run({"sample": {"customers": 20_000, "of": 320_000, "share": 1 / 16,
    ...     "by": ["spending", "activity"], "wider": 4.0, "half_widths": {"call": 0.18}}})))
    20,000 of 320,000 customers (6.2%), drawn at random in proportion by spending and activity,
    stand for all; scores cover everybody. Intervals are up to 4.0 times as wide as all customers
    would give; the effect found is known to within ±18%. To take more, set 'sample.customers' in
    the configuration.
    """
    drawn = run.mapping("sample")
    if not drawn:
        return ""
    n, of = number(drawn.get("customers"), 0), number(drawn.get("of"), 0)
    share, wider = percent(drawn.get("share"), 1), number(drawn.get("wider"), 1)
    known = _known(as_mapping(drawn.get("half_widths")))
    return (
        f"{n} of {of} {run.entities} ({share}), drawn at random in proportion by "
        f"{listed(as_texts(drawn.get('by')))}, stand for all; scores cover everybody. Intervals "
        f"are up to {wider} times as wide as all {run.entities} would give{known}. To take more, "
        "set 'sample.customers' in the configuration."
    )


def _known(half_widths: Row) -> str:
    widths = sorted(width for value in half_widths.values() if (width := finite(value)) is not None)
    if not widths:
        return ""
    least, most = (percent(width) for width in (widths[0], widths[-1]))
    if least == most:
        effects = "the effect found is" if len(widths) == 1 else "the effects found are"
        return f"; {effects} known to within ±{most}"
    return f"; the effects found are known to within ±{least} to ±{most}"


def terms(run: Run) -> list[tuple[str, str]]:
    """Return the terms that the report uses and what they mean."""
    observation, outcome = run.days("observation_days"), run.days("outcome_days")
    before = f"The {observation} days" if observation else "The days"
    after = f"The {outcome} days" if outcome else "The days"
    return [
        ("Cutoff", "A day on which we look back at behaviours and forward to margin."),
        ("Observation window", f"{before} before a cutoff, in which behaviours are counted."),
        ("Outcome window", f"{after} after it, in which margin is earned."),
        ("Interval", "Where the true value lies with 95% confidence."),
        (
            "mean |SHAP|",
            "How much a behaviour shifts a model's prediction of margin on average, up or down. "
            "It describes the model, not what would happen if the behaviour changed.",
        ),
        (
            "Chosen again",
            f"How often the behaviour would be chosen from other {run.entities} like these.",
        ),
        (
            "Robustness value",
            "The share of what is left unexplained, of both the behaviour and margin, that a "
            "hidden cause would have to explain to undo the finding.",
        ),
        ("Spearman", "Agreement of two orders: 1 is the same order, 0 none, −1 the reverse."),
        (
            "Top-decile lift",
            f"Mean margin of the tenth of {run.entities} ranked highest, over everyone's mean.",
        ),
    ]
