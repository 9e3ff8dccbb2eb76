"""What the search for drivers returns: typed rows for the metric, the report and tracking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engagement_ml.drivers.experiment_rows import Experiments
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.drivers.segment_evidence import HeterogeneityRow, SegmentRow


@dataclass(frozen=True)
class Choice:
    """A selected behaviour with its weight and response function.

    Attributes
    ----------
    weight : float
        Share of the margin effect in percent.
    weight_low, weight_high : float or None
        95% interval; None if the selection is unstable and all weights are equal.
    kind : {"linear", "log1p"}
    scale, shape : float or None
        Parameters of the transform.
    cap : float
        Events in the observation window at which the behaviour has earned all its points.
    """

    behaviour: str
    weight: float
    weight_low: float | None
    weight_high: float | None
    kind: str
    scale: float | None
    shape: float | None
    cap: float


@dataclass(frozen=True)
class DriverRow:
    """One candidate behaviour: verdict and evidence; a row of ``drivers.csv``.

    Attributes
    ----------
    effect, effect_low, effect_high : float or None
        Change of one customer's margin over the outcome window for one more event, in currency,
        net of `cost_per_event`, with its 95% interval. None if it cannot be estimated.
    effect_gross : float or None
        The effect before `cost_per_event`.
    effect_per_sd : float or None
        The effect of one standard deviation of the window count, in currency.
    mean_abs_shap : float or None
        In currency; `shap_rank` orders by it. None for outcomes other than margin.
    selection_frequency : float
        Share of bootstrap samples of customers in which the behaviour passes as a driver, which
        `min_bootstrap_share` of the thresholds applies to; of an indicator, share of fits on random
        halves of the customers that select it.
    saturation_point : float or None
        Events per observation window beyond which one more event no longer pays.
    z : float or None
        z statistic of the within-customer estimate.
    robustness_value : float or None
        Cinelli and Hazlett (2020), from 0 to 1; None after a randomised test.
    naive_effect, naive_rank : float, int
        Between-customer slope per event, and rank by SHAP of a model on counts alone.
    spearman : float
        Between-customer rank correlation of the count with later margin.
    log_rate_after_purchases : float
        Change of the log event rate per standard deviation of past purchases.
    basis : {"observation", "experiment"}
    optimum, optimum_low, optimum_high, break_even : float or None
        Of a response that turns, in events per observation window: where margin is largest, with
        its 95% interval, and where the gain of the first events is used up.
    observed_verdict, observed_effect, observed_effect_low, observed_effect_high
        What observation said, if a randomised test overrides it.
    hazard_ratio, hazard_ratio_low, hazard_ratio_high : float or None
        Hazard of churn for one more event in the observation window, relative to that without it,
        with its 95% interval. None if churn is no event. In rows on first purchases, the hazard of
        these, on average over the four weeks after an event.
    lifetime_effect, lifetime_effect_low, lifetime_effect_high : float or None
        Margin of one more event over the expected remaining lifetime within the horizon, in
        currency, undiscounted and net of `cost_per_event`, with its 95% interval. None if churn is
        no event.
    converged : bool
        Whether all fits behind the verdict converged; if not, it is `unverifiable`.
    outcome : str
        The outcome that the verdict is about: ``"margin"``, or another of the configuration.
    unit : str
        Unit of the effects, such as the currency.
    rule : str
        Code of the rule that led to the verdict; see ``drivers.finding.Rule``.
    """

    behaviour: str
    verdict: str
    selected: bool
    shap_rank: int | None
    mean_abs_shap: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    selection_frequency: float
    saturation_point: float | None
    reason: str
    label: str = ""
    role: str = "behaviour"
    stage: str | None = None
    effect_gross: float | None = None
    cost_per_event: float = 0.0
    effect_per_sd: float | None = None
    z: float | None = None
    robustness_value: float | None = None
    naive_effect: float | None = None
    naive_rank: int | None = None
    spearman: float | None = None
    log_rate_after_purchases: float | None = None
    basis: str = "observation"
    observed_verdict: str | None = None
    observed_effect: float | None = None
    observed_effect_low: float | None = None
    observed_effect_high: float | None = None
    optimum: float | None = None
    optimum_low: float | None = None
    optimum_high: float | None = None
    break_even: float | None = None
    hazard_ratio: float | None = None
    hazard_ratio_low: float | None = None
    hazard_ratio_high: float | None = None
    lifetime_effect: float | None = None
    lifetime_effect_low: float | None = None
    lifetime_effect_high: float | None = None
    converged: bool = True
    outcome: str = "margin"
    unit: str = ""
    rule: str = ""


@dataclass(frozen=True)
class NaiveRow:
    """A behaviour's rank by mean absolute SHAP of a model of margin on counts; a baseline."""

    behaviour: str
    mean_abs_shap: float
    rank: int


@dataclass(frozen=True)
class CheckRow:
    """A robustness check and its result; `passed` is None if it informs only."""

    name: str
    question: str
    result: str
    passed: bool | None


@dataclass(frozen=True)
class PairRow:
    """The interaction of two behaviours in currency.

    Attributes
    ----------
    first, second : str
    effect, low, high : float
        What one standard deviation more of both brings beyond what either brings alone.
    p_value : float
        Adjusted for the number of all pairs of candidates (Holm).
    verdict : str
        ``"more together"``, ``"less together"``, ``"no difference found"``, or ``"unverifiable"``:
        significant, and a check objects.
    reason : str
        Which check objects.
    """

    first: str
    second: str
    effect: float
    low: float
    high: float
    p_value: float
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class UnprofitableRow:
    """How often unprofitable engaged customers do something, compared with profitable ones."""

    behaviour: str
    label: str
    ratio: float | None
    mean_unprofitable: float
    mean_profitable: float


@dataclass(frozen=True)
class Unprofitable:
    """Customers in the top score quartile who lose money; `margin_lost` is in currency."""

    n_engaged: int
    n_unprofitable: int
    share: float
    margin_lost: float
    behaviours: tuple[UnprofitableRow, ...]


@dataclass(frozen=True)
class EventStudy:
    """Change of margin per event in the periods before and after it.

    Attributes
    ----------
    periods : tuple of int
        Periods since the event, ascending; negative ones are before it (leads).
    effect, low, high : tuple of float
        Currency per event and period, with 95% intervals.
    """

    periods: tuple[int, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class DriverEvidence:
    """All that was found about the behaviours.

    Attributes
    ----------
    evidence : {"driver", "indicator"}
    choices : tuple of Choice
        Empty if nothing was selected; weights add up to 100.
    reason : str or None
        Why nothing was selected.
    drivers : tuple of DriverRow
        One per behaviour, the selected first, then by SHAP rank.
    naive : tuple of NaiveRow
        The ranking that mean absolute SHAP of a model of margin on counts gives.
    responses : mapping of behaviour to ResponseCurve
    event_study : mapping of behaviour to EventStudy
        Of each behaviour with evidence of an effect.
    segments, heterogeneity : tuple
        Effects by segment, and the test of their equality per segment column and behaviour.
    pairs : tuple of PairRow
        All pairs that were tested.
    """

    evidence: str
    choices: tuple[Choice, ...]
    reason: str | None
    drivers: tuple[DriverRow, ...]
    naive: tuple[NaiveRow, ...] = ()
    responses: Mapping[str, ResponseCurve] = field(default_factory=dict)
    checks: tuple[CheckRow, ...] = ()
    segments: tuple[SegmentRow, ...] = ()
    pairs: tuple[PairRow, ...] = ()
    unprofitable: Unprofitable | None = None
    experiments: Experiments = field(default_factory=Experiments)
    notes: tuple[str, ...] = ()
    event_study: Mapping[str, EventStudy] = field(default_factory=dict)
    heterogeneity: tuple[HeterogeneityRow, ...] = ()


def row_dict(row: Any) -> dict[str, Any]:
    """Return a row as a flat dictionary, without the fields of an experiment if there was none."""
    values = asdict(row)
    if isinstance(row, DriverRow) and row.basis == "observation":
        return {k: v for k, v in values.items() if not k.startswith("observed_")}
    return values
