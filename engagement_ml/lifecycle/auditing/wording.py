"""The sentences of an audit, for people who use the score and do not know statistics."""

from __future__ import annotations

from engagement_ml.evaluation.names import FULL, METRIC, RFM
from engagement_ml.formatting import (
    Money,
    first_upper,
    listed,
    number,
    percent,
    plural,
    quantity,
    spread,
)
from engagement_ml.lifecycle.auditing.facts import Estimate, Facts
from engagement_ml.lifecycle.auditing.judgement import THRESHOLDS, AuditThresholds, Judgement

PAST_PURCHASES = "past purchases alone (recency, frequency, monetary value)"


def headline(facts: Facts, judged: Judgement) -> str:
    """Return the finding in one sentence."""
    name, entities = facts.name, plural(facts.entity)
    better = {
        "better": " It predicts margin better than past purchases alone.",
        "worse": " It predicts margin less well than past purchases alone.",
        "no better": " It does not predict margin better than past purchases alone.",
        "not measured": "",
    }[judged.better_than_rfm]
    found = {
        "suspiciously good": f"{name} predicts margin so well that it may have seen the future.",
        "reversed": f"{first_upper(entities)} with a higher {name} bring less margin.",
        "moves with margin": f"Margin follows changes of {name}.{better}",
        "moves little": f"Margin hardly follows changes of {name}.{better}",
        "vanity": f"{name} is a vanity score: margin does not follow its changes.{better}",
        "no information": f"{name} neither predicts margin nor moves with it.",
    }
    tested = "could not be tested" if judged.moves == "not measured" else "remains open"
    unclear = f"Whether margin follows changes of {name} {tested}.{better}"
    return found.get(judged.verdict, unclear)


def meaning(facts: Facts, judged: Judgement) -> str:
    """Return what the verdict means for those who use the score."""
    entity, entities = facts.entity, plural(facts.entity)
    return {
        "suspiciously good": "Do not use these figures before you know how the score's dates were "
        "made.",
        "reversed": f"Either a high score means a bad {entity}, or the score points the wrong way.",
        "moves with margin": f"What raises this score tends to come before more margin of the same "
        f"{entity}. It is a candidate to steer by; a randomised test would prove it.",
        "moves little": f"It may describe {entities}. It is not shown to be worth steering by.",
        "vanity": f"{first_upper(entities)} with a higher score bring more margin, but margin does "
        "not follow when the score of one of them changes. Use it to describe "
        f"{entities}; do not reward anyone for raising it.",
        "no information": f"Nothing is lost without it: it tells {entities} with much margin from "
        "others no better than chance, and does not move with margin.",
        "unclear": "It may be used to describe; whether to steer by it, these data cannot say.",
    }[judged.verdict]


def predicts(facts: Facts, judged: Judgement) -> str:
    """Say whether those with a higher score bring more margin, and how RFM compares."""
    score, entities = facts.score.predicts, plural(facts.entity)
    if score is None:
        return "It could not be measured, because all scores or all margins are equal."
    strength = f"its rank correlation with the margin of the next {facts.outcome_days} days is "
    sentences = [
        {
            "yes": f"{first_upper(entities)} with a higher score do bring more margin: {strength}"
            f"{_correlation(score)}.",
            "no": f"{first_upper(entities)} with a higher score do not bring more margin: "
            f"{strength}{_correlation(score)}.",
            "reversed": f"{first_upper(entities)} with a higher score bring less margin: {strength}"
            f"{_correlation(score)}. If a high score is meant to be bad, turn its sign and audit "
            "it again.",
        }[judged.predicts]
    ]
    rfm = facts.others.get(RFM)
    if rfm is not None and rfm.predicts is not None:
        relation = {
            "better": "This is better than",
            "no better": "This is not better than",
            "worse": "This is less than",
            "not measured": "For comparison,",
        }[judged.better_than_rfm]
        sentences.append(f"{relation} what {PAST_PURCHASES} give: {_correlation(rfm.predicts)}.")
    if judged.beyond_rfm is not None:
        adds = facts.score.beyond_rfm
        assert adds is not None
        verb = "It does add something" if judged.beyond_rfm else "It adds nothing measurable"
        sentences.append(
            f"{verb} to past purchases: among {entities} with the same of them, the correlation is "
            f"{_correlation(adds)}."
        )
    return " ".join(sentences)


def moves(facts: Facts, judged: Judgement) -> str:
    """Say whether margin follows when the score of the same customer changes."""
    if facts.score.moves is None:
        return f"This could not be tested. {_no_changes(facts)}"
    strength = f"the rank correlation is {_correlation(facts.score.moves)}"
    text = {
        "yes": f"Yes: when the score of a {facts.entity} rises, the margin of the same "
        f"{facts.entity} rises afterwards; {strength}. This is evidence from what happened, not a "
        "randomised test.",
        "weakly": f"Hardly: {strength}, which is no more than for past purchases. Raising the "
        "score is not shown to raise margin.",
        "no": f"No: when the score of a {facts.entity} rises, margin does not follow; {strength}. "
        "Raising this score is not shown to raise margin.",
        "reversed": f"No, the reverse: when the score of a {facts.entity} rises, margin falls "
        f"afterwards; {strength}.",
        "unclear": f"The data cannot tell: {strength}, so both no relation and one that matters "
        f"are possible. More {plural(facts.entity)} or a longer history would tell.",
    }[judged.moves]
    return text


def money(facts: Facts) -> str:
    """Say in currency what choosing customers by each score brings."""
    amount = Money(facts.currency)
    top = facts.score.top_margin
    if top is None:
        return ""
    entities = plural(facts.entity)
    text = (
        f"The 10% of {entities} with the highest score bring {amount.estimate(*top.all)} each in "
        f"{facts.outcome_days} days"
    )
    if facts.mean_margin is not None:
        text += f"; all {entities} bring {amount(facts.mean_margin)} on average"
    chosen = {RFM: "past purchases alone", METRIC: "the metric below", FULL: "the full model"}
    others = [
        f"{amount.estimate(*measured.top_margin.all)} by {label}"
        for name, label in chosen.items()
        if (measured := facts.others.get(name)) is not None and measured.top_margin is not None
    ]
    return (
        f"{text}. Chosen another way, the top 10% bring {listed(others)}." if others else f"{text}."
    )


def instead(facts: Facts) -> str:
    """Compare the score with the metric of two or three behaviours."""
    if not facts.instead:
        return (
            "No two or three behaviours could be recommended instead: "
            f"{facts.instead_reason.rstrip('.')}."
        )
    names = listed([each.label for each in facts.instead])
    verb = "is" if len(facts.instead) == 1 else "are"
    kind = (
        f"{names} predict margin together; that they move it is not shown"
        if facts.indicator
        else f"{names} {verb} shown to raise margin"
    )
    lead = facts.leads.get(METRIC)
    if lead is None:
        return f"{kind}."
    parts = []
    if lead.moves is not None:
        # The lead is the score's; people read what the metric has more.
        parts.append(f"margin follows its changes {_compared(lead.moves, 'closely')}")
    if lead.predicts is not None:
        parts.append(f"it predicts margin {_compared(lead.predicts, 'well')}")
    text = f"{kind}. Against {facts.name}, the metric of these"
    return f"{text}: {'; '.join(parts)}." if parts else f"{kind}."


def warnings(
    facts: Facts, judged: Judgement, thresholds: AuditThresholds = THRESHOLDS
) -> list[str]:
    """Return what limits the audit, the gravest first."""
    found = []
    entities = plural(facts.entity)
    if judged.leaks:
        full = facts.others[FULL].predicts
        assert full is not None
        assert facts.score.predicts is not None
        found.append(
            f"The score predicts margin far better ({number(facts.score.predicts.value, 2)}) than "
            f"a model of everything known before each date ({number(full.value, 2)}). Either it "
            f"knows something of {entities} that these tables do not hold, or it was computed "
            "later than its dates say, from the margin that it seems to predict. Check how the "
            "dates were made before you believe any figure here."
        )
    if judged.copied:
        found.append(
            f"The score of {percent(facts.unchanged)} of {entities} is the same at all dates. If "
            "today's score was written to earlier dates, it knows what happened after them, and "
            "nothing here holds."
        )
    if facts.of and facts.customers < thresholds.overlap * facts.of:
        found.append(
            f"Only {facts.customers:,} of {facts.of:,} {entities} have a score at these dates; the "
            "results hold for them alone."
        )
    if facts.customers < thresholds.customers:
        found.append(
            f"{quantity(facts.customers, facts.entity)} are few: only large differences show."
        )
    if facts.score_dates is not None and facts.score_dates < thresholds.dates:
        found.append(
            "There is one date with scores, so no change of the score can be followed; keep the "
            "scores of each month and audit them again."
        )
    if facts.age_days is not None and facts.age_days >= thresholds.old_days:
        found.append(
            f"At the dates that are measured, half of the scores were at least "
            f"{quantity(facts.age_days, 'day')} old; fresher ones may predict better. The other "
            "scores here are of the day."
        )
    return found


def not_tested(facts: Facts) -> list[str]:
    """Return what the audit does not show."""
    untested = [
        "Whether raising the score raises margin: that needs a randomised test. This is evidence "
        "from what happened."
    ]
    if facts.score_dates is not None:
        untested.append(
            "How the score was computed, and whether its dates are right: a score that has seen a "
            "little of the future cannot be noticed."
        )
    if facts.columns:
        untested.append(
            "Whether the columns of numbers cause margin: they are not events, so the search for "
            "drivers, its placebos and its other robustness checks do not cover them."
        )
    return untested


def _no_changes(facts: Facts) -> str:
    if facts.score_dates == 1:
        return "There is one date with scores, and a change needs two."
    if not facts.pairs:
        return (
            "It needs scores at two dates whose time windows do not overlap; there are none with "
            "enough customers."
        )
    return "The scores, or the margins, did not change."


def _compared(lead: Estimate, adverb: str) -> str:
    if lead.high < 0:
        return f"more {adverb}" if adverb != "well" else "better"
    if lead.low > 0:
        return f"less {adverb}"
    return f"as {adverb}, as far as the data can tell"


def _correlation(estimate: Estimate) -> str:
    return f"{number(estimate.value, 2)} ({spread(estimate.low, estimate.high, 2)})"
