"""The only modules that talk to MLflow; importing them does not load it."""

from __future__ import annotations

from engagement_ml.tracking.connectivity import DEFAULT_URI, check_store
from engagement_ml.tracking.load import download_run, load_metric
from engagement_ml.tracking.runs import Registered, log_files, log_run

__all__ = [
    "DEFAULT_URI",
    "Registered",
    "check_store",
    "download_run",
    "load_metric",
    "log_files",
    "log_run",
]
