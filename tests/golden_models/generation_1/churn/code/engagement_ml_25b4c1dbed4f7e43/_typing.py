"""Array type aliases."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

AnyArray: TypeAlias = npt.NDArray[Any]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Float32Array: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.intp]
Int64Array: TypeAlias = npt.NDArray[np.int64]
LagGroups: TypeAlias = tuple[tuple[int, int], ...]
"""First and last lag of each group, in periods."""
