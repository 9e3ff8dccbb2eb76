"""Product mix: which part of margin a behaviour raises, and at the cost of which other part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.formatting import Money, decimals_for, listed
from engagement_ml.outcomes.evidence import MixRow, OutcomeEvidence

_NORMAL_95 = 1.959964


def product_mix(
    outcomes: Sequence[OutcomeEvidence],
    drivers: Sequence[DriverRow],
    currency: str,
    *,
    compare: bool = True,
) -> tuple[MixRow, ...]:
    """Put the verdicts on the parts of margin together, behaviour by behaviour.

    Cannibalisation is named only if one part is raised and another lowered, each with evidence that
    passed every check and an interval that excludes 0, and if the effects on all parts add up to
    the effect on margin.

    Parameters
    ----------
    outcomes : sequence of OutcomeEvidence
        Those of another kind than ``"part"`` are left out.
    drivers : sequence of DriverRow
        The rows of margin.
    currency : str
    compare : bool
        Whether the parts add up to margin: no transaction is in two of them.

    Returns
    -------
    tuple of MixRow
        A row for each behaviour with evidence on any part, in the order of `drivers`.
    """
    parts = [outcome for outcome in outcomes if outcome.kind == "part"]
    labels = {part.outcome: part.label for part in parts}
    by_part = {part.outcome: {row.behaviour: row for row in part.drivers} for part in parts}
    money = Money(currency)
    rows = []
    for total in drivers:
        b = total.behaviour
        found = {name: of_part.get(b) for name, of_part in by_part.items()}
        if any(row is not None and _acts(row) for row in found.values()):
            rows.append(_mix_row(found, total, labels, money, compare=compare))
    return tuple(rows)


def _acts(row: DriverRow) -> bool:
    """Return whether a verdict names an effect, and its interval excludes 0."""
    low, high = row.effect_low, row.effect_high
    if low is None or high is None:
        return False
    return (row.verdict == "driver" and low > 0) or (row.verdict == "harmful" and high < 0)


def _mix_row(
    found: Mapping[str, DriverRow | None],
    total: DriverRow,
    labels: Mapping[str, str],
    money: Money,
    *,
    compare: bool,
) -> MixRow:
    acting = {name: row for name, row in found.items() if row is not None and _acts(row)}
    raised = {name: row for name, row in acting.items() if row.verdict == "driver"}
    lowered = {name: row for name, row in acting.items() if row.verdict == "harmful"}
    parts_sum, total_effect, adds_up = _sums(found, total) if compare else (None, None, None)
    label = total.label or total.behaviour
    texts = [_changes(label, raised, lowered, labels, money)]
    texts += _others(found, acting, labels, money)
    texts.append(_net(total, money))
    if adds_up is False:
        texts.append(
            f"effects on the parts add up to {money(parts_sum)}, but the effect on margin is "
            f"{money(total_effect)}, which their errors do not explain: do not rely on this split"
        )
    return MixRow(
        behaviour=total.behaviour,
        label=label,
        sentence="; ".join(texts),
        raises=tuple(raised),
        lowers=tuple(lowered),
        cannibalises=bool(raised and lowered) and adds_up is not False,
        parts_sum=parts_sum,
        total=total_effect,
        adds_up=adds_up,
    )


def _changes(
    label: str,
    raised: Mapping[str, DriverRow],
    lowered: Mapping[str, DriverRow],
    labels: Mapping[str, str],
    money: Money,
) -> str:
    """Return what is raised, and at the cost of what."""
    gains = listed(f"{labels[n]} by {_amount(row, money)}" for n, row in raised.items())
    if raised and lowered:
        costs = listed(f"{_amount(row, money)} of {labels[n]}" for n, row in lowered.items())
        return f"{label} raises {gains} per event, at the cost of {costs}"
    if raised:
        return f"{label} raises {gains} per event"
    losses = listed(f"{labels[n]} by {_amount(row, money)}" for n, row in lowered.items())
    return f"{label} lowers {losses} per event"


def _amount(row: DriverRow, money: Money) -> str:
    """Return the size of an effect with its interval, without a sign."""
    assert row.effect is not None
    assert row.effect_low is not None
    assert row.effect_high is not None
    low, high = sorted((abs(row.effect_low), abs(row.effect_high)))
    decimals = decimals_for(row.effect, low, high)
    return f"{money(abs(row.effect), decimals)} ({money.spread(low, high, decimals)})"


def _others(
    found: Mapping[str, DriverRow | None],
    acting: Mapping[str, DriverRow],
    labels: Mapping[str, str],
    money: Money,
) -> list[str]:
    """Return what is known of the other parts, and what is not."""
    others = {name: row for name, row in found.items() if name not in acting}
    same = [labels[name] for name, row in others.items() if row is not None and _hardly(row)]
    unknown = [
        f"{labels[name]}{_range(row, money)}"
        for name, row in others.items()
        if row is None or not _hardly(row)
    ]
    texts = [f"{listed(same)} hardly {'changes' if len(same) == 1 else 'change'}"] if same else []
    return [*texts, f"what it does to {listed(unknown)} is not known"] if unknown else texts


def _hardly(row: DriverRow) -> bool:
    return row.verdict in ("inert", "vanity")


def _range(row: DriverRow | None, money: Money) -> str:
    if row is None or row.effect_low is None or row.effect_high is None:
        return ""
    if not row.effect_low <= 0 <= row.effect_high:
        return ""  # an interval on one side of 0 would read as an effect
    return f" ({money.spread(row.effect_low, row.effect_high)})"


def _net(total: DriverRow, money: Money) -> str:
    """Return what the behaviour does to margin as a whole, which decides the metric."""
    cost = "net of its cost, " if total.cost_per_event else ""
    if total.verdict in ("inert", "vanity"):
        return f"{cost}margin in all hardly changes"
    if total.verdict not in ("driver", "harmful") or total.effect is None:
        return f"{cost}whether margin in all changes is not known"
    verb = "rises" if total.effect > 0 else "falls"
    if total.effect_low is None or total.effect_high is None:
        return f"{cost}margin in all {verb}"
    return f"{cost}margin in all {verb} by {_amount(total, money)}"


def _sums(
    found: Mapping[str, DriverRow | None], total: DriverRow
) -> tuple[float | None, float | None, bool | None]:
    """Return the sum of the effects on the parts, the effect on margin, and whether they agree.

    The errors are added as if independent. Those of the parts and of margin are positively
    correlated, so a disagreement is more than chance.
    """
    rows = list(found.values())
    effects = [_gross(row) for row in rows if row is not None]
    whole = None if total.basis == "experiment" else _gross(total)
    known = [effect for effect in effects if effect is not None]
    if whole is None or len(known) < len(rows):
        return None, None, None
    parts_sum = math.fsum(effect for effect, _ in known)
    error = math.hypot(whole[1], *(error for _, error in known))
    agree = abs(parts_sum - whole[0]) <= _NORMAL_95 * error
    return parts_sum, whole[0], agree


def _gross(row: DriverRow) -> tuple[float, float] | None:
    """Return the effect before cost and its standard error."""
    if row.effect_gross is None or row.effect_low is None or row.effect_high is None:
        return None
    return row.effect_gross, (row.effect_high - row.effect_low) / (2 * _NORMAL_95)
