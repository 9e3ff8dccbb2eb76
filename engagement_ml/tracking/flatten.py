"""Nested results as MLflow's flat parameters and metrics."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_KEY = 250
LONGEST_VALUE = 6000
_NOT_ALLOWED = re.compile(r"[^\w.\- ]")


def safe_key(*parts: str) -> str:
    """Join parts with dots to a key that MLflow takes.

    What it does not take becomes an underscore; a key that is too long is cut and ends with a
    digest of the whole.

    Examples
    --------
    >>> safe_key("drivers", "page/view?", "effect")
    'drivers.page_view_.effect'
    """
    key = ".".join(_NOT_ALLOWED.sub("_", part) for part in parts if part)
    if len(key) > LONGEST_KEY:
        digest = hashlib.sha256(".".join(parts).encode()).hexdigest()[:12]
        key = f"{key[: LONGEST_KEY - 13]}-{digest}"
    return key


def flat_numbers(values: Mapping[str, Any], *prefix: str) -> dict[str, float]:
    """Return the finite numbers of nested mappings by their dotted keys.

    Lists, text, nulls and truth values are left out; of two keys that read alike the first stays.

    Examples
    --------
    >>> flat_numbers({"profit": {"r2": {"value": 0.3, "low": None}, "deciles": [1]}}, "evaluation")
    {'evaluation.profit.r2.value': 0.3}
    """
    found: dict[str, float] = {}
    for path, value in _leaves(values, prefix):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found.setdefault(safe_key(*path), float(value))
    return found


def flat_texts(values: Mapping[str, Any], *prefix: str) -> dict[str, str]:
    """Return everything in nested mappings as text by dotted keys; lists as JSON.

    Examples
    --------
    >>> flat_texts({"windows": {"cutoffs": None, "gap_days": 0}, "segments": ["region"]})
    {'windows.cutoffs': 'null', 'windows.gap_days': '0', 'segments': '["region"]'}
    """
    found: dict[str, str] = {}
    for path, value in _leaves(values, prefix):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        found.setdefault(safe_key(*path), text[:LONGEST_VALUE])
    return found


def _leaves(values: Mapping[str, Any], prefix: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    for key, value in values.items():
        path = (*prefix, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
