"""The churn model: the calibrated probability that an entity at risk churns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit, logit

from engagement_ml._typing import FloatArray
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.models.boosting import (
    check_fitted,
    contributions_of,
    fit_boosted,
    parameters,
    predicted,
    read_text,
    write_text,
)
from engagement_ml.models.design_matrix import RFM_FEATURES, Design
from engagement_ml.models.splits import time_ordered_splits

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel
    from engagement_ml.windows import Windows

KIND = "churn"
FEWEST = 20


class ChurnModel:
    r"""Gradient boosting for churn, its probabilities calibrated on entities it did not see.

    Trees minimise the log loss; the probability is :math:`\sigma(a + b f(x))`, with f the trees'
    sum in log-odds and a, b fitted by logistic regression (Platt 1999) to predictions for the last
    training cutoff that come from trees that saw neither the entity nor any outcome after that
    cutoff. Platt's two numbers keep the order and make no ties, where isotonic steps would.

    Rows whose ``churned`` is NaN were not at risk and are left out. With fewer than 20 entities'
    rows of either class, the model predicts the rate that it saw, and `reason_` says so.

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them where None.

    Attributes
    ----------
    design_ : Design
    booster_ : lightgbm.Booster or None
        None where the base rate is predicted.
    base_rate_ : float
        The share of training rows at risk that churned; NaN where none was at risk.
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

    def __init__(self, *, columns: Sequence[str] | None = None) -> None:
        self.columns = columns

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
            Where no row is there to train on. No row at risk is no error; see `reason_`.
        """
        train = panel.part("train")
        if train.frame.empty:
            raise NotEnoughDataError(
                "churn model: the panel has no rows to train on (no entity was there before a "
                "training cutoff); give a longer history or shorter windows"
            )
        self.design_ = Design.of(train, columns=self.columns)
        self.booster_, self.intercept_, self.slope_, self.rounds_ = None, 0.0, 1.0, 0
        frame = train.frame[train.frame["churned"].notna().to_numpy()]
        churned = frame["churned"].to_numpy(dtype=np.float64)
        self.n_rows_ = len(frame)
        self.base_rate_ = float(churned.mean()) if len(frame) else float("nan")
        self.reason_ = _too_few(churned)
        if self.reason_ is not None:
            return self
        X = self.design_.matrix(frame)
        splits = [
            split
            for split in time_ordered_splits(
                frame["customer_id"].to_numpy(),
                frame["cutoff"].to_numpy(),
                horizon_days=windows.outcome_days if windows is not None else 0,
                seed=seed,
            )
            if len(np.unique(churned[split.fit])) == 2
        ]
        params = parameters("binary", n_rows=len(X), n_columns=X.shape[1], seed=seed)
        fitted = fit_boosted(X, churned, self.design_, params, splits)
        self.booster_, self.rounds_ = fitted.booster, fitted.rounds
        seen = ~np.isnan(fitted.out_of_fold)
        self.intercept_, self.slope_ = platt(fitted.out_of_fold[seen], churned[seen])
        return self

    def predict(self, panel: Panel) -> FloatArray:
        """Return each row's probability of churn, shape (n_rows,), whether or not it is at risk.

        Raises
        ------
        InputError
            Where `panel` lacks a column the model was fitted with.
        """
        check_fitted(self)
        X = self.design_.matrix(panel.frame)
        if self.booster_ is None:
            return np.full(len(X), self.base_rate_)
        probability: FloatArray = expit(self.intercept_ + self.slope_ * predicted(self.booster_, X))
        return probability

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Return SHAP values in log-odds, summed by behaviour; a row's sum is its log-odds.

        Returns
        -------
        DataFrame
            As `ProfitModel.contributions`, in log-odds of the calibrated probability.
        """
        import pandas as pd

        check_fitted(self)
        names, values = contributions_of(self.booster_, self.design_, panel.frame)
        values *= self.slope_
        constant = logit(self.base_rate_) if self.booster_ is None else self.intercept_
        values[:, -1] += constant
        return pd.DataFrame(values, columns=names, index=panel.frame.index)

    @property
    def boosters(self) -> dict[str, Any]:
        """The LightGBM boosters by name; none where the base rate is predicted."""
        return {} if self.booster_ is None else {KIND: self.booster_}

    def to_text(self) -> str:
        """Return the whole model as text: one line of JSON, then LightGBM's own format."""
        check_fitted(self)
        header = {
            "kind": KIND,
            "design": self.design_.to_dict(),
            "base_rate": None if np.isnan(self.base_rate_) else self.base_rate_,
            "intercept": self.intercept_,
            "slope": self.slope_,
            "reason": self.reason_,
            "rounds": self.rounds_,
            "n_rows": self.n_rows_,
        }
        return write_text(header, self.booster_)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote; the predictions are equal to the last bit.

        Raises
        ------
        InputError
            Where `text` is not a churn model of this format.
        """
        header, booster = read_text(text, kind=KIND, booster=False)
        design = Design.from_dict(header["design"])
        model = cls(columns=design.columns)
        model.design_, model.booster_ = design, booster
        rate = header["base_rate"]
        model.base_rate_ = float("nan") if rate is None else rate
        model.intercept_, model.slope_ = header["intercept"], header["slope"]
        model.reason_ = header["reason"]
        model.rounds_, model.n_rows_ = header["rounds"], header["n_rows"]
        return model


class RecencyFrequencyMonetaryChurn(ChurnModel):
    """The baseline: the churn model on recency, frequency and monetary value alone."""

    def __init__(self, *, columns: Sequence[str] | None = RFM_FEATURES) -> None:
        super().__init__(columns=columns)


def platt(log_odds: FloatArray, churned: FloatArray) -> tuple[float, float]:
    """Return (a, b) of ``P(churned) = 1 / (1 + exp(-(a + b * log_odds)))`` by maximum likelihood.

    Where the held-out rows cannot tell (fewer than 20 of a class, or b comes out negative), the
    log-odds are kept as they are: (0, 1).

    Examples
    --------
    >>> z = np.repeat([-1.0, 1.0], 100)
    >>> y = np.r_[np.ones(20), np.zeros(80), np.ones(80), np.zeros(20)]
    >>> [round(value, 3) for value in platt(z, y)]
    [0.0, 1.386]
    """
    from sklearn.linear_model import LogisticRegression

    if _too_few(churned) is not None or np.ptp(log_odds) == 0:
        return 0.0, 1.0
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds[:, None], churned)
    slope = float(fitted.coef_[0, 0])
    return (float(fitted.intercept_[0]), slope) if slope > 0 else (0.0, 1.0)


def _too_few(churned: FloatArray) -> str | None:
    n_rows, n_churned = len(churned), int(churned.sum())
    if n_rows == 0:
        return "no row of the training cutoffs is at risk of churn, so no rate can be told"
    if min(n_churned, n_rows - n_churned) >= FEWEST:
        return None
    return (
        f"{n_churned} of {n_rows} training rows at risk churned; a churn model needs at least "
        f"{FEWEST} that did and {FEWEST} that did not, so the rate itself is predicted"
    )
