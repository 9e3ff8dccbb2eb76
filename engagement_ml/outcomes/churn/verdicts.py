"""Verdicts on churn before they are laid out, and the parts that both definitions share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.features.panel import Panel


@dataclass(frozen=True)
class Verdicts:
    """Verdicts, and each effect on the chance to churn in percentage points."""

    rows: tuple[DriverRow, ...]
    changes: dict[str, WindowEffect]
    level: float | None
    n_customers: int
    reason: str | None = None
    converged: bool = True
    notes: tuple[str, ...] = ()


def without_costs(config: PipelineConfig) -> PipelineConfig:
    """Return the configuration without costs of events, which are no part of churn."""
    behaviours = {
        b: settings.model_copy(update={"cost_per_event": 0.0})
        for b, settings in config.behaviours.items()
    }
    select = config.select.model_copy(update={"require": "driver"})
    return config.model_copy(update={"behaviours": behaviours, "select": select})


def churn_level(panel: Panel | None) -> float | None:
    """Return the percentage of customers at risk who churn in an outcome window."""
    if panel is None:
        return None
    churned = panel.frame["churned"].dropna()
    return 100.0 * float(churned.mean()) if len(churned) else None


def as_churn(kept: WindowEffect) -> WindowEffect:
    """Return a change of the chance to stay as one of the chance to churn."""
    return replace(
        kept, effect=-kept.effect, low=-kept.high, high=-kept.low, z=-kept.z, draws=-kept.draws
    )
