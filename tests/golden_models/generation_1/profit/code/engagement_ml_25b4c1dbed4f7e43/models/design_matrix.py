"""Design matrix: the panel's features as float64 columns, with names that LightGBM accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engagement_ml_25b4c1dbed4f7e43._typing import FloatArray
from engagement_ml_25b4c1dbed4f7e43.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml_25b4c1dbed4f7e43.features.panel import Panel

RFM_FEATURES = ("history__recency_days", "history__frequency", "history__monetary_value")
HISTORY, COVARIATES, JOINT, BASE = "history", "covariates", "sessions_and_ratios", "base"


@dataclass(frozen=True)
class Design:
    """The columns of the matrix, and the group of features that each belongs to.

    Attributes
    ----------
    columns : tuple of str
        The panel's columns, in the matrix's order.
    groups : tuple of int
        For each column, the number of its behaviour in `behaviours`; -1 for history, -2 for
        covariates, -3 for features of several behaviours together (sessions and ratios).
    behaviours : tuple of str
    levels : dict
        The levels of each categorical covariate; any other value counts as missing.
    """

    columns: tuple[str, ...]
    groups: tuple[int, ...]
    behaviours: tuple[str, ...]
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Panel, *, columns: Sequence[str] | None = None) -> Design:
        """Return the design of all features of `panel`, or only of `columns`, in its order.

        Raises
        ------
        InputError
            If one of `columns` is not a feature of the panel.
        """
        features: list[tuple[str, int]] = []
        for number, behaviour in enumerate(panel.behaviours):
            features += [(name, number) for name in panel.behaviour_features[behaviour]]
        features += [(name, -3) for name in panel.joint_features]
        features += [(name, -1) for name in panel.history_features]
        features += [(name, -2) for name in panel.covariates]
        if columns is not None:
            present = {name for name, _ in features}
            for name in columns:
                if name not in present:
                    raise InputError(
                        f"panel: feature '{name}' is missing{nearest(name, present)}; the panel "
                        f"has {len(present)} other features"
                    )
            features = [(name, group) for name, group in features if name in columns]
        levels = {
            name: _levels(panel.frame[name]) for name, _ in features if _is_text(panel.frame[name])
        }
        return cls(
            columns=tuple(name for name, _ in features),
            groups=tuple(group for _, group in features),
            behaviours=panel.behaviours,
            levels=levels,
        )

    @property
    def safe_names(self) -> tuple[str, ...]:
        """Unique ASCII names without brackets, quotes or spaces, one per column.

        Examples
        --------
        >>> Design(("a [b]__x", "a (b)__x", "é"), (0, 0, 0), ("a",)).safe_names
        ('a_b_x', 'a_b_x_1', 'feature_2')
        """
        names: list[str] = []
        taken: set[str] = set()
        for number, column in enumerate(self.columns):
            plain = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_") or f"feature_{number}"
            name = plain if plain not in taken else f"{plain}_{number}"
            while name in taken:
                name += "_"
            taken.add(name)
            names.append(name)
        return tuple(names)

    @property
    def categorical(self) -> list[int]:
        """The numbers of the columns that hold codes of categories."""
        return [number for number, column in enumerate(self.columns) if column in self.levels]

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return the columns as float64 of shape (n_rows, n_columns); nulls become NaN.

        Raises
        ------
        InputError
            If `frame` lacks a column.
        """
        import pandas as pd

        values = np.empty((len(frame), len(self.columns)))
        for number, column in enumerate(self.columns):
            if column not in frame.columns:
                raise InputError(
                    f"panel: column '{column}' is missing, and the model was fitted with it; "
                    "build the panel with the configuration that the model was trained with"
                )
            if column in self.levels:
                codes = pd.Index(self.levels[column]).get_indexer(pd.Index(_as_text(frame[column])))
                values[:, number] = np.where(codes < 0, np.nan, codes)
            else:
                values[:, number] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return values

    def grouped(self, contributions: FloatArray) -> tuple[list[str], FloatArray]:
        """Sum contributions by group: each behaviour, history, covariates; base stays last.

        Parameters
        ----------
        contributions : array of shape (n_rows, n_columns + 1)
            As LightGBM's ``pred_contrib`` returns it: one column per feature, then the base value.

        Returns
        -------
        names : list of str
            The behaviours, then ``history``, ``covariates``, ``sessions_and_ratios`` if there are
            any, ``base``. ``_`` is added to these four if a behaviour has the same name.
        values : array of shape (n_rows, n_names)
        """
        others = (HISTORY, COVARIATES, *([JOINT] if -3 in self.groups else []), BASE)
        n_groups = len(self.behaviours) + len(others)
        position = [g if g >= 0 else len(self.behaviours) - 1 - g for g in self.groups]
        position.append(n_groups - 1)
        indicator = np.zeros((len(position), n_groups))
        indicator[np.arange(len(position)), position] = 1.0
        names = list(self.behaviours)
        for name in others:
            unique = name
            while unique in names:
                unique += "_"
            names.append(unique)
        return names, contributions @ indicator

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; `from_dict` reads them back to an equal design."""
        return {
            "columns": list(self.columns),
            "groups": list(self.groups),
            "behaviours": list(self.behaviours),
            "levels": {name: list(values) for name, values in self.levels.items()},
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Design:
        """Read what `to_dict` wrote."""
        return cls(
            columns=tuple(raw["columns"]),
            groups=tuple(raw["groups"]),
            behaviours=tuple(raw["behaviours"]),
            levels={name: tuple(values) for name, values in raw["levels"].items()},
        )


def _is_text(values: pd.Series[Any]) -> bool:
    import pandas as pd

    return not pd.api.types.is_numeric_dtype(values.dtype)


def _as_text(values: pd.Series[Any]) -> npt.NDArray[np.object_]:
    present = values.notna().to_numpy()
    pairs = zip(values.astype(object), present, strict=True)
    return np.array(
        [str(value) if is_present else None for value, is_present in pairs], dtype=object
    )


def _levels(values: pd.Series[Any]) -> tuple[str, ...]:
    return tuple(sorted({text for text in _as_text(values) if text is not None}))
