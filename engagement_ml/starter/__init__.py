"""Starter configurations: what `init` finds in files, and how it writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.starter.given import name_for, sources_given
    from engagement_ml.starter.starting import Starter, make_starter
    from engagement_ml.starter.text import checked_yaml

__all__ = ["Starter", "checked_yaml", "make_starter", "name_for", "sources_given"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Starter": "starting",
        "checked_yaml": "text",
        "make_starter": "starting",
        "name_for": "given",
        "sources_given": "given",
    },
)
