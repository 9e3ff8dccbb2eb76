"""Tail extrapolation: linear in past margin, beyond the range in which trees can predict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from engagement_ml_25b4c1dbed4f7e43._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


KNEE = 0.98
"""Quantile of past margin at the upper knot; the lower one is at 1 minus it."""
MIN_ROWS = 20
"""Out-of-fold rows beyond the knots that a slope needs."""
PAST_MARGIN = "history__past_margin"
FREQUENCY, MONETARY = "history__frequency", "history__monetary_value"


@dataclass(frozen=True)
class Tail:
    """Linear spline beyond two knots: ``slope * h(past)``.

    Here h is 0 between the knots, and beyond them it is the signed distance of past margin from
    the nearer knot. Trees cannot predict more than the mean of their largest leaf; margin is
    concentrated in few entities far beyond it, and these stay large.

    Attributes
    ----------
    low, high : float
        The knots, in currency of past margin; `low` is at most 0, `high` at least 0.
    slope : float
        Between 0 and 1: future margin per unit of past margin beyond a knot.
    centre : float
        The mean of h over the training rows; contributions are relative to it.

    Examples
    --------
    >>> Tail(low=0.0, high=10.0, slope=0.5, centre=0.0)(np.array([-4.0, 5.0, 30.0])).tolist()
    [-2.0, 0.0, 10.0]
    """

    low: float
    high: float
    slope: float
    centre: float

    def __call__(self, past: FloatArray) -> FloatArray:
        """Return the addition to a prediction, in currency, shape (n_rows,)."""
        return self.slope * self.beyond(past)

    def beyond(self, past: FloatArray) -> FloatArray:
        """Return h: the signed distance beyond the knots, 0 between them."""
        h: FloatArray = np.maximum(past - self.high, 0.0) + np.minimum(past - self.low, 0.0)
        return h

    @classmethod
    def fitted(cls, past: FloatArray, out_of_fold: FloatArray, margin: FloatArray) -> Self:
        """Place the knots at the 2nd and 98th percentile, and fit the slope to tree residuals.

        The slope is the smaller of two estimates among the rows beyond a knot, limited to 0 to 1:
        the ratio of mean residual to mean distance, which is robust to single large rows, and the
        least-squares slope on h, which is robust to many small ones.

        Parameters
        ----------
        past, margin : array of shape (n_rows,)
            Past margin, and the margin to predict, in currency.
        out_of_fold : array of shape (n_rows,)
            Predictions of trees that did not see the entity; NaN if there is none. With fewer than
            20 such rows beyond the knots, the slope is 0.
        """
        low, high = np.quantile(past, [1 - KNEE, KNEE])
        flat = cls(low=float(min(low, 0.0)), high=float(max(high, 0.0)), slope=1.0, centre=0.0)
        h = flat.beyond(past)
        validated = ~np.isnan(out_of_fold)
        outside = validated & (h != 0)
        slope = 0.0
        if outside.sum() >= MIN_ROWS:
            # Centre the residuals on the rows between the knots, which the trees can predict.
            residual = margin - out_of_fold
            inside = validated & (h == 0)
            residual = residual - (residual[inside].mean() if inside.any() else 0.0)
            r, distance = residual[outside], h[outside]
            ratio = (r * np.sign(distance)).sum() / np.abs(distance).sum()
            least_squares = (r * distance).sum() / (distance**2).sum()
            slope = float(np.clip(min(ratio, least_squares), 0.0, 1.0))
        return cls(low=flat.low, high=flat.high, slope=slope, centre=float(h.mean()))

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON types; ``Tail(**…)`` reads them back."""
        return asdict(self)


def past_margin_of(frame: pd.DataFrame, columns: tuple[str, ...]) -> FloatArray | None:
    """Return past margin from `columns`, in currency, shape (n_rows,).

    It is the column itself or, without it, frequency × monetary value; None if neither is among
    `columns`. Nulls are 0, as there is no margin without a transaction.
    """
    if PAST_MARGIN in columns:
        values = frame[PAST_MARGIN].to_numpy(dtype=np.float64, na_value=np.nan)
    elif FREQUENCY in columns and MONETARY in columns:
        product = frame[FREQUENCY] * frame[MONETARY]
        values = product.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        return None
    filled: FloatArray = np.nan_to_num(values)
    return filled
