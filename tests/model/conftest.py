"""A model that is fitted once, with a stand-in for the search for drivers."""

from __future__ import annotations

from typing import Any

import pytest

import engagement_ml as em
from tests.conftest import SETTINGS, stand_in_search


@pytest.fixture(scope="session")
def model(small_shop) -> em.EngagementModel:
    """A model of the small shop; tests must not change it."""
    from engagement_ml import drivers

    settings: dict[str, Any] = {**SETTINGS, "name": "model"}
    unfitted = em.EngagementModel(**settings)
    with pytest.MonkeyPatch.context() as patch:
        search = stand_in_search("tutorial_done", "wishlist_add")
        patch.setattr(drivers, "find_drivers", search, raising=False)
        return unfitted.fit(small_shop.events, small_shop.transactions, small_shop.customers)
