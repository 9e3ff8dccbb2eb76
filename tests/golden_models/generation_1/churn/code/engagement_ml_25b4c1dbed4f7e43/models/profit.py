"""The profit model: margin of the outcome window, predicted from what is known at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engagement_ml_25b4c1dbed4f7e43._typing import FloatArray
from engagement_ml_25b4c1dbed4f7e43.models.boosted_model import BoostedModel
from engagement_ml_25b4c1dbed4f7e43.models.design_matrix import RFM_FEATURES, Design
from engagement_ml_25b4c1dbed4f7e43.models.tail_extrapolation import Tail, past_margin_of

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml_25b4c1dbed4f7e43.features.panel import Panel
    from engagement_ml_25b4c1dbed4f7e43.windows import Windows

WINSORISE = 0.005


class ProfitModel(BoostedModel):
    r"""Gradient boosting for signed, heavy-tailed margin with many zeros.

    The prediction is :math:`a + f(x) + t(p)`, in currency on the raw scale:

    - f are trees that minimise :math:`\sum_i (w(y_i) - f(x_i))^2`. Here y is the margin of the
      outcome window, and w winsorises it at the 0.5th and 99.5th percentile of the training rows,
      so that a few very large baskets do not determine the trees;
    - t is a linear extrapolation in past margin p beyond its 2nd and 98th percentile (see `Tail`),
      fitted to the out-of-fold residuals of the trees: large entities stay large, and trees cannot
      extrapolate;
    - a makes the mean prediction of the training rows equal to their mean raw margin.

    The number of trees is chosen by cross-validation on the last training cutoff: each third of
    the entities is predicted by trees fitted to the other entities' rows whose outcome windows had
    ended by then. The model is then refitted to all training rows with the number of trees that
    has the lowest mean loss.

    The loss is the squared error rather than a two-part Tweedie or a Huber loss, because it keeps
    SHAP values in currency, and ranks and fits out of time as well as these do once the target is
    winsorised.

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them if None.
    winsorise : float, default 0.005
        The share of rows winsorised at each end before trees are fitted; 0 for none.

    Attributes
    ----------
    design_ : Design
        The features in the order of the matrix's columns.
    booster_ : lightgbm.Booster
        f alone.
    intercept_ : float
        a, in currency.
    tail_ : Tail or None
        t; None if past margin is not among `columns`.
    rounds_ : int
        The number of trees.
    n_rows_ : int
        The number of training rows.

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
    ...         "margin": 3 * lessons,
    ...     }
    ... )
    >>> panel = Panel(frame, ("lesson",), {"lesson": ("lesson__frequency",)}, ())
    >>> model = ProfitModel().fit(panel, seed=0)
    >>> bool(abs(model.predict(panel).mean() - frame["margin"].mean()) < 1e-9)
    True
    >>> model.contributions(panel).columns.tolist()
    ['lesson', 'history', 'covariates', 'base']
    """

    kind = "profit"
    objective = "l2"

    tail_: Tail | None

    def __init__(
        self, *, columns: Sequence[str] | None = None, winsorise: float = WINSORISE
    ) -> None:
        super().__init__(columns=columns)
        self.winsorise = winsorise

    def fit(self, panel: Panel, seed: int = 0, *, windows: Windows | None = None) -> Self:
        """Fit to the rows whose part is ``train``; rows of other parts are not used.

        Parameters
        ----------
        panel : Panel
            Features may be null; the margin is 0 if there was no transaction.
        seed : int
        windows : Windows or None
            Gives the length of an outcome window, so that rows whose outcome windows had not ended
            by the last training cutoff are not used to choose the number of trees. Without it, the
            entities differ but the outcome windows may overlap.

        Returns
        -------
        ProfitModel
            Itself.

        Raises
        ------
        NotEnoughDataError
            If the panel has no row to train on.
        """
        train = self._training_rows(panel)
        self.design_ = Design.of(train, columns=self.columns)
        margin = train.frame["margin"].to_numpy(dtype=np.float64)
        target = winsorised(margin, share=self.winsorise)
        boosted = self._fit_trees(train.frame, target, seed, windows)
        past = past_margin_of(train.frame, self.design_.columns)
        self.tail_ = None if past is None else Tail.fitted(past, boosted.out_of_fold, margin)
        # Calibrate the mean of the training rows.
        self.intercept_ = 0.0
        self.intercept_ = float(margin.mean() - self.predict(train).mean())
        self.n_rows_ = len(train.frame)
        return self

    def predict(self, panel: Panel) -> FloatArray:
        """Return the expected margin of each row's outcome window, in currency, shape (n_rows,).

        Raises
        ------
        InputError
            If `panel` lacks a column that the model was fitted with.
        """
        return self.predict_frame(panel.frame)

    def predict_frame(self, frame: pd.DataFrame) -> FloatArray:
        """Return what `predict` returns, from a frame with the columns of ``features.parquet``."""
        self._check_fitted()
        return self.intercept_ + self._trees(frame) + self._tail_of(frame)

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Return SHAP values in currency, summed by behaviour; a row's sum is its prediction.

        The values are those of TreeSHAP with path-dependent expectations (Lundberg et al. 2020,
        Nature Machine Intelligence 2), as LightGBM's ``pred_contrib`` computes them. The tail
        belongs to ``history``.

        Returns
        -------
        DataFrame
            One row for each of the panel's, with its index. One column per behaviour, then
            ``history``, ``covariates``, and ``base``, the same in every row. A behaviour with one
            of these three names keeps it, and ``_`` is added to the other.
        """
        import pandas as pd

        self._check_fitted()
        names, values = self._shap_values(panel.frame)
        centre = 0.0 if self.tail_ is None else self.tail_.slope * self.tail_.centre
        values[:, len(self.design_.behaviours)] += self._tail_of(panel.frame) - centre
        values[:, -1] += self.intercept_ + centre
        return pd.DataFrame(values, columns=names, index=panel.frame.index)

    def _tail_of(self, frame: pd.DataFrame) -> FloatArray:
        past = past_margin_of(frame, self.design_.columns)
        return np.zeros(len(frame)) if self.tail_ is None or past is None else self.tail_(past)

    def _header(self) -> dict[str, Any]:
        return {
            "tail": None if self.tail_ is None else self.tail_.to_dict(),
            "winsorise": self.winsorise,
        }

    def _restore(self, header: Mapping[str, Any]) -> None:
        self.winsorise = header["winsorise"]
        self.tail_ = None if header["tail"] is None else Tail(**header["tail"])


class RecencyFrequencyMonetary(ProfitModel):
    """Baseline: the profit model on recency, frequency and monetary value (RFM) alone."""

    def __init__(
        self, *, columns: Sequence[str] | None = RFM_FEATURES, winsorise: float = WINSORISE
    ) -> None:
        super().__init__(columns=columns, winsorise=winsorise)


def winsorised(values: FloatArray, *, share: float) -> FloatArray:
    """Winsorise the lowest and highest `share` of values to the quantiles there; 0 stays 0.

    Examples
    --------
    >>> winsorised(np.array([-900.0, 0.0, 0.0, 10.0, 20.0]), share=0.25).tolist()
    [0.0, 0.0, 0.0, 10.0, 10.0]
    """
    low, high = np.quantile(values, [share, 1 - share])
    return np.clip(values, min(low, 0.0), max(high, 0.0))
