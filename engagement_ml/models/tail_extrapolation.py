"""The few entities beyond what trees can follow: a line in past margin past its extremes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from engagement_ml._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


KNEE = 0.98
FEWEST_ROWS = 20
PAST_MARGIN = "history__past_margin"
FREQUENCY, MONETARY = "history__frequency", "history__monetary_value"


@dataclass(frozen=True)
class Tail:
    """A line beyond the knees: ``slope * h(past)``, with h the part of past margin beyond them.

    Trees predict no more than the mean of their largest leaf, and margin is concentrated in few
    entities far beyond it, who stay large. Where past margin lies between `low` and `high`, h is
    0; beyond, it is the distance, with its sign.

    Attributes
    ----------
    low, high : float
        The knees, in currency of past margin; `low` is at most 0, `high` at least 0.
    slope : float
        From 0 to 1: margin to come for each unit of past margin beyond a knee.
    centre : float
        The mean of h over the training rows; contributions are counted from it.

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
        """Return what the line adds to a prediction, in currency, shape (n_rows,)."""
        return self.slope * self.beyond(past)

    def beyond(self, past: FloatArray) -> FloatArray:
        """Return h: past margin beyond the knees, 0 between them."""
        above: FloatArray = np.maximum(past - self.high, 0.0) + np.minimum(past - self.low, 0.0)
        return above

    @classmethod
    def fitted(cls, past: FloatArray, out_of_fold: FloatArray, margin: FloatArray) -> Self:
        """Place the knees at the 2nd and 98th percentile, and fit the slope to what trees left.

        The slope is the smaller of the ratio of mean residual to mean h among rows beyond a knee
        and the least-squares slope on h, within 0 and 1: the first is not moved by single large
        rows, the second not by many small ones.

        Parameters
        ----------
        past, margin : array of shape (n_rows,)
        out_of_fold : array of shape (n_rows,)
            What trees that did not see the entity predict; NaN where there is none. With fewer
            than 20 such rows beyond the knees, the slope is 0.
        """
        low, high = np.quantile(past, [1 - KNEE, KNEE])
        flat = cls(low=float(min(low, 0.0)), high=float(max(high, 0.0)), slope=1.0, centre=0.0)
        h = flat.beyond(past)
        seen = ~np.isnan(out_of_fold)
        outside = seen & (h != 0)
        slope = 0.0
        if outside.sum() >= FEWEST_ROWS:
            residual = margin - out_of_fold
            inside = seen & (h == 0)
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
    """Return past margin as `columns` tell it: itself, or frequency × monetary value; else None.

    Nulls are 0: without a transaction there is no margin.
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
