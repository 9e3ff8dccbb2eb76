"""The profit model: margin of the outcome window from what is known at the cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

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
from engagement_ml.models.tail_extrapolation import Tail, past_margin_of

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel
    from engagement_ml.windows import Windows

KIND = "profit"
WINSORISE = 0.005


class ProfitModel:
    r"""Gradient boosting for signed, heavy-tailed margin with many zeros.

    The prediction is :math:`a + f(x) + t(p)`, in currency on the raw scale:

    - f are trees that minimise :math:`\sum_i (w(y_i) - f(x_i))^2`, with y the margin of the
      outcome window and w its winsorising at the 0.5th and 99.5th percentile of the training rows,
      so that a few huge baskets do not steer them;
    - t is a line in past margin p beyond its 2nd and 98th percentile (see `Tail`), fitted to what
      trees that had not seen the entity left of raw margin: large entities stay large, and trees
      cannot say so;
    - a makes the mean prediction of the training rows equal their mean raw margin.

    The number of trees is chosen on the last training cutoff: each third of the entities is judged
    by trees fitted to the other entities' rows whose outcomes were over by then; at the number
    with the least mean loss, all training rows are fitted again.

    Squared error is taken rather than a two-part Tweedie or Huber's loss because it keeps SHAP
    values in currency, and ranks and fits out of time as well as they do once winsorised.

    Parameters
    ----------
    columns : sequence of str or None
        The panel's features to use; all of them where None.
    winsorise : float, default 0.005
        The share of rows at each end that is drawn in before trees are fitted; 0 for none.

    Attributes
    ----------
    design_ : Design
        The features in the matrix's order.
    booster_ : lightgbm.Booster
        f alone.
    intercept_ : float
        a, in currency.
    tail_ : Tail or None
        t; None where `columns` do not tell past margin.
    rounds_ : int
        The number of trees chosen.
    n_rows_ : int
        Training rows fitted.

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

    def __init__(
        self, *, columns: Sequence[str] | None = None, winsorise: float = WINSORISE
    ) -> None:
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
        past = past_margin_of(train.frame, self.design_.columns)
        self.tail_ = None if past is None else Tail.fitted(past, fitted.out_of_fold, margin)
        self.intercept_ = 0.0
        self.intercept_ = float(margin.mean() - self.predict(train).mean())
        self.n_rows_ = len(X)
        return self

    def predict(self, panel: Panel) -> FloatArray:
        """Return the expected margin of each row's outcome window, in currency, shape (n_rows,).

        Raises
        ------
        InputError
            Where `panel` lacks a column the model was fitted with.
        """
        check_fitted(self)
        trees = predicted(self.booster_, self.design_.matrix(panel.frame))
        return self.intercept_ + trees + self._of_tail(panel.frame)

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
        import pandas as pd

        check_fitted(self)
        names, values = contributions_of(self.booster_, self.design_, panel.frame)
        centre = 0.0 if self.tail_ is None else self.tail_.slope * self.tail_.centre
        values[:, len(self.design_.behaviours)] += self._of_tail(panel.frame) - centre
        values[:, -1] += self.intercept_ + centre
        return pd.DataFrame(values, columns=names, index=panel.frame.index)

    def _of_tail(self, frame: pd.DataFrame) -> FloatArray:
        past = past_margin_of(frame, self.design_.columns)
        return np.zeros(len(frame)) if self.tail_ is None or past is None else self.tail_(past)

    @property
    def boosters(self) -> dict[str, Any]:
        """The LightGBM boosters by name; the rest of a prediction is in `to_text`'s header."""
        return {KIND: self.booster_}

    def to_text(self) -> str:
        """Return the whole model as text: one line of JSON, then LightGBM's own format."""
        check_fitted(self)
        header = {
            "kind": KIND,
            "design": self.design_.to_dict(),
            "intercept": self.intercept_,
            "tail": None if self.tail_ is None else self.tail_.to_dict(),
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
        model.intercept_ = header["intercept"]
        model.tail_ = None if header["tail"] is None else Tail(**header["tail"])
        model.rounds_, model.n_rows_ = header["rounds"], header["n_rows"]
        return model


class RecencyFrequencyMonetary(ProfitModel):
    """The baseline: the profit model on recency, frequency and monetary value alone."""

    def __init__(
        self, *, columns: Sequence[str] | None = RFM_FEATURES, winsorise: float = WINSORISE
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
