"""Data sets: a simulated shop and presets with known true effects, and two real data sets.

Each is imported at first use, and none needs the estimating part of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.datasets._shop_truth import ShopTruth
    from engagement_ml.datasets.complete_journey import load_complete_journey
    from engagement_ml.datasets.dataset import Dataset, write_dataset
    from engagement_ml.datasets.online_retail import load_online_retail
    from engagement_ml.datasets.presets.making import Preset, make_preset
    from engagement_ml.datasets.presets.truth import PresetTruth
    from engagement_ml.datasets.shop import Shop, make_shop, write_shop

dataset_names = ("shop", "complete-journey", "online-retail")
preset_names = (
    "e-commerce",
    "saas",
    "media",
    "healthcare",
    "professional-services",
    "channel-partners",
    "employees",
)

__all__ = [
    "Dataset",
    "Preset",
    "PresetTruth",
    "Shop",
    "ShopTruth",
    "dataset_names",
    "load_complete_journey",
    "load_online_retail",
    "make_preset",
    "make_shop",
    "preset_names",
    "write_dataset",
    "write_shop",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Dataset": "dataset",
        "Preset": "presets.making",
        "PresetTruth": "presets.truth",
        "Shop": "shop",
        "ShopTruth": "_shop_truth",
        "load_complete_journey": "complete_journey",
        "load_online_retail": "online_retail",
        "make_preset": "presets.making",
        "make_shop": "shop",
        "write_dataset": "dataset",
        "write_shop": "shop",
    },
    "dataset_names",
    "preset_names",
)
