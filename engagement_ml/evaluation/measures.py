"""The measures of the evaluation, as a registry: ``MEASURES``.

To add a measure, write a `Measure` and list it in `MEASURES`. It then appears, with its bootstrap
interval, for each prediction of its part of ``evaluation.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from engagement_ml._typing import FloatArray
from engagement_ml.errors import InputError, nearest
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.names import FULL
from engagement_ml.evaluation.prepared import WeightedPrediction

Part = Literal["profit", "churn", "across", "within"]
PARTS: tuple[str, ...] = get_args(Part)
RESERVED = ("baselines", "calibration", "difference", "reason")
"""Keys of ``evaluation.json`` that stand beside the measures."""


@dataclass(frozen=True)
class Measure:
    """A number that the evaluation reports for each prediction, with its bootstrap interval.

    Attributes
    ----------
    name : str
        Its key in ``evaluation.json``; unique within its part.
    part : {"profit", "churn", "across", "within"}
        What it measures: predictions of margin by the profit model and its baselines; predicted
        probabilities of churn; scores and future margin, between customers; changes of scores and
        of margin, within customers.
    compute : callable
        From a `WeightedPrediction` of n bootstrap samples to an array of shape (n,); NaN if the
        measure is not defined in a sample. It is called for each cutoff group, and the results are
        averaged over the groups.
    undefined_because : str
        Completes the note "… is not measured, as …".
    relative_to : str or None
        If given, the measure is reported as a share of this prediction's value, after averaging;
        it is not defined if that value is not positive.
    outcome_only : bool
        Whether it depends on the outcome alone; it is then reported once, for the model.
    description : str
        One sentence for the reference documentation.

    Examples
    --------
    Your own measure is given to ``evaluate(..., measures=(*MEASURES, bias))``:

    >>> from engagement_ml.evaluation.weighted_measures import mean_of
    >>> def mean_error(sample):
    ...     return mean_of(sample.prediction - sample.outcome, sample.weights)
    >>> bias = Measure("bias", "profit", mean_error, "there are no rows")
    >>> check_measures((*MEASURES, bias))[-1].name
    'bias'
    """

    name: str
    part: Part
    compute: Callable[[WeightedPrediction], FloatArray]
    undefined_because: str
    relative_to: str | None = None
    outcome_only: bool = False
    description: str = ""


def _spearman(sample: WeightedPrediction) -> FloatArray:
    return sample.spearman


def _r_squared(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.r_squared(sample.outcome, sample.prediction, sample.weights)


def _gini(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.gini(
        sample.outcome, sample.predicted.midranks, sample.observed.midranks, sample.weights
    )


def _top_decile_lift(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.top_decile_lift(sample.outcome, sample.ranking, sample.weights)


def _churn_rate(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.mean_of(sample.outcome, sample.weights)


def _roc_auc(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.roc_auc(sample.outcome, sample.ranking, sample.weights)


def _pr_auc(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.average_precision(sample.outcome, sample.ranking, sample.weights)


def _brier(sample: WeightedPrediction) -> FloatArray:
    return weighted_measures.mean_of((sample.prediction - sample.outcome) ** 2, sample.weights)


_ALL_EQUAL = "its values, or all margins, are equal"
_ONE_CLASS = "at every test cutoff all of those at risk churned, or none did"
_RANKS = "Spearman's rank correlation of the prediction with margin."

SPEARMAN_ACROSS = Measure("spearman", "across", _spearman, _ALL_EQUAL, description=_RANKS)

MEASURES: tuple[Measure, ...] = (
    Measure(
        "r2",
        "profit",
        _r_squared,
        "all margins are equal",
        description="R²: 1 minus the squared error, divided by that of the mean.",
    ),
    Measure("spearman", "profit", _spearman, _ALL_EQUAL, description=_RANKS),
    Measure(
        "gini",
        "profit",
        _gini,
        _ALL_EQUAL,
        description="Normalised Gini: 1 if customers are ordered as by margin, 0 if at random.",
    ),
    Measure(
        "rate",
        "churn",
        _churn_rate,
        "no row is at risk",
        outcome_only=True,
        description="The share of customers at risk that churned.",
    ),
    Measure("roc_auc", "churn", _roc_auc, _ONE_CLASS, description="The area under the ROC curve."),
    Measure(
        "pr_auc",
        "churn",
        _pr_auc,
        _ONE_CLASS,
        description="The area under the precision-recall curve (average precision).",
    ),
    Measure(
        "brier",
        "churn",
        _brier,
        "no row is at risk",
        description="Brier score: the mean squared error of the probability.",
    ),
    SPEARMAN_ACROSS,
    Measure(
        "top_decile_lift",
        "across",
        _top_decile_lift,
        "mean margin is not positive",
        description="Mean margin of the tenth with the highest scores, divided by mean margin.",
    ),
    Measure(
        "signal_kept",
        "across",
        _spearman,
        "its Spearman is not defined, or the full model's is not positive",
        relative_to=FULL,
        description="Its Spearman, divided by that of the full profit model.",
    ),
    Measure(
        "spearman",
        "within",
        _spearman,
        "its changes, or the changes of margin, are equal for all customers",
        description="Spearman's rank correlation of a customer's change of score with the change "
        "of margin after it.",
    ),
)
"""All measures of ``evaluation.json``, in the order of its keys within each part."""


def check_measures(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """Return the measures as a tuple.

    Raises
    ------
    InputError
        If a measure names no part, takes a reserved key, or is listed twice for its part.
    """
    listed: set[tuple[str, str]] = set()
    for measure in measures:
        if measure.part not in PARTS:
            raise InputError(
                f"measure '{measure.name}': part {measure.part!r} is not known"
                f"{nearest(str(measure.part), PARTS)}; known are {', '.join(PARTS)}"
            )
        if measure.name in RESERVED:
            raise InputError(f"measure '{measure.name}': the name is reserved; choose another")
        if (measure.part, measure.name) in listed:
            raise InputError(
                f"measure '{measure.name}' is listed twice for part '{measure.part}'; "
                "give it another name"
            )
        listed.add((measure.part, measure.name))
    return tuple(measures)
