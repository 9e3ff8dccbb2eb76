"""Data sets: a simulated shop that knows its truth, and two real ones.

Each is loaded when first used; none needs the rest of the package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagement_ml.datasets._shop_truth import ShopTruth
    from engagement_ml.datasets.complete_journey import load_complete_journey
    from engagement_ml.datasets.dataset import Dataset, write_dataset
    from engagement_ml.datasets.online_retail import load_online_retail
    from engagement_ml.datasets.shop import Shop, make_shop, write_shop

dataset_names = ("shop", "complete-journey", "online-retail")

_HOMES = {
    "Dataset": "dataset",
    "Shop": "shop",
    "ShopTruth": "_shop_truth",
    "load_complete_journey": "complete_journey",
    "load_online_retail": "online_retail",
    "make_shop": "shop",
    "write_dataset": "dataset",
    "write_shop": "shop",
}

__all__ = [
    "Dataset",
    "Shop",
    "ShopTruth",
    "dataset_names",
    "load_complete_journey",
    "load_online_retail",
    "make_shop",
    "write_dataset",
    "write_shop",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
