"""Input of MLflow models: columns of any type as numbers, in the process that serves a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pandas as pd

from engagement_ml.errors import EngagementError

_TRUTH = {"true": 1.0, "false": 0.0}


def with_numbers(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame whose `columns`, as far as it has them, are float64.

    Whole numbers, floats, decimals, booleans and numbers as text (CSV) are numbers; null, NaN and
    empty text are NaN. Other columns are kept.

    Raises
    ------
    MlflowException
        If a value is not a number; the message names column, value and row.

    Examples
    --------
    >>> mixed = pd.DataFrame({"calls": [3, None, "2.5", True], "plan": list("abcd")})
    >>> with_numbers(mixed, ["calls", "visits"])["calls"].tolist()
    [3.0, nan, 2.5, 1.0]
    """
    present = [column for column in columns if column in frame.columns]
    return frame.assign(**{column: _as_numbers(frame[column]) for column in present})


def _as_numbers(values: pd.Series[Any]) -> Any:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        # A categorical column keeps its type when its values are mapped.
        values = values.astype(object).map(_as_number)
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        row = next(i for i, value in enumerate(values) if not _is_number(value))
        raise _refused(
            f"column '{values.name}' holds {values.iloc[row]!r:.60} in row {row + 1}, which is "
            "not a number; give counts and amounts as numbers"
        ) from None


def _as_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    return _TRUTH.get(text, text) if text else None


def _is_number(value: Any) -> bool:
    with suppress(ValueError, TypeError):
        return bool(pd.isna(value)) or isinstance(float(value), float)
    return False


@contextmanager
def refused_as_mlflow() -> Iterator[None]:
    """Raise errors about the input as MLflow's, which its server answers with status 400."""
    try:
        yield
    except EngagementError as error:
        raise _refused(str(error)) from None


def _refused(message: str) -> Exception:
    from mlflow.exceptions import MlflowException

    refused: Exception = MlflowException.invalid_parameter_value(message)
    return refused


def serve_csv() -> None:
    """Let MLflow's server read CSV for columns of any type, if this process is a server.

    MLflow's columns of type `any` are the only ones that take whole numbers as well as floats. Its
    server cannot parse CSV for them (MLflow 3.17: "Failed to get pandas types"), although its
    command ``mlflow models predict`` can. Values are then read as text, which `with_numbers` turns
    into the nearest float.
    """
    server: Any = sys.modules.get("mlflow.pyfunc.scoring_server")
    parse = getattr(server, "parse_csv_input", None)
    if parse is None or getattr(parse, "reads_any_type", False):
        return

    def parse_csv_input(csv_input: Any, schema: Any = None) -> Any:
        if schema is None or not any(_is_any(column.type) for column in schema.inputs):
            return parse(csv_input, schema)
        names = schema.input_names()
        return _read_csv(csv_input, names)

    parse_csv_input.reads_any_type = True  # type: ignore[attr-defined]
    server.parse_csv_input = parse_csv_input


def _is_any(kind: Any) -> bool:
    return type(kind).__name__ == "AnyType"


def _read_csv(csv_input: Any, names: Sequence[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(csv_input, dtype=dict.fromkeys(names, object))
    except ValueError as error:
        raise _refused(f"the input cannot be read as CSV: {error}") from None
