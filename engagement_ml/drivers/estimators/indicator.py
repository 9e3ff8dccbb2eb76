"""Indicators: behaviours that predict margin, whatever moves it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engagement_ml.drivers.decision import Candidates, Selection
from engagement_ml.drivers.estimators.base import Estimates, Estimator
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.selection.indicators import choose_indicators, purchase_history
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class IndicatorEstimator:
    """Selects what predicts margin; verdicts come from another strategy's effects.

    Parameters
    ----------
    effects : Estimator
        Estimates the effects that verdicts rest on.
    """

    effects: Estimator

    @property
    def within_periods(self) -> bool:
        """As of the strategy that estimates the effects."""
        return self.effects.within_periods

    def obstacle(self, study: Study) -> Obstacle | None:
        """Return why effects are not identified, or None; selection does not depend on it."""
        return self.effects.obstacle(study)

    def estimate(self, study: Study) -> Estimates:
        """Estimate the effects that verdicts rest on."""
        return self.effects.estimate(study)

    def select(self, study: Study, candidates: Candidates) -> Selection:
        """Select by SHAP of a model of later margin, beyond what past purchases predict."""
        of_drivers = self.effects.select(study, candidates)
        indicators = choose_indicators(
            study.rows,
            purchase_history(study.periods, study.spans, study.rows),
            study.behaviours,
            tuple(b for b in study.behaviours if study.selectable(b)),
            at_most=study.config.select.at_most,
            seed=study.seed,
            thresholds=study.thresholds,
        )
        return replace(
            of_drivers,
            selected=tuple(choice.behaviour for choice in indicators.choices),
            choices=indicators.choices,
            curves={**of_drivers.curves, **indicators.curves},
            indicators=indicators,
        )
