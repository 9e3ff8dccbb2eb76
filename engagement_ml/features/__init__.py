"""Candidate features: entities × cutoffs, and entities × periods × behaviours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagement_ml.features.counts import count_frame
    from engagement_ml.features.panel import Panel, build_panel
    from engagement_ml.features.periods import Periods, build_periods

__all__ = ["Panel", "Periods", "build_panel", "build_periods", "count_frame"]

_HOMES = {
    "Panel": "panel",
    "build_panel": "panel",
    "count_frame": "counts",
    "Periods": "periods",
    "build_periods": "periods",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
