"""The profit model: margin of the outcome window from what is known at the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engagement_ml.errors import NotEnoughDataError
from engagement_ml.models.boosting import (
    contributions_of,
    fit_boosted,
    parameters,
    predicted,
    read_text,
    write_text,
)
from engagement_ml.models.design import RFM_FEATURES, Design, FloatArray
from engagement_ml.models.splits import time_ordered_splits

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel
    from engagement_ml.windows import Windows

KIND = "profit"
SLOPE_RANGE = (2 / 3, 3 / 2)


class ProfitModel:
    r"""Gradient boosting for signed, heavy-tailed margin with many zeros.

    Trees minimise :math:`\sum_i (w(y_i) - f(x_i))^2`, with y the margin of the outcome window and
    w its winsorising at the 0.1th and 99.9th percentile of the training rows, so that a few huge
    baskets do not steer the trees. The prediction is :math:`a + b\,f(x)`, in currency on the raw
    scale: b is the ratio of mean raw margin to mean fitted margin, held between 2/3 and 3/2 (1
    where the fitted mean is not positive), as what winsorising took away belongs to those who are
    expected to be large; a makes the mean prediction of the training rows equal their mean margin.
    As the prediction is linear in the trees' sum, SHAP values stay in currency and add up.

    The number of trees is chosen on the last training cutoff: three times a third of the entities
    is judged by trees fitted to the other entities' rows whose outcomes were over by then; at the
    number with the least mean loss, all training rows are fitted again.

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them where None.
    winsorise : float, default 0.001
        The share of rows at each end that is drawn in before fitting; 0 for none.

    Attributes
    ----------
    design_ : Design
        The features in the matrix's order.
    booster_ : lightgbm.Booster
        Without the linear step after it.
    intercept_, slope_ : float
        a, in currency, and b.
    rounds_ : int
        The number of trees chosen.
    n_rows_ : int
        Training rows fitted.

    Examples
    --------
    >>> from engagement_ml.models import ProfitModel
    >>> model = ProfitModel().fit(panel, seed=0)              # doctest: +SKIP
    >>> ProfitModel.from_text(model.to_text()).predict(panel) # doctest: +SKIP
    array([...])
    """

    def __init__(self, *, columns: tuple[str, ...] | None = None, winsorise: float = 0.001) -> None:
        self.columns = columns
        self.winsorise = winsorise

    def fit(self, panel: Panel, seed: int = 0, *, windows: Windows | None = None) -> Self:
        """Fit to the rows whose part is ``train``; rows of other parts are not looked at.

        Parameters
        ----------
        panel : Panel
            Features may be null; the margin is 0 where there was no transaction.
        seed : int
        windows : Windows or None
            Tells how long an outcome window is, so that rows whose outcomes were not over by the
            last training cutoff take no part in choosing the number of trees. Without it, the
            entities differ but the outcome windows may overlap.

        Returns
        -------
        ProfitModel
            Itself.

        Raises
        ------
        NotEnoughDataError
            Where no row is there to train on.
        """
        train = panel.part("train")
        if train.frame.empty:
            raise NotEnoughDataError(
                "profit model: the panel has no rows to train on (no entity was there before a "
                "training cutoff); give a longer history or shorter windows"
            )
        self.design_ = Design.of(train, columns=self.columns)
        X = self.design_.matrix(train.frame)
        margin = train.frame["margin"].to_numpy(dtype=np.float64)
        splits = time_ordered_splits(
            train.frame["customer_id"].to_numpy(),
            train.frame["cutoff"].to_numpy(),
            horizon_days=windows.outcome_days if windows is not None else 0,
            seed=seed,
        )
        params = parameters("l2", n_rows=len(X), n_columns=X.shape[1], seed=seed)
        target = winsorised(margin, share=self.winsorise)
        fitted = fit_boosted(X, target, self.design_, params, splits)
        self.booster_, self.rounds_ = fitted.booster, fitted.rounds
        self.slope_, self.intercept_ = mean_calibration(predicted(self.booster_, X), margin)
        self.n_rows_ = len(X)
        return self

    def predict(self, panel: Panel) -> FloatArray:
        """Return the expected margin of each row's outcome window, in currency, shape (n_rows,).

        Raises
        ------
        InputError
            Where `panel` lacks a column the model was fitted with.
        """
        trees = predicted(self.booster_, self.design_.matrix(panel.frame))
        return self.intercept_ + self.slope_ * trees

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Return SHAP values in currency, summed by behaviour; a row's sum is its prediction.

        The values are those of TreeSHAP with path-dependent expectations (Lundberg et al. 2020,
        Nature Machine Intelligence 2), as LightGBM's ``pred_contrib`` computes them.

        Returns
        -------
        DataFrame
            One row for each of the panel's, with its index; one column a behaviour, then
            ``history``, ``covariates``, and ``base``, the same in every row. A behaviour that is
            called like one of these three keeps its name, and the other has ``_`` added.
        """
        return contributions_of(
            self.booster_,
            self.design_,
            panel.frame,
            slope=self.slope_,
            intercept=self.intercept_,
        )

    @property
    def boosters(self) -> dict[str, Any]:
        """The LightGBM boosters by name; predictions need the linear step in the header as well."""
        return {KIND: self.booster_}

    def to_text(self) -> str:
        """Return the whole model as text: one line of JSON, then LightGBM's own format."""
        header = {
            "kind": KIND,
            "design": self.design_.to_dict(),
            "intercept": self.intercept_,
            "slope": self.slope_,
            "rounds": self.rounds_,
            "n_rows": self.n_rows_,
            "winsorise": self.winsorise,
        }
        return write_text(header, self.booster_)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote; the predictions are equal to the last bit.

        Raises
        ------
        InputError
            Where `text` is not a profit model of this format.
        """
        header, booster = read_text(text, kind=KIND, booster=True)
        design = Design.from_dict(header["design"])
        model = cls(columns=design.columns, winsorise=header["winsorise"])
        model.design_, model.booster_ = design, booster
        model.intercept_, model.slope_ = header["intercept"], header["slope"]
        model.rounds_, model.n_rows_ = header["rounds"], header["n_rows"]
        return model


class RecencyFrequencyMonetary(ProfitModel):
    """The baseline: the profit model on recency, frequency and monetary value alone."""

    def __init__(
        self, *, columns: tuple[str, ...] | None = RFM_FEATURES, winsorise: float = 0.001
    ) -> None:
        super().__init__(columns=columns, winsorise=winsorise)


def winsorised(values: FloatArray, *, share: float) -> FloatArray:
    """Draw the lowest and highest `share` of values in to the quantiles there; 0 stays 0.

    Examples
    --------
    >>> winsorised(np.array([-900.0, 0.0, 0.0, 10.0, 20.0]), share=0.25).tolist()
    [0.0, 0.0, 0.0, 10.0, 10.0]
    """
    low, high = np.quantile(values, [share, 1 - share])
    return np.clip(values, min(low, 0.0), max(high, 0.0))


def mean_calibration(raw: FloatArray, margin: FloatArray) -> tuple[float, float]:
    """Return (slope, intercept) that make the mean of ``intercept + slope * raw`` that of margin.

    Examples
    --------
    >>> mean_calibration(np.array([8.0, 12.0]), np.array([9.0, 13.0]))
    (1.1, 0.0)
    """
    of_raw, of_margin = float(raw.mean()), float(margin.mean())
    slope = float(np.clip(of_margin / of_raw, *SLOPE_RANGE)) if of_raw > 0 else 1.0
    return slope, of_margin - slope * of_raw
