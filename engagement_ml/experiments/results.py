"""The estimates of the randomised experiments that a configuration lists."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from engagement_ml.config import ExperimentConfig, PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.experiments.lifts import Estimate, Z
from engagement_ml.experiments.measuring import Lift, measure
from engagement_ml.experiments.reading import Layout, read_arms


@dataclass(frozen=True)
class ExperimentResult:
    """The estimates of one experiment on one behaviour.

    Attributes
    ----------
    behaviour, name : str
    source : str or None
        The table that they were computed from; None for a summary.
    days : int
        Length of the period in which the outcome was measured.
    found : Lift
        In currency, per entity and per event.
    """

    behaviour: str
    name: str
    source: str | None
    days: int
    found: Lift

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a flat row, with a list of rows by segment in it."""
        estimates = self.found.to_dict()
        lift, effect, events = estimates["lift"], estimates["effect"], estimates["events"] or {}
        return {
            "behaviour": self.behaviour,
            "name": self.name,
            "source": self.source,
            "days": self.days,
            "n_treated": estimates["n_treated"],
            "n_control": estimates["n_control"],
            "mean_control": estimates["mean_control"],
            "lift": lift["value"],
            "lift_low": lift["low"],
            "lift_high": lift["high"],
            "p_value": lift["p_value"],
            "events": events.get("value"),
            "events_low": events.get("low"),
            "events_high": events.get("high"),
            "effect": effect["value"],
            "effect_low": effect["low"],
            "effect_high": effect["high"],
            "by_segment": [
                {
                    "segment": row["segment"],
                    "value": row["value"],
                    "n_treated": row["n_treated"],
                    "n_control": row["n_control"],
                    "lift": row["lift"]["value"],
                    "lift_low": row["lift"]["low"],
                    "lift_high": row["lift"]["high"],
                    "difference": row["difference"]["value"],
                    "difference_low": row["difference"]["low"],
                    "difference_high": row["difference"]["high"],
                    "p_value": row["difference"]["p_value"],
                }
                for row in estimates["by_segment"]
            ],
            "same_in_segments": dict(estimates["same_in_segments"]),
        }


def read_experiments(config: PipelineConfig, engine: Engine) -> tuple[ExperimentResult, ...]:
    """Return the estimates of each experiment under ``experiments:``, in their order.

    Parameters
    ----------
    config : PipelineConfig
    engine : Engine
        Reads the tables of the experiments that have one.

    Raises
    ------
    InputError
        If a table cannot be used; the message names file, column, row or key.

    Examples
    --------
    >>> test = {"behaviour": "tutorial", "treated": 900, "control": 1100,
    ...         "lift": 3.0, "low": 1.0, "high": 5.0, "events_per_entity": 0.5}
    >>> config = PipelineConfig.model_validate({"name": "shop", "experiments": [test]})
    >>> from engagement_ml.engine import open_duckdb
    >>> with open_duckdb() as engine:
    ...     result, = read_experiments(config, engine)
    >>> result.found.effect.value, result.found.n, result.days
    (6.0, 2000, 84)
    """
    return tuple(
        ExperimentResult(
            behaviour=test.behaviour,
            name=test.name or f"test {place + 1}",
            source=test.table,
            days=test.days or config.windows.outcome_days,
            found=from_summary(test) if test.table is None else _from_table(test, place, engine),
        )
        for place, test in enumerate(config.experiments)
    )


def from_summary(test: ExperimentConfig) -> Lift:
    """Return the lift of an experiment from its published summary.

    The difference of mean events is taken as known without error.
    """
    assert test.lift is not None
    assert test.treated is not None
    assert test.control is not None
    lift = _interval_of(test)
    events = test.events_per_entity
    return Lift(
        n_treated=test.treated,
        n_control=test.control,
        mean_control=None,
        lift=lift,
        events=None if events is None else Estimate(events, events, events, None),
        effect=lift.times(1.0 / (events or 1.0)),
    )


def _interval_of(test: ExperimentConfig) -> Estimate:
    value, low, high = test.lift or 0.0, test.low, test.high
    if low is None or high is None:
        half_width = Z * (test.standard_error or 0.0)
        low, high = value - half_width, value + half_width
    standard_error = (high - low) / (2 * Z)
    return Estimate(value, low, high, 2 * NormalDist().cdf(-abs(value) / standard_error))


def _from_table(test: ExperimentConfig, place: int, engine: Engine) -> Lift:
    key = f"experiments.{place}"
    layout = Layout(
        arm=str(test.arm_column),
        treated=test.treated_arm,
        control=test.control_arm,
        outcome=str(test.outcome_column),
        events=test.events_column,
        segments=test.segments,
        keys={
            "arm": f"{key}.arm_column",
            "treated": f"{key}.treated_arm",
            "control": f"{key}.control_arm",
            "outcome": f"{key}.outcome_column",
            "events": f"{key}.events_column",
            "segments": f"{key}.segments",
        },
    )
    arms = read_arms(engine.embedded(), test.table, layout)
    return measure(arms, events_per_entity=test.events_per_entity or 1.0)
