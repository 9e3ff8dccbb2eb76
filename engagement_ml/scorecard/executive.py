"""The executive's part: at most seven numbers, each with a sentence that a director can use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engagement_ml.formatting import Money, listed, number, plural, quantity
from engagement_ml.scorecard.card import (
    Action,
    EngagedBuying,
    GoalCard,
    MeasureCard,
    ScoreCard,
)
from engagement_ml.scorecard.links import Verdicts
from engagement_ml.scorecard.wording import shown

Fact = Mapping[str, str]
LIMIT = 7
VAIN = ("vanity", "no effect")
GOOD_GOALS = ("reached", "on track")


def facts_of(
    score: ScoreCard | None,
    goals: Sequence[GoalCard],
    buying: EngagedBuying | None,
    measures: Sequence[MeasureCard],
    actions: Sequence[Action],
    verdicts: Verdicts,
    entity: str,
) -> tuple[Fact, ...]:
    """Return the executive's facts, in the order: score, margin, goals, targets, engaged, risk,
    decision; those without a number are left out, and the score says why it has none.
    """  # noqa: D205
    currency = verdicts.currency
    found = [
        _score(score),
        _margin(score, verdicts, entity),
        _goals(goals),
        _targets(measures),
        _engaged(buying, entity, currency),
        _risk(measures, actions, currency),
        _decision(verdicts, entity),
    ]
    return tuple(fact for fact in found if fact is not None)[:LIMIT]


def _fact(title: str, text: str, sentence: str, tone: str = "plain") -> Fact:
    return {"title": title, "text": text, "sentence": sentence, "tone": tone}


def _score(score: ScoreCard | None) -> Fact | None:
    if score is None:
        return None
    if score.reason is not None or not score.series:
        why = score.reason or "no period has a whole observation window before its end"
        return _fact("Engagement score", "none", f"There is no score: {why.rstrip('.')}.")
    label, value = list(score.series.items())[-1]
    trend = score.trend
    if trend.direction in ("up", "down") and trend.slope is not None:
        by = number(abs(trend.slope), 2)
        text = f"It goes {trend.direction} by {by} points a period"
        text += ", which is more than chance."
    elif trend.direction == "flat":
        text = f"Its trend over {trend.periods} periods is flat."
    else:
        text = "There are too few periods for a trend."
    tone = "plain" if trend.good is None else ("good" if trend.good else "bad")
    return _fact("Engagement score", number(value.value, 1), f"Mean score in {label}. {text}", tone)


def _margin(score: ScoreCard | None, verdicts: Verdicts, entity: str) -> Fact | None:
    if score is None or score.margin.value is None:
        return None
    margin = score.margin
    assert margin.value is not None
    low, high = margin.low or 0.0, margin.high or 0.0
    clear = low > 0 or high < 0
    tone = "plain" if not clear else ("good" if margin.value > 0 else "bad")
    total = margin.value * margin.n
    return _fact(
        "Margin with the change of the metric",
        verdicts.money(total, 0, signed=True),
        f"In {verdicts.outcome_days} days, from {quantity(margin.n, entity)}: what they did "
        "more or less of than a period before, at what each behaviour is worth, if the effects "
        f"are causal ({verdicts.money.spread(low * margin.n, high * margin.n, 0)}).",
        tone,
    )


def _goals(goals: Sequence[GoalCard]) -> Fact | None:
    if not goals:
        return None
    good = [goal for goal in goals if goal.status in GOOD_GOALS]
    late = [goal.name for goal in goals if goal.status in ("behind", "missed")]
    text = f"{listed(late)} {'is' if len(late) == 1 else 'are'} behind." if late else ""
    unknown = [goal.name for goal in goals if goal.status == "no data"]
    if unknown:
        text += f" {listed(unknown)} {'has' if len(unknown) == 1 else 'have'} no data."
    return _fact(
        "Goals reached or on track",
        f"{len(good)} of {len(goals)}",
        text.strip() or "None is behind.",
        "bad" if late else "good" if good else "plain",
    )


def _targets(measures: Sequence[MeasureCard]) -> Fact | None:
    aimed = [card for card in measures if card.status in ("met", "warning", "missed")]
    if not aimed:
        return None
    met = [card for card in aimed if card.status == "met"]
    lost = [card.title for card in aimed if card.status == "missed"]
    vain = [card.title for card in met if card.link.kind == "vanity"]
    text = f"Missed: {listed(lost)}." if lost else "None is clearly missed."
    if vain:
        text += f" {listed(vain)} met the target, but margin does not follow: vanity."
    return _fact("Targets met", f"{len(met)} of {len(aimed)}", text, "bad" if lost else "plain")


def _engaged(buying: EngagedBuying | None, entity: str, currency: str) -> Fact | None:
    if buying is None:
        return None
    cell = buying.cells["engaged not bought"]
    engaged = cell["customers"] + buying.cells["engaged bought"]["customers"]
    other = buying.cells["other bought"]
    return _fact(
        "Engaged, and bought nothing",
        number(cell["customers"], 0),
        f"Of {quantity(engaged, 'engaged ' + entity)} in {buying.period}. "
        f"{quantity(other['customers'], entity)} bought without being engaged, for "
        f"{Money(currency)(other['margin'], 0)} of margin.",
    )


def _risk(measures: Sequence[MeasureCard], actions: Sequence[Action], currency: str) -> Fact | None:
    """Return the one risk: margin at stake, else a measure that worsens, else a missed target.

    Measures that margin does not follow are no risk; those that are linked to it come first.
    """
    for action in actions:
        if action.kind == "customers" and action.measure is None:
            return _fact("Risk", action.title, action.sentence, "bad")
    at_risk = sorted(
        (each for each in measures if each.latest.value is not None and each.link.kind not in VAIN),
        key=lambda each: (each.link.kind not in ("linked", "harmful", "none"), each.name),
    )
    for card in at_risk:
        if card.trend.good is False:
            value = shown(card.latest.value, card.unit, currency)
            slope = shown(card.trend.slope, card.unit, currency, signed=True)
            text = f"{card.title} goes {card.trend.direction} over {card.trend.periods} periods"
            return _fact("Risk", value, f"{text}, by {slope} each.", "bad")
    for card in at_risk:
        if card.status == "missed":
            target = shown(card.target, card.unit, currency)
            value = shown(card.latest.value, card.unit, currency)
            return _fact("Risk", value, f"{card.title} misses its target of {target}.", "bad")
    return None


def _decision(verdicts: Verdicts, entity: str) -> Fact | None:
    """Return the one decision: stop what harms most, else raise what pays most, else test.

    A driver is worth raising by its effect for one standard deviation; what harms comes first, as
    stopping costs nothing.
    """
    rows = list(verdicts.rows.values())
    harmful = [row for row in rows if row.verdict == "harmful" and row.effect is not None]
    if harmful:
        row = max(harmful, key=lambda each: abs(each.effect_per_sd or 0.0))
        return _fact(
            "Decision",
            f"Reduce: {verdicts.label(row.behaviour)}",
            f"Each one lowers margin per {entity} by "
            f"{verdicts.money(abs(row.effect or 0.0), 2)} in {verdicts.outcome_days} days. Decide "
            "who may still use it.",
            "bad",
        )
    drivers = [row for row in rows if row.verdict == "driver" and row.effect is not None]
    if drivers:
        row = max(drivers, key=lambda each: each.effect_per_sd or 0.0)
        most = f" Up to {number(row.saturation_point, 0)} in the window pay." if (
            row.saturation_point
        ) else ""  # fmt: skip
        return _fact(
            "Decision",
            f"Raise: {verdicts.label(row.behaviour)}",
            f"One more is worth {verdicts.money(row.effect, 2)} of margin per "
            f"{entity} in {verdicts.outcome_days} days, less what it costs to bring about.{most}",
            "good",
        )
    open_ = [row for row in rows if row.verdict == "unverifiable"]
    if not open_:
        return None
    row = min(open_, key=lambda each: each.shap_rank or 0)
    return _fact(
        "Decision",
        f"Test: {verdicts.label(row.behaviour)}",
        f"No behaviour is shown to move margin, and this one may. {row.reason.rstrip('.')}. "
        f"Decide on a randomised test with {plural(entity)}.",
    )
