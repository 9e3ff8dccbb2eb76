"""Stability of the selection over other customers."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import percent, plural

_NAME = "stability"


def _question(context: CheckContext) -> str:
    entities = plural(context.study.config.entity)
    return f"Would other {entities} lead to the same selection?"


@dataclass(frozen=True)
class BootstrapStability:
    """Stability selection: how often bootstraps of customers select the same behaviours.

    Meinshausen and Bühlmann (2010).
    """

    name: str = _NAME
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return _question(context)

    def applies(self, context: CheckContext) -> bool:
        """Return whether observation selected any behaviour."""
        return bool(context.selected)

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the least frequently passing and selected behaviour with the required share."""
        assert context.selection is not None
        stability, selected = context.selection.stability, context.selected
        limit = context.study.thresholds.min_bootstrap_share
        passes = min(stability.passes.get(b, 0.0) for b in selected)
        least = min(stability.frequency.get(b, 0.0) for b in selected)
        who = "it passes as a driver" if len(selected) == 1 else "each passes as a driver"
        value = (
            f"{who} in at least {percent(passes)} of bootstrap samples; "
            f"{percent(stability.same(selected))} select exactly this set"
        )
        if passes >= limit > least:
            value += (
                "; which of the drivers are the largest is uncertain, that they are drivers is not"
            )
        return CheckResult(value, passed=least >= limit)


@dataclass(frozen=True)
class IndicatorStability:
    """How often fits on random halves of the customers select the same indicators."""

    name: str = _NAME
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return _question(context)

    def applies(self, context: CheckContext) -> bool:
        """Return whether any indicator was selected."""
        selection = context.selection
        return selection is not None and bool(selection.indicators and selection.choices)

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the least frequent selected and the most frequent other behaviour."""
        assert context.selection is not None
        indicators = context.selection.indicators
        assert indicators is not None
        least, other = indicators.shares
        entities = plural(context.study.config.entity)
        outcome = "stable" if indicators.stable else "unstable, so all weights are equal"
        return CheckResult(
            value=(
                f"of fits on random halves of the {entities}, at least {percent(least)} select "
                f"each chosen behaviour and at most {percent(other)} another: {outcome}"
            ),
            passed=indicators.stable,
        )
