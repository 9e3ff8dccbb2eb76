"""Flattening: nested results as MLflow's parameters and metrics, which are flat."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_KEY_LENGTH = 250
MAX_VALUE_LENGTH = 6000
_FORBIDDEN_CHARACTERS = re.compile(r"[^\w.\- ]")


def safe_key(*parts: str) -> str:
    """Join parts with dots to a key that MLflow accepts.

    Characters that MLflow refuses become underscores. A key that is too long is truncated and ends
    with a digest of the whole key.

    Examples
    --------
    >>> safe_key("drivers", "page/view?", "effect")
    'drivers.page_view_.effect'
    """
    key = ".".join(_FORBIDDEN_CHARACTERS.sub("_", part) for part in parts if part)
    if len(key) > MAX_KEY_LENGTH:
        digest = hashlib.sha256(".".join(parts).encode()).hexdigest()[:12]
        key = f"{key[: MAX_KEY_LENGTH - 13]}-{digest}"
    return key


def flat_numbers(values: Mapping[str, Any], *prefix: str) -> dict[str, float]:
    """Return the finite numbers of nested mappings by dotted key.

    Lists, text, nulls and booleans are left out. If two paths give the same key, the first one
    counts.

    Examples
    --------
    >>> flat_numbers({"profit": {"r2": {"value": 0.3, "low": None}, "deciles": [1]}}, "evaluation")
    {'evaluation.profit.r2.value': 0.3}
    """
    numbers: dict[str, float] = {}
    for path, value in _leaves(values, prefix):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            numbers.setdefault(safe_key(*path), float(value))
    return numbers


def flat_texts(values: Mapping[str, Any], *prefix: str) -> dict[str, str]:
    """Return all values of nested mappings as text by dotted key; lists and numbers as JSON.

    Texts are truncated to the length that MLflow accepts.

    Examples
    --------
    >>> flat_texts({"windows": {"cutoffs": None, "gap_days": 0}, "segments": ["region"]})
    {'windows.cutoffs': 'null', 'windows.gap_days': '0', 'segments': '["region"]'}
    """
    texts: dict[str, str] = {}
    for path, value in _leaves(values, prefix):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        texts.setdefault(safe_key(*path), text[:MAX_VALUE_LENGTH])
    return texts


def _leaves(values: Mapping[str, Any], prefix: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    for key, value in values.items():
        path = (*prefix, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
