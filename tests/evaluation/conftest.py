"""The panels that the tests of models use."""

from __future__ import annotations

from tests.models.conftest import panel, panel_factory, windows, windows_factory, with_frame

__all__ = ["panel", "panel_factory", "windows", "windows_factory", "with_frame"]
