"""Which behaviours move margin, how much, and how sure: the search and its evidence."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "find_drivers": "search",
    "Choice": "evidence",
    "DriverEvidence": "evidence",
    "period_days": "windowed",
}

__all__ = ["Choice", "DriverEvidence", "find_drivers", "period_days"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
