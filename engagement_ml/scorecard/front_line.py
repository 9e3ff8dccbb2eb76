"""What owners can act on: targets missed, customers with reasons, and what to stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import Money, number, plural, quantity
from engagement_ml.scorecard.card import Action, MeasureCard, StageCard
from engagement_ml.scorecard.links import Verdicts
from engagement_ml.scorecard.wording import shown, with_interval

NO_OWNER = "no owner"
MAX_CUSTOMERS = 20


def missed(measures: Iterable[MeasureCard], currency: str) -> list[Action]:
    """Return an action for each target that is missed, or nearly, by its owner."""
    actions = []
    for card in measures:
        if card.status not in ("missed", "warning"):
            continue
        value = with_interval(card.latest, card.unit, currency)
        target = shown(card.target, card.unit, currency)
        state = (
            "is missed" if card.status == "missed" else "is not reached, though it may be chance"
        )
        if card.status == "warning" and card.warning is not None:
            state = "is not reached, but the warning limit is"
        text = f"{value} in {card.period}: the target of {target} {state}."
        if card.link.kind in ("vanity", "no effect"):
            text += " Margin does not follow this measure, so the target is not worth much effort."
        elif card.link.kind in ("linked", "harmful"):
            text += f" {card.link.sentence}"
        title = f"{card.title}: target {card.status}" if card.status == "missed" else card.title
        actions.append(Action(card.owner or NO_OWNER, "missed", title, text, card.name))
    return actions


def customers_to_act_on(
    owner: str | None,
    title: str,
    sentence: str,
    customers: Sequence[Mapping[str, Any]],
    measure: str | None = None,
) -> list[Action]:
    """Return an action with customers; none if there are no customers."""
    if not customers:
        return []
    return [
        Action(
            owner or NO_OWNER, "customers", title, sentence, measure,
            tuple(customers[:MAX_CUSTOMERS]),
        )
    ]  # fmt: skip


def falling(
    rows: Sequence[Mapping[str, Any]], owner: str | None, entity: str, currency: str
) -> list[Action]:
    """Return the action on customers who fell below their own usual.

    Parameters
    ----------
    rows : sequence of mapping
        Early warnings, the largest margin at stake first: ``customer_id``, ``behaviour``,
        ``count``, ``usual_count`` and ``margin_at_stake``.
    owner : str or None
    entity, currency : str
    """
    at_stake = sum(row["margin_at_stake"] for row in rows)
    customers = [
        {
            "customer_id": row["customer_id"],
            "reason": f"{row['behaviour']}: {number(row['count'], 0)} in the last window, usually "
            f"{number(row['usual_count'], 1)}",
            "margin at stake": round(float(row["margin_at_stake"]), 2),
        }
        for row in rows
    ]
    return customers_to_act_on(
        owner,
        f"{quantity(len(rows), entity)} below their own usual",
        f"They did clearly less than they usually do, with {Money(currency)(at_stake, 0)} of "
        "margin at stake if margin falls as they did. At most one in ten of such warnings is "
        "chance.",
        customers,
    )


def stop(
    measures: Sequence[MeasureCard],
    verdicts: Verdicts,
    owners: Mapping[str, str | None],
    stages: Mapping[str, str],
    events: Mapping[str, float],
) -> list[Action]:
    """Return what to stop: behaviours that lower margin or cost money for nothing, vanity targets.

    Parameters
    ----------
    measures : sequence of MeasureCard
    verdicts : Verdicts
    owners : mapping of stage to owner
    stages : mapping of event type to stage
    events : mapping of event type to float
        Events in the last period.
    """
    actions = []
    for name, row in verdicts.rows.items():
        owner = owners.get(stages.get(name, "")) or NO_OWNER
        sentence = _why_stop(name, row, verdicts, events.get(name, 0.0))
        if sentence:
            actions.append(Action(owner, "stop", verdicts.label(name), sentence))
    for card in measures:
        if card.target is not None and card.link.kind == "vanity":
            met = " Its target is met, and margin does not follow." if card.status == "met" else ""
            text = f"{card.link.sentence}{met} Take its target off the scorecard."
            actions.append(Action(card.owner or NO_OWNER, "stop", card.title, text, card.name))
    return actions


def _why_stop(name: str, row: DriverRow, verdicts: Verdicts, events: float) -> str | None:
    happened = f"It happened {number(events, 0)} times in the last period"
    if row.verdict == "harmful" and row.effect is not None and events:
        lost = abs(row.effect) * events
        return (
            f"One more lowers a customer's margin by {verdicts.money(abs(row.effect), 2)} in "
            f"{verdicts.outcome_days} days. {happened}: about {verdicts.money(lost, 0)} of margin, "
            "if the effect is causal."
        )
    if row.verdict in ("vanity", "inert") and row.cost_per_event > 0 and events:
        spent = row.cost_per_event * events
        return (
            f"It costs {verdicts.money(row.cost_per_event, 2)} each, and margin does not follow. "
            f"{happened}, for {verdicts.money(spent, 0)}."
        )
    return None


def owner_of(
    names: Iterable[str], measures: Sequence[MeasureCard], stages: Sequence[StageCard]
) -> str | None:
    """Return the first owner among measures or stages of these names."""
    owners = {stage.name: stage.owner for stage in stages}
    owners |= {card.name: card.owner for card in measures if card.owner}
    return next((owners[name] for name in names if owners.get(name)), None)


def by_owner(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return actions by owner, those without one last; missed targets first."""
    kinds = ("missed", "customers", "stop")
    return tuple(
        sorted(actions, key=lambda a: (a.owner == NO_OWNER, a.owner.lower(), kinds.index(a.kind)))
    )


def engaged_without_purchase(
    customers: Sequence[Mapping[str, Any]],
    n: int,
    limit: float,
    period: str,
    owner: str | None,
    entity: str,
) -> list[Action]:
    """Return the action on engaged customers who bought nothing in the last period."""
    return customers_to_act_on(
        owner,
        f"{quantity(n, entity)} engaged, and bought nothing",
        f"Their score is at least {number(limit, 0)}, and they had no purchase in {period}. Ask "
        f"what keeps these {plural(entity)} from buying.",
        customers,
        "engaged_buying",
    )


def detractors(
    customers: Sequence[Mapping[str, Any]], n: int, period: str, owner: str | None
) -> list[Action]:
    """Return the action on who answered 0 to 6 to the Net Promoter question."""
    return customers_to_act_on(
        owner,
        f"{quantity(n, 'detractor')} in {period}",
        "They answered 0 to 6. Ask what went wrong; their comments are the reason in their words.",
        customers,
        "nps",
    )
