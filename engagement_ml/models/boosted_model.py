"""Base of the profit and churn models: a gradient-boosted model of a panel, with a text format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.column_names import CLUSTER
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.models.boosting import (
    Boosted,
    fit_boosted,
    parameters,
    shap_values,
    sum_of_trees,
)
from engagement_ml.models.design_matrix import Design
from engagement_ml.models.splits import time_ordered_splits
from engagement_ml.models.text_format import damaged, read_text, write_text

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel
    from engagement_ml.windows import Windows


class BoostedModel(ABC):
    """Gradient-boosted trees on the features of a panel.

    A subclass defines its target in `fit`, how the sum of the trees becomes a prediction, and
    which numbers beside the trees belong to its text (`_header`, `_restore`).

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them if None.

    Attributes
    ----------
    design_ : Design
        The features in the order of the matrix's columns.
    booster_ : lightgbm.Booster or None
        The trees; None if the model predicts without trees.
    intercept_ : float
        Constant of the prediction.
    rounds_ : int
        The number of boosting rounds.
    n_rows_ : int
        The number of training rows.
    """

    kind: ClassVar[str]
    """What error messages and the text format call the model."""

    objective: ClassVar[str]
    """LightGBM's objective."""

    always_has_trees: ClassVar[bool] = True
    """Whether a text without trees is damaged."""

    design_: Design
    booster_: Any
    intercept_: float
    rounds_: int
    n_rows_: int

    def __init__(self, *, columns: Sequence[str] | None = None) -> None:
        self.columns = columns

    @abstractmethod
    def fit(self, panel: Panel, seed: int = 0, *, windows: Windows | None = None) -> Self:
        """Fit to the rows whose part is ``train``."""

    @abstractmethod
    def predict(self, panel: Panel) -> FloatArray:
        """Return a prediction for each row, shape (n_rows,)."""

    @abstractmethod
    def predict_frame(self, frame: pd.DataFrame) -> FloatArray:
        """Return what `predict` returns, from a frame with the columns of ``features.parquet``."""

    @abstractmethod
    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Return SHAP values, summed by behaviour."""

    @property
    def boosters(self) -> dict[str, Any]:
        """The LightGBM boosters by name; empty if the model predicts without trees.

        The rest of a prediction is in the header of `to_text`.
        """
        return {} if self.booster_ is None else {self.kind: self.booster_}

    def to_text(self) -> str:
        """Return the whole model as text: one line of JSON, then LightGBM's text format.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        self._check_fitted()
        header = {
            "kind": self.kind,
            "design": self.design_.to_dict(),
            "intercept": self.intercept_,
            "rounds": self.rounds_,
            "n_rows": self.n_rows_,
            **self._header(),
        }
        return write_text(header, self.booster_)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote; predictions are equal to the last bit.

        Raises
        ------
        InputError
            If the text is not a model of this kind in this format, or is damaged.
        """
        header, booster = read_text(text, kind=cls.kind, needs_trees=cls.always_has_trees)
        try:
            design = Design.from_dict(header["design"])
            model = cls(columns=design.columns)
            model.design_, model.booster_ = design, booster
            model.intercept_ = header["intercept"]
            model.rounds_, model.n_rows_ = header["rounds"], header["n_rows"]
            model._restore(header)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(cls.kind, f"its header lacks a value ({error})") from error
        return model

    @abstractmethod
    def _header(self) -> dict[str, Any]:
        """Return the JSON keys of the text that this kind of model adds."""

    @abstractmethod
    def _restore(self, header: Mapping[str, Any]) -> None:
        """Set the attributes that `_header` wrote."""

    def _training_rows(self, panel: Panel) -> Panel:
        """Return the part ``train`` of the panel, which must have rows."""
        train = panel.part("train")
        if train.frame.empty:
            raise NotEnoughDataError(
                f"{self.kind} model: the panel has no rows to train on (no customer was there "
                "before a training cutoff); give a longer history or shorter windows"
            )
        return train

    def _fit_trees(
        self,
        frame: pd.DataFrame,
        target: FloatArray,
        seed: int,
        windows: Windows | None,
        *,
        classes: AnyArray | None = None,
    ) -> Boosted:
        """Fit the trees to `target`, and keep the booster and its number of rounds.

        If `classes` is given, splits whose rows to fit on hold only one class are left out.
        """
        X = self.design_.matrix(frame)
        splits = time_ordered_splits(
            frame[CLUSTER if CLUSTER in frame.columns else "customer_id"].to_numpy(),
            frame["cutoff"].to_numpy(),
            horizon_days=windows.outcome_days if windows is not None else 0,
            seed=seed,
        )
        if classes is not None:
            splits = tuple(s for s in splits if len(np.unique(classes[s.fit])) == 2)
        params = parameters(self.objective, n_rows=len(X), n_columns=X.shape[1], seed=seed)
        boosted = fit_boosted(X, target, self.design_, params, splits)
        self.booster_, self.rounds_ = boosted.booster, boosted.rounds
        return boosted

    def _trees(self, frame: pd.DataFrame) -> FloatArray:
        """Return the sum of the trees for each row, shape (n_rows,)."""
        return sum_of_trees(self.booster_, self.design_.matrix(frame))

    def _shap_values(self, frame: pd.DataFrame) -> tuple[list[str], FloatArray]:
        """Return SHAP values of the sum of the trees, by group of features."""
        return shap_values(self.booster_, self.design_, frame)

    def _check_fitted(self) -> None:
        if not hasattr(self, "design_"):
            from sklearn.exceptions import NotFittedError

            name = type(self).__name__
            raise NotFittedError(f"this {name} is not fitted yet; call fit(panel) first")
