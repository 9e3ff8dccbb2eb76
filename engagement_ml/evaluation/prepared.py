"""Outcomes and predictions of a cutoff group, sorted once for all bootstrap samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.cutoff_groups import CutoffGroup
from engagement_ml.evaluation.weighted_measures import Ranking

Key = TypeVar("Key")


@dataclass(frozen=True)
class RankedColumn:
    """Values of a cutoff group's rows, shape (n_rows,), and their order."""

    values: FloatArray
    ranking: Ranking

    @classmethod
    def of(cls, group: CutoffGroup, column: FloatArray) -> RankedColumn:
        """Take the group's rows (or their changes) of a column, and sort them."""
        values = group.values_of(column)
        return cls(values=values, ranking=Ranking.of(values))


@dataclass(frozen=True)
class PreparedGroup(Generic[Key]):
    """One cutoff group's outcome and predictions, sorted."""

    entities: IntArray
    outcome: RankedColumn
    predictions: dict[Key, RankedColumn]

    @classmethod
    def of(
        cls, group: CutoffGroup, outcome: FloatArray, predictions: Mapping[Key, FloatArray]
    ) -> PreparedGroup[Key]:
        """Take the group's rows (or their changes) of the outcome and of each prediction."""
        return cls(
            entities=group.entities,
            outcome=RankedColumn.of(group, outcome),
            predictions={key: RankedColumn.of(group, v) for key, v in predictions.items()},
        )


@dataclass(frozen=True)
class WeightedColumn:
    """A column under bootstrap weights.

    Attributes
    ----------
    column : RankedColumn
    weights : array of shape (n_rows, n)
        How often each row was drawn; one column per bootstrap sample.
    """

    column: RankedColumn
    weights: FloatArray

    @cached_property
    def midranks(self) -> FloatArray:
        """Ranks within each bootstrap sample, shape (n_rows, n); ties share their mean rank."""
        return self.column.ranking.midranks(self.weights)


@dataclass(frozen=True)
class WeightedPrediction:
    """A prediction and its outcome under bootstrap weights: the argument of a measure.

    What several measures need is computed once.

    Attributes
    ----------
    predicted, observed : WeightedColumn
        The prediction, and the outcome that it is compared with.
    """

    predicted: WeightedColumn
    observed: WeightedColumn

    @property
    def prediction(self) -> FloatArray:
        """The predicted values, shape (n_rows,)."""
        return self.predicted.column.values

    @property
    def outcome(self) -> FloatArray:
        """The observed values, shape (n_rows,)."""
        return self.observed.column.values

    @property
    def ranking(self) -> Ranking:
        """The order of the predicted values."""
        return self.predicted.column.ranking

    @property
    def weights(self) -> FloatArray:
        """How often each row was drawn, shape (n_rows, n), one column per bootstrap sample."""
        return self.predicted.weights

    @cached_property
    def spearman(self) -> FloatArray:
        """Spearman's rank correlation of prediction and outcome, shape (n,)."""
        return weighted_measures.spearman(
            self.predicted.midranks, self.observed.midranks, self.weights
        )
