"""Saturating transforms: from a count of events to a share of a behaviour's full points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml.errors import InputError, nearest
from engagement_ml.metric.rounding import round_significant
from engagement_ml.metric.values import as_number, shown

Kind = Literal["linear", "log1p", "hill"]
KINDS: tuple[str, ...] = get_args(Kind)
_MAX_LOG_SCALE = 1e4
"""Largest scale of ``log1p`` in multiples of the cap; the curve is linear to 5e-5 beyond it."""
_MAX_HILL_RATIO = 1e12
"""Largest ratio of cap and scale of ``hill``: its power by the shape stays a finite float64."""
_MAX_SHAPE = 20.0


@dataclass(frozen=True)
class Transform:
    r"""A saturating, increasing function of a count: 0 without events, 1 from `cap` events on.

    .. math:: f(x) = \min\bigl(g(x) / g(\mathrm{cap}),\, 1\bigr)

    with ``linear`` g(x) = x, ``log1p`` g(x) = ln(1 + x / scale) and ``hill``
    g(x) = x^shape / (x^shape + scale^shape) (Hill 1910). Numbers are rounded to nine significant
    digits; a parameter that a kind does not use is None.

    Parameters
    ----------
    kind : {"linear", "log1p", "hill"}
    scale : float or None
        In events per observation window. For ``log1p``, the count around which saturation sets
        in, at most 10,000 times `cap`: beyond that it is linear. For ``hill``, the count at half
        of the maximum.
    shape : float or None
        Steepness of ``hill``, up to 20.
    cap : float
        The count that earns full points, in events per observation window.

    Raises
    ------
    InputError
        If a number is missing, not positive or out of range.

    Notes
    -----
    Null, NaN and negative counts are read as no events. Infinity earns full points.

    Examples
    --------
    >>> Transform("log1p", scale=3.0, shape=None, cap=12.0)(np.array([0.0, 3.0, 12.0, 40.0]))
    array([0.        , 0.43067656, 1.        , 1.        ])
    """

    kind: Kind
    scale: float | None
    shape: float | None
    cap: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = nearest(self.kind, KINDS) if isinstance(self.kind, str) else ""
            raise InputError(
                f"key 'kind': {shown(self.kind)} is not a transform{near}; "
                f"known are {', '.join(KINDS)}"
            )
        cap = _positive("cap", self.cap)
        scale = None if self.kind == "linear" else _positive("scale", self.scale)
        shape = _positive("shape", self.shape) if self.kind == "hill" else None
        if self.kind == "log1p" and scale is not None and scale > _MAX_LOG_SCALE * cap:
            raise InputError(f"key 'scale': {scale} is over 10,000 times cap ({cap}); use linear")
        if shape is not None and scale is not None:
            if shape > _MAX_SHAPE:
                raise InputError(f"key 'shape': {shape} is over {_MAX_SHAPE:g}")
            if not 1 / _MAX_HILL_RATIO <= cap / scale <= _MAX_HILL_RATIO:
                raise InputError(f"key 'scale': {scale} is too far from cap ({cap}) to compute")
        object.__setattr__(self, "cap", cap)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "shape", shape)

    def __call__(self, counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return f of each count, float64 between 0 and 1, in the shape of `counts`."""
        x = np.asarray(counts, dtype=np.float64)
        x = np.minimum(np.where(x > 0, x, 0.0), self.cap)
        if self.kind == "linear" or self.scale is None:
            g = x
        elif self.shape is None:
            g = np.log(1.0 + x / self.scale)
        else:
            ratio = np.power(x / self.scale, self.shape)
            g = ratio / (1.0 + ratio)
        return np.asarray(np.minimum(g / self.full, 1.0))

    @property
    def full(self) -> float:
        """g(cap), the normalising constant of f."""
        if self.kind == "linear" or self.scale is None:
            return self.cap
        if self.shape is None:
            return math.log(1.0 + self.cap / self.scale)
        ratio = math.pow(self.cap / self.scale, self.shape)
        return ratio / (1.0 + ratio)

    def expression(self, counts: nw.Expr) -> nw.Expr:
        """Return f as a Narwhals expression of `counts`, for any engine.

        Examples
        --------
        >>> import pyarrow as pa
        >>> frame = nw.from_native(pa.table({"clicks": [0, 2, None]}))
        >>> half = Transform("linear", scale=None, shape=None, cap=4.0)
        >>> frame.select(half.expression(nw.col("clicks")))["clicks"].to_list()
        [0.0, 0.5, 0.0]
        """
        raw = counts.cast(nw.Float64())
        x = nw.when((raw > 0) & ~raw.is_nan()).then(raw.clip(upper_bound=self.cap)).otherwise(0.0)
        if self.kind == "linear" or self.scale is None:
            g = x
        elif self.shape is None:
            g = (x / self.scale + 1.0).log()
        else:
            ratio = (x / self.scale) ** self.shape
            g = ratio / (ratio + 1.0)
        return (g / self.full).clip(upper_bound=1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"kind": self.kind, "scale": self.scale, "shape": self.shape, "cap": self.cap}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Transform:
        """Read what `to_dict` wrote.

        Raises
        ------
        InputError
            If a key is missing or its value is out of range.
        """
        return cls(
            kind=raw.get("kind", ""),
            scale=raw.get("scale"),
            shape=raw.get("shape"),
            cap=raw.get("cap", math.nan),
        )


def _positive(key: str, value: object) -> float:
    number = as_number(value)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"key '{key}': {shown(value)} is not a positive number")
    return round_significant(number)
