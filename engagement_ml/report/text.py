"""Sentences that the report and the terminal summary share: verdicts, headline, lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engagement_ml.formatting import (
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
from engagement_ml.records import DrawnSample
from engagement_ml.report import checks_text
from engagement_ml.report.view import Run, measure


@dataclass(frozen=True)
class Verdict:
    """How a verdict is shown: a sign and a colour, and its meaning in a sentence."""

    name: str
    sign: str
    tone: str
    meaning: str


VERDICTS = {
    verdict.name: verdict
    for verdict in (
        Verdict(
            "driver",
            "▲",
            "good",
            "Raises margin: margin rises after the same customer does more of it than usual, and "
            "this result passed the tests that every driver must pass.",
        ),
        Verdict("harmful", "▼", "bad", "Lowers margin, even if it may raise revenue."),
        Verdict(
            "vanity",
            "◇",
            "plain",
            "Customers who do more of it bring more margin, but margin does not follow when one "
            "customer does more of it.",
        ),
        Verdict(
            "consequence",
            "↩",
            "plain",
            "Follows from purchases, so it cannot be credited with causing them.",
        ),
        Verdict("inert", "○", "plain", "Its effect on margin is too small to matter."),
        Verdict(
            "unverifiable",
            "?",
            "plain",
            "Inconclusive: the interval is too wide, or the behaviour of customers did not change "
            "enough over time.",
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


def verdict_of(name: str, entity: str = "customer") -> Verdict:
    """Return how to show a verdict; an unknown one is shown by its name."""
    known = VERDICTS.get(name)
    if known is None:
        return Verdict(one_line(name or "no verdict"), "·", "plain", "")
    meaning = known.meaning.replace("Customers", first_upper(plural(entity)))
    meaning = meaning.replace("customers", plural(entity)).replace("customer", entity)
    return Verdict(known.name, known.sign, known.tone, meaning)


def score_name(name: str) -> str:
    """Return the label of a score or baseline of ``evaluation.json``."""
    return SCORES[name][0] if name in SCORES else one_line(name)


def in_sentence(name: str) -> str:
    """Return the same as `score_name`, as it is written within a sentence."""
    return SCORES[name][1] if name in SCORES else one_line(name)


def note(text: str) -> str:
    """Return a note of ``evaluation.json`` as a sentence, with the labels of scores.

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
    """Return the caution that belongs to an indicator metric."""
    return (
        "It is an indicator: it predicts margin and is no proof that raising it raises margin. "
        f"Use it to see which {plural(entity)} to look after, not to decide what to promote."
    )


def headline(run: Run) -> str:
    """Return the finding in one sentence: ``"Two behaviours move margin: A and B."``."""
    labels = [run.label(each.behaviour) for each in run.weighted]
    if not labels:
        if run.indicator:
            return "No behaviour predicts margin well enough for a metric."
        return "No behaviour could be shown to move margin."
    if run.indicator:
        return _indicator_headline(run, labels)
    passed = [row for row in run.drivers if row.verdict == "driver"]
    failed = checks_text.failed(run)
    caution = f" {checks_text.outcome(run)}" if failed else ""
    if any(not row.selected for row in passed):
        subject, used = first_upper(how_many(len(passed), "behaviour")), spelled(len(labels))
        return f"{subject} move margin; the metric uses {used}: {listed(labels)}.{caution}"
    verb = "moves" if len(labels) == 1 else "move"
    subject = first_upper(how_many(len(labels), "behaviour"))
    return f"{subject} {verb} margin: {listed(labels)}.{caution}"


def _indicator_headline(run: Run, labels: list[str]) -> str:
    """Return what an indicator predicts, and which baselines predict it better."""
    ahead, behind = baselines_ahead(run)
    better = listed(in_sentence(name) for name in ahead)
    if ahead and not behind:
        every = "its one baseline" if len(ahead) == 1 else "each of its baselines"
        return (
            f"The indicator of {listed(labels)} predicts margin less well than {every}: {better}."
        )
    subject = first_upper(how_many(len(labels), "behaviour"))
    verb = "predicts" if len(labels) == 1 else "predict"
    less = f", less well than {better}" if ahead else ""
    return f"{subject} {verb} margin{less}: {listed(labels)}."


def baselines_ahead(run: Run) -> tuple[list[str], list[str]]:
    """Return the baselines that predict margin better than the metric, and the others.

    The full model is not compared: the metric is a part of what it knows. Equal weights of the same
    behaviours count only if they are ahead.
    """
    across, _, _ = run.comparisons
    own = measure(across.get("metric"), "spearman")[0]
    ahead: list[str] = []
    behind: list[str] = []
    for name, row in across.items():
        value = measure(row, "spearman")[0]
        if own is None or value is None or name in ("metric", "full_model"):
            continue
        if value > own:
            ahead.append(name)
        elif name != "equal_weights":
            behind.append(name)
    return ahead, behind


def lead(run: Run) -> list[str]:
    """Return the paragraphs under the headline."""
    paragraphs = []
    if not run.weighted:
        reason = sentence(run.readable(run.metric.reason or ""))
        paragraphs.append(f"Therefore there is no metric. {reason}".strip())
    elif run.indicator:
        paragraphs.append(f"{_combines(run)} {indicator_caution(run.entity)}")
        paragraphs += _no_drivers(run)
    else:
        # the headline says which checks failed
        passed = "" if checks_text.failed(run) else checks_text.outcome(run)
        paragraphs.append(f"{_combines(run)} {_chosen_by(run)} {passed}".strip())
    if against := checks_text.contradicted(run):
        paragraphs.append(
            f"A randomised test contradicts what observation said of {listed(against)}. The other "
            "verdicts rest on the same kind of evidence, so they deserve less trust."
        )
    harmful = [run.label(row.behaviour) for row in run.drivers if row.verdict == "harmful"]
    if harmful:
        verb = "lowers" if len(harmful) == 1 else "lower"
        subject = first_upper(how_many(len(harmful), "behaviour"))
        paragraphs.append(f"{subject} {verb} margin: {listed(harmful)}.")
    return paragraphs


def _no_drivers(run: Run) -> list[str]:
    """Return that an indicator's behaviours are no drivers, with the verdicts on them."""
    if not run.drivers:
        return []
    by_verdict: dict[str, list[str]] = {}
    for each in run.weighted:
        by_verdict.setdefault(run.verdict(each.behaviour), []).append(run.label(each.behaviour))
    by_verdict.pop("driver", None)
    others = [f"{name} for {listed(labels)}" for name, labels in by_verdict.items() if name]
    said = f" The verdict is {'; '.join(others)}." if others else ""
    if any(row.verdict == "driver" for row in run.drivers):
        return [said.strip()] if said else []
    return [f"No behaviour could be shown to move margin.{said}"]


def _combines(run: Run) -> str:
    if len(run.weighted) == 1:
        return "The metric turns it into a score from 0 to 100."
    return "The metric combines them into one score from 0 to 100."


def _chosen_by(run: Run) -> str:
    tested, one = run.tested, len(run.weighted) == 1
    by_test = "a randomised test found that it raises margin"
    if len(tested) == len(run.weighted):
        return f"{'It' if one else 'Each'} was chosen because {by_test}."
    observed = (
        f"margin is higher than usual after the same {run.entity} does more of it than usual."
    )
    if not tested:
        return f"{'It' if one else 'Each'} was chosen because {observed}"
    verb = "was" if len(tested) == 1 else "were"
    return f"{listed(tested)} {verb} chosen because {by_test}; each other one because {observed}"


def sample(drawn: DrawnSample | None, entities: str) -> str:
    """Describe the training sample and the precision it gives; "" if all customers were used.

    Examples
    --------
    >>> drawn = DrawnSample(20_000, 320_000, 1 / 16, ("spending", "activity"), 12, 4.0,
    ...     {"call": 0.18})
    >>> print(sample(drawn, "customers"))
    Trained on 20,000 of 320,000 customers (6.2%), a random sample stratified by spending and
    activity. Scores cover all customers. Intervals are up to 4.0 times as wide as with all
    customers; the estimated effect is accurate to ±18%. To use more, set 'sample.customers' in
    the configuration.
    """
    if drawn is None:
        return ""
    return (
        f"Trained on {number(drawn.customers, 0)} of {number(drawn.of, 0)} {entities} "
        f"({percent(drawn.share, 1)}), a random sample stratified by {listed(drawn.by)}. Scores "
        f"cover all {entities}. Intervals are up to {number(drawn.wider, 1)} times as wide as "
        f"with all {entities}{_accuracy(drawn.half_widths)}. To use more, set 'sample.customers' "
        "in the configuration."
    )


def _accuracy(half_widths: Mapping[str, float]) -> str:
    widths = sorted(half_widths.values())
    if not widths:
        return ""
    least, most = percent(widths[0]), percent(widths[-1])
    effects = "the estimated effect is" if len(widths) == 1 else "the estimated effects are"
    span = f"±{most}" if least == most else f"±{least} to ±{most}"
    return f"; {effects} accurate to {span}"
