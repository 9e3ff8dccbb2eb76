"""Command line: parses arguments, calls the workflows and prints their results."""

from __future__ import annotations

from engagement_ml.cli.app import main

__all__ = ["main"]
