"""Presets: a small simulated data set with known truth for each kind of company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.datasets.presets.names import preset_names
from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.datasets.presets.making import Preset, make_preset
    from engagement_ml.datasets.presets.truth import PresetTruth

__all__ = ["Preset", "PresetTruth", "make_preset", "preset_names"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"Preset": "making", "PresetTruth": "truth", "make_preset": "making"},
    "preset_names",
)
