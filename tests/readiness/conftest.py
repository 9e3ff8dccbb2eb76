"""A shop of 600 customers, checked once, and its tables."""

from __future__ import annotations

from typing import Any

import pytest

import engagement_ml as em
from engagement_ml.readiness import CheckResult

SETTINGS: dict[str, Any] = {
    "name": "shop",
    "engine": {"keep": None},
    "tracking": {"uri": None},
    "windows": {"observation_days": 56, "outcome_days": 56},
}


@pytest.fixture(scope="session")
def shop_frames() -> dict[str, Any]:
    """Events, transactions and customers of a simulated shop."""
    shop = em.make_shop(600, 50, seed=3)
    tables = ("events", "transactions", "customers")
    return {name: getattr(shop, name) for name in tables}


@pytest.fixture(scope="session")
def checked(shop_frames) -> CheckResult:
    """The check of the shop."""
    return em.check(SETTINGS, frames=shop_frames, progress=False)
