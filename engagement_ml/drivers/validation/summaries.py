"""What the report's table of checks says of stability, in bootstraps and in time."""

from __future__ import annotations

from collections.abc import Mapping

from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.drivers.selection.indicators import Indicators
from engagement_ml.drivers.selection.stability_selection import Stability
from engagement_ml.drivers.validation.persistence import Lasting


def stability_check(stability: Stability, selected: list[str]) -> CheckRow:
    """Return the row of the stability selection among the checks."""
    least = min((stability.frequency.get(b, 0.0) for b in selected), default=0.0)
    return CheckRow(
        name="stability",
        question="Would the same behaviours be chosen from other entities?",
        result=(
            f"exactly the same set in {stability.same(selected):.0%} of bootstraps, "
            f"each chosen one in at least {least:.0%}; "
            f"expected false choices at most {stability.false_bound:.2f}"
        ),
        passed=least >= 0.9,
    )


def indicator_check(indicators: Indicators, entity: str) -> CheckRow:
    """Return the row of an indicator's stability among the checks."""
    told = "stable" if indicators.stable else "unstable, so all count alike and none is weighed"
    least, other = indicators.shares
    return CheckRow(
        name="stability",
        question="Would the same behaviours be chosen from other entities?",
        result=(
            f"in fits on random halves of the {entity}s each chosen one comes up in at least "
            f"{least:.0%}, another in at most {other:.0%}: {told}"
        ),
        passed=indicators.stable,
    )


def lasting_check(lasting: Mapping[str, Lasting]) -> CheckRow:
    """Return the row that tells whether effects are the same late as early."""
    ended = [f"{b} since {each.turn}" for b, each in lasting.items() if each.ended]
    shares = [each.late[0] / each.early[0] for each in lasting.values() if each.early[0]]
    spread = f"{min(shares):.2f} to {max(shares):.2f}" if shares else "not known"
    return CheckRow(
        name="later against earlier",
        question="Do the effects last over the history?",
        result=f"late in the history {spread} times those early"
        + (f"; gone for {', '.join(ended)}, not called a driver" if ended else ""),
        passed=not ended,
    )
