"""The churn model: the calibrated probability that an entity at risk churns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit, logit

from engagement_ml._typing import FloatArray
from engagement_ml.models.boosted_model import BoostedModel
from engagement_ml.models.design_matrix import RFM_FEATURES, Design

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel
    from engagement_ml.windows import Windows

MIN_PER_CLASS = 20


class ChurnModel(BoostedModel):
    r"""Gradient boosting for churn, with probabilities calibrated out of sample.

    Trees minimise the log loss. The probability is :math:`\sigma(a + b f(x))`, with f the sum of
    the trees in log-odds. The constants a and b are fitted by logistic regression (Platt scaling,
    1999) to out-of-fold predictions for the last training cutoff, from trees that saw neither the
    entity nor any outcome after that cutoff. Platt scaling keeps the order of predictions and
    makes no ties; isotonic regression would make ties.

    Rows whose ``churned`` is NaN were not at risk and are left out. With fewer than 20 rows of
    either class, the model predicts the base rate, and `reason_` says so.

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them if None.

    Attributes
    ----------
    design_ : Design
    booster_ : lightgbm.Booster or None
        None if the base rate is predicted.
    base_rate_ : float
        The share of training rows at risk that churned; NaN if none was at risk.
    intercept_, slope_ : float
        a and b, in log-odds.
    reason_ : str or None
        Why the base rate is predicted, in a sentence.

    Examples
    --------
    >>> import pandas as pd
    >>> from engagement_ml.features.panel import Panel
    >>> lessons = np.tile(np.arange(10.0), 20)
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": np.arange(200),
    ...         "cutoff": pd.Timestamp("2024-03-25"),
    ...         "part": "train",
    ...         "lesson__frequency": lessons,
    ...         "churned": (lessons < 3).astype(float),
    ...     }
    ... )
    >>> panel = Panel(frame, ("lesson",), {"lesson": ("lesson__frequency",)}, ())
    >>> model = ChurnModel().fit(panel, seed=0)
    >>> probability = model.predict(panel)
    >>> bool(probability[0] > 0.9 > 0.1 > probability[9])
    True
    """

    kind = "churn"
    objective = "binary"
    always_has_trees = False

    base_rate_: float
    slope_: float
    reason_: str | None

    def fit(self, panel: Panel, seed: int = 0, *, windows: Windows | None = None) -> Self:
        """Fit to the rows whose part is ``train`` and that were at risk.

        Parameters
        ----------
        panel : Panel
        seed : int
        windows : Windows or None
            As for `ProfitModel.fit`.

        Raises
        ------
        NotEnoughDataError
            If the panel has no row to train on. No row at risk is not an error; see `reason_`.
        """
        train = self._training_rows(panel)
        self.design_ = Design.of(train, columns=self.columns)
        self.booster_, self.intercept_, self.slope_, self.rounds_ = None, 0.0, 1.0, 0
        at_risk = train.frame[train.frame["churned"].notna().to_numpy()]
        churned = at_risk["churned"].to_numpy(dtype=np.float64)
        self.n_rows_ = len(at_risk)
        self.base_rate_ = float(churned.mean()) if len(at_risk) else float("nan")
        self.reason_ = _why_base_rate(churned)
        if self.reason_ is not None:
            return self
        boosted = self._fit_trees(at_risk, churned, seed, windows, classes=churned)
        validated = ~np.isnan(boosted.out_of_fold)
        self.intercept_, self.slope_ = platt(boosted.out_of_fold[validated], churned[validated])
        return self

    def predict(self, panel: Panel) -> FloatArray:
        """Return each row's probability of churn, shape (n_rows,), whether or not it is at risk.

        Raises
        ------
        InputError
            If `panel` lacks a column that the model was fitted with.
        """
        return self.predict_frame(panel.frame)

    def predict_frame(self, frame: pd.DataFrame) -> FloatArray:
        """Return what `predict` returns, from a frame with the columns of ``features.parquet``."""
        self._check_fitted()
        if self.booster_ is None:
            return np.full(len(self.design_.matrix(frame)), self.base_rate_)
        log_odds = self._trees(frame)
        probability: FloatArray = expit(self.intercept_ + self.slope_ * log_odds)
        return probability

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Return SHAP values in log-odds, summed by behaviour; a row's sum is its log-odds.

        Returns
        -------
        DataFrame
            As `ProfitModel.contributions`, in log-odds of the calibrated probability.
        """
        import pandas as pd

        self._check_fitted()
        names, values = self._shap_values(panel.frame)
        values *= self.slope_
        constant = logit(self.base_rate_) if self.booster_ is None else self.intercept_
        values[:, -1] += constant
        return pd.DataFrame(values, columns=names, index=panel.frame.index)

    def _header(self) -> dict[str, Any]:
        return {
            "base_rate": None if np.isnan(self.base_rate_) else self.base_rate_,
            "slope": self.slope_,
            "reason": self.reason_,
        }

    def _restore(self, header: Mapping[str, Any]) -> None:
        rate = header["base_rate"]
        self.base_rate_ = float("nan") if rate is None else rate
        self.slope_ = header["slope"]
        self.reason_ = header["reason"]


class RecencyFrequencyMonetaryChurn(ChurnModel):
    """Baseline: the churn model on recency, frequency and monetary value (RFM) alone."""

    def __init__(self, *, columns: Sequence[str] | None = RFM_FEATURES) -> None:
        super().__init__(columns=columns)


def platt(log_odds: FloatArray, churned: FloatArray) -> tuple[float, float]:
    """Return (a, b) of ``P(churned) = 1 / (1 + exp(-(a + b * log_odds)))`` by maximum likelihood.

    If the held-out rows do not identify them (fewer than 20 rows of a class, or b is not
    positive), the log-odds are kept as they are: (0, 1).

    Examples
    --------
    >>> z = np.repeat([-1.0, 1.0], 100)
    >>> y = np.r_[np.ones(20), np.zeros(80), np.ones(80), np.zeros(20)]
    >>> [round(value, 3) for value in platt(z, y)]
    [0.0, 1.386]
    """
    from sklearn.linear_model import LogisticRegression

    if _why_base_rate(churned) is not None or np.ptp(log_odds) == 0:
        return 0.0, 1.0
    # Unpenalised; the tolerance leaves no digit that is printed to the optimiser.
    regression = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    regression.fit(log_odds[:, None], churned)
    slope = float(regression.coef_[0, 0])
    return (float(regression.intercept_[0]), slope) if slope > 0 else (0.0, 1.0)


def _why_base_rate(churned: FloatArray) -> str | None:
    """Return why there are too few rows of a class for a churn model; None if there are enough."""
    n_rows, n_churned = len(churned), int(churned.sum())
    if n_rows == 0:
        return "no row of the training cutoffs is at risk of churn, so no rate can be estimated"
    if min(n_churned, n_rows - n_churned) >= MIN_PER_CLASS:
        return None
    return (
        f"{n_churned} of {n_rows} training rows at risk churned; a churn model needs at least "
        f"{MIN_PER_CLASS} that did and {MIN_PER_CLASS} that did not, so the rate itself is "
        "predicted"
    )
