"""Data sets: a shop that knows its truth, and two real ones."""

from __future__ import annotations

from engagement_ml.datasets.shop import make_shop as make_shop
