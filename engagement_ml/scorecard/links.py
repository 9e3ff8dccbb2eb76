"""What measures have to do with margin: the verdicts of the behaviours that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import Money, listed, percent, sentence
from engagement_ml.scorecard.card import Link, LinkKind, SurveyCard

KINDS: Mapping[str, LinkKind] = {
    "driver": "linked",
    "harmful": "harmful",
    "vanity": "vanity",
    "consequence": "consequence",
    "inert": "no effect",
    "unverifiable": "unverifiable",
}
"""Kind of link by verdict, in the order in which sentences name them."""
NOT_EXAMINED = "not examined"
_SAY = {
    "driver": ("moves margin", "move margin"),
    "harmful": ("lowers margin", "lower margin"),
    "vanity": ("is vanity", "are vanity"),
    "consequence": ("follows purchases", "follow purchases"),
    "inert": ("has no effect worth having", "have no effect worth having"),
    "unverifiable": ("is unverifiable", "are unverifiable"),
    NOT_EXAMINED: ("was not examined", "were not examined"),
}
OUTCOMES = Link(sentence="It is made of purchases, so it is part of margin and no cause of it.")
OF_THE_SCORE = Link(sentence="It is made of the score; the metric's own evidence is in its report.")
MAX_NAMES = 5
LAST, DETRACTOR = "last", "detractor"
"""Forms of a survey's score: the last answer, and whether it is that of a detractor."""


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of a trained run.

    Attributes
    ----------
    rows : mapping of event type to DriverRow
    labels : mapping of event type to str
        Names for people, where they differ.
    events : mapping of event type to int
        Number of events in the data.
    currency : str
    outcome_days : int
    reasons : mapping of event type to str
        Why a behaviour was not examined, such as its role.
    """

    rows: Mapping[str, DriverRow]
    labels: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    currency: str = "EUR"
    outcome_days: int = 84
    reasons: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return the verdict of an event type."""
        return self.rows[name].verdict if name in self.rows else NOT_EXAMINED

    @property
    def money(self) -> Money:
        """Writes amounts in the currency."""
        return Money(self.currency)

    def label(self, name: str) -> str:
        """Return the name that people read."""
        return self.labels.get(name, name)


def link_of(names: Iterable[str], verdicts: Verdicts) -> Link:
    """Return the link of a measure that is made of event types.

    Parameters
    ----------
    names : iterable of str
        Event types.
    verdicts : Verdicts
    """
    by_name = {name: verdicts.of(name) for name in names}
    examined = {verdict for verdict in by_name.values() if verdict != NOT_EXAMINED}
    if not by_name:
        return Link()
    if len(by_name) == 1:
        (name,) = by_name
        return Link(_kind(examined), by_name, _of_one(name, verdicts))
    text = f"{_counted(by_name, verdicts)}."
    if len(set(by_name.values())) > 1:
        text += " A change of the measure may come from any of them, so it does not tell by itself."
    return Link(_kind(examined), by_name, text)


def link_of_goal(starts: Iterable[str], verdicts: Verdicts) -> Link:
    """Return the link of a measure whose goal is a purchase, whatever it starts with."""
    by_name = {name: verdicts.of(name) for name in starts}
    text = "Its goal is a purchase, so it is part of margin and no cause of it."
    if by_name:
        text += f" Of what it starts with, {_counted(by_name, verdicts)}."
    return Link("none", by_name, text)


def link_of_all(verdicts: Verdicts, excluded: Iterable[str] = ()) -> Link:
    """Return the link of a measure that counts all events, such as daily active users."""
    left_out = set(excluded)
    by_name = {name: verdicts.of(name) for name in verdicts.events if name not in left_out}
    examined = {verdict for verdict in by_name.values() if verdict != NOT_EXAMINED}
    if not examined:
        return Link("none", by_name, "None of its events was examined as a behaviour.")
    total = sum(verdicts.events[name] for name in by_name)
    moving = sum(verdicts.events[name] for name, v in by_name.items() if v == "driver")
    text = (
        f"It counts all {len(by_name)} types of events: {_counted(by_name, verdicts)}. Behaviours "
        f"that move margin are {percent(moving / total if total else None)} of the events"
    )
    if len(examined) > 1:
        text += ", so the measure may rise while margin does not"
    return Link(_kind(examined), by_name, sentence(text))


def link_of_survey(card: SurveyCard) -> Link:
    """Return the link of a measure of a survey: the evidence on each form of its score."""
    examined = {str(each["form"]): each for each in card.evidence if each.get("verdict")}
    if not examined:
        return Link("unverifiable", {}, "There are too few answers to examine its score.")
    by_form = {form: str(each["verdict"]) for form, each in examined.items()}
    text = " ".join(
        sentence(f"{form}: {by_form[form]}, {each['reason']}")
        for form, each in examined.items()
        if each.get("reason")
    )
    found = {f"{card.survey} {form}": verdict for form, verdict in by_form.items()}
    return Link(_survey_kind(_in_the_scores_direction(by_form)), found, text)


def _in_the_scores_direction(verdicts: Mapping[str, str]) -> dict[str, str]:
    """Return the verdicts as of a higher score: a detractor that lowers margin speaks for it."""
    mirrored = {"driver": "harmful", "harmful": "driver"}
    return {form: mirrored.get(v, v) if form == DETRACTOR else v for form, v in verdicts.items()}


def _survey_kind(verdicts: Mapping[str, str]) -> LinkKind:
    """Return the kind of evidence that acts, else that of the last score.

    Forms of one score are no different behaviours, so their verdicts do not mix: that a change of
    the score is vanity does not make the score vanity if the data cannot tell of the last one.
    """
    for verdict in ("driver", "harmful"):
        if verdict in verdicts.values():
            return KINDS[verdict]
    return KINDS.get(verdicts.get(LAST, "unverifiable"), "unverifiable")


def _kind(examined: set[str]) -> LinkKind:
    if not examined:
        return "none"
    return KINDS[next(iter(examined))] if len(examined) == 1 else "mixed"


def _of_one(name: str, verdicts: Verdicts) -> str:
    label = verdicts.label(name)
    if name not in verdicts.rows:
        why = verdicts.reasons.get(name, "it was no candidate when the run was trained")
        return f"{label} was not examined: {why}."
    row = verdicts.rows[name]
    text = f"{label} {_SAY[row.verdict][0]}"
    if row.verdict in ("driver", "harmful") and row.effect is not None:
        text += (
            f": one more is worth {verdicts.money(row.effect, 2, signed=True)} of "
            f"margin per customer in {verdicts.outcome_days} days"
        )
    return f"{text}. {sentence(row.reason)}".strip()


def _counted(by_name: Mapping[str, str], verdicts: Verdicts) -> str:
    parts = []
    for verdict in (*KINDS, NOT_EXAMINED):
        labels = [verdicts.label(name) for name, each in by_name.items() if each == verdict]
        if labels:
            parts.append(f"{_names(labels)} {_SAY[verdict][len(labels) > 1]}")
    return "; ".join(parts)


def _names(labels: list[str]) -> str:
    if len(labels) <= MAX_NAMES:
        return listed(labels)
    return f"{', '.join(labels[:MAX_NAMES])} and {len(labels) - MAX_NAMES} others"
