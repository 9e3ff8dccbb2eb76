"""Measures of messages: opens, clicks, and what contacts change in what customers do."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from engagement_ml._typing import FloatArray
from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import TRANSACTION, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.families.conversion import MATURE, start_and_goal
from engagement_ml.measures.kinds.functions import TotalsFunction, safe_ratio, share
from engagement_ml.measures.rows.contacts import contact_rows, contacts_of
from engagement_ml.measures.rows.occurrences import occurrences
from engagement_ml.measures.rows.trials import Link, limit_of, match_trials

DELIVERED = ("email_delivered", "message_delivered", "email_sent", "message_sent", "push_sent")
OPENED = ("email_opened", "email_open", "message_opened", "push_opened")
CLICKED = ("email_clicked", "email_click", "message_clicked", "link_clicked")
_KEYS = ("start", "goal", "within_days", "within_hours")


def _message_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    start, goal = start_and_goal(context, settings)
    context.require("events", "ref")
    link = Link("ref", "ref")
    trials = match_trials(context, start, goal, link, limit_of(settings), "message")
    return Rows(trials.key, lambda: trials.frame, trials.each(), notes=trials.notes)


def _message_rate(
    name: str, title: str, formula: str, needs: str, start: tuple[str, ...], goal: tuple[str, ...]
) -> MeasureDefinition:
    return MeasureDefinition(
        name=name,
        title=title,
        kind=share("reached", "trials"),
        unit="percent",
        better="more",
        formula=formula,
        needs=f"{needs}, with `ref`",
        rows=_message_rows,
        edge_cases="A message is what has one `ref` of a customer; it counts once, in the period "
        "of its first event of `start`, whatever the number of opens or clicks within "
        f"`within_days`. {MATURE} If both are recorded, let `start` name deliveries rather than "
        "what was sent.",
        keys=_KEYS,
        defaults={"start": start, "goal": goal, "within_days": 7.0},
    )


def _influence_rows(raw: bool) -> Callable[[MeasureContext, MeasureConfig], Rows]:
    def rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
        actions = occurrences(context, settings.goal, "goal")
        contacts = contacts_of(context, settings.start)
        days = settings.within_days or 7.0
        key, frame, notes = contact_rows(context, contacts, actions, days)
        acted, contact = nw.col("acted"), nw.col("contact")
        if raw:
            return Rows(key, lambda: frame, {"acted": acted.sum(), "contacts": contact.sum()})
        matched = nw.col("matched")
        columns = {
            "acted": (acted * matched).sum(),
            "expected": (nw.col("expected") * matched).sum(),
            "contacts": matched.sum(),
        }
        return Rows(key, lambda: frame, columns, notes=notes)

    return rows


def _difference(sums: FloatArray) -> FloatArray:
    return safe_ratio(sums[..., 0] - sums[..., 1] / MICRO, sums[..., 2])


FAMILY = (
    _message_rate(
        "open_rate",
        "Open rate",
        "delivered messages that were opened / delivered messages",
        "events of deliveries and opens",
        DELIVERED,
        OPENED,
    ),
    _message_rate(
        "click_rate",
        "Click rate",
        "delivered messages with a click / delivered messages",
        "events of deliveries and clicks",
        DELIVERED,
        CLICKED,
    ),
    _message_rate(
        "click_to_open",
        "Click-to-open rate",
        "opened messages with a click after it / opened messages",
        "events of opens and clicks",
        OPENED,
        CLICKED,
    ),
    MeasureDefinition(
        name="influence",
        title="Influence of contacts",
        kind=TotalsFunction(
            ("acted", "expected", "contacts"),
            _difference,
            "acted",
            "contacts",
            scale=100.0,
            bounds=(-100.0, 100.0),
        ),
        unit="points",
        better="more",
        formula="share of contacts with an action within `within_days` − mean share of the same "
        "customer's matched moments without a contact",
        needs="events with `direction` outbound, or of the types in `start`; the action",
        rows=_influence_rows(raw=False),
        edge_cases="Matched moments are whole weeks before and after the contact, two on each side "
        "at most: on board, over before the history ends, and with no contact within "
        "`within_days` before or after. Contacts without a matched moment are left out and "
        "counted. Numerator and denominator give the raw rate of the contacts with one; "
        "`influence_raw` is that of all. Where contacts are sent because of what a customer did, "
        "the difference is not their effect: only a randomised test shows it.",
        keys=("start", "goal", "within_days"),
        defaults={"goal": (TRANSACTION,), "within_days": 7.0},
    ),
    MeasureDefinition(
        name="influence_raw",
        title="Actions after contacts",
        kind=share("acted", "contacts"),
        unit="percent",
        better="more",
        formula="contacts with an action within `within_days` / contacts",
        needs="as `influence`",
        rows=_influence_rows(raw=True),
        edge_cases="Says nothing of what would have happened without the contact: see `influence`. "
        "Contacts of one moment count once.",
        keys=("start", "goal", "within_days"),
        defaults={"goal": (TRANSACTION,), "within_days": 7.0},
    ),
)
