"""Sample splitting: selection on one half of the customers, weights from the other.

A behaviour that chance makes large is selected and over-weighted on the same customers. On
customers that the selection did not see, chance is independent. A hidden cause acts on both halves
alike, so that this check cannot show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.selection.sample_splitting import estimate_on, first_half
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.formatting import listed, number, plural


@dataclass(frozen=True)
class SplitSample:
    """Selects on one random half of the customers and weights on the other."""

    name: str = "selection and weights on separate halves"
    before_verdicts: bool = False

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        entities = plural(context.study.config.entity)
        return (
            f"Do the weights hold if one half of the {entities} selects and the other half "
            "weights? This finds chance, not a hidden cause, which is in both halves."
        )

    def applies(self, context: CheckContext) -> bool:
        """Return whether the joint fit holds all that was selected, by observation alone."""
        main, selection = context.estimates.main, context.selection
        if main is None or selection is None or selection.indicators or not selection.choices:
            return False
        selected = set(selection.selected)
        return not selected & context.tested and selected <= set(main.behaviours)

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the other half's weights with the metric's."""
        study, main, selection = context.study, context.estimates.main, context.selection
        assert main is not None
        assert selection is not None
        weights = split_weights(
            main,
            selection.drivers,
            {b: study.associations[b].std for b in selection.drivers},
            study.costs(selection.drivers),
            at_most=study.config.select.at_most,
            min_z=study.thresholds.min_z,
            seed=study.seed,
        )
        of_metric = {choice.behaviour: choice.weight for choice in selection.choices}
        gap = max((abs(weights.get(b, 0.0) - w) for b, w in of_metric.items()), default=0.0)
        parts = [f"{study.config.label(b)} {number(w, 0)}" for b, w in weights.items()]
        selected = f"weights {listed(parts)}" if parts else "nothing is selected"
        return CheckResult(
            value=f"{selected}; at most {number(gap, 0)} points from the metric's",
            passed=set(weights) == set(of_metric) and gap <= study.thresholds.max_weight_gap,
        )


def split_weights(
    effects: LagEffects,
    candidates: Sequence[str],
    stds: Mapping[str, float],
    costs: Mapping[str, float],
    *,
    at_most: int,
    min_z: float,
    seed: int,
) -> dict[str, float]:
    """Select on one random half of the customers; return weights from the other, in percent.

    Parameters
    ----------
    effects : LagEffects
    candidates : sequence of str
        Behaviours that passed every other test.
    stds, costs : mapping by behaviour
        Standard deviation of the window count, cost of serving one event.
    at_most : int
    min_z : float
        Asked of all customers; a half is asked for ``min_z / √2``.
    seed : int
    """
    half = first_half(effects.influence.shape[0], seed)
    place = {name: b for b, name in enumerate(effects.behaviours)}
    passing = {}
    for name in (name for name in candidates if name in place):
        on_half = estimate_on(effects, place[name], half)
        if on_half.z >= min_z / np.sqrt(2.0) and on_half.effect > costs[name]:
            passing[name] = (on_half.effect - costs[name]) * stds[name]
    selected = sorted(passing, key=lambda name: (-passing[name], name))[:at_most]
    worth = {
        name: max(estimate_on(effects, place[name], ~half).effect - costs[name], 0.0) * stds[name]
        for name in selected
    }
    total = sum(worth.values())
    return {name: 100.0 * w / total for name, w in worth.items()} if total > 0 else {}
