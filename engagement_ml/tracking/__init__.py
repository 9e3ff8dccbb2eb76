"""Experiment tracking and model registry: the only modules that talk to MLflow.

Importing them does not load MLflow.
"""

from __future__ import annotations

from engagement_ml.tracking.connectivity import DEFAULT_URI, check_store
from engagement_ml.tracking.load import download_run, load_metric
from engagement_ml.tracking.runs import LoggedRun, log_files, log_run

__all__ = [
    "DEFAULT_URI",
    "LoggedRun",
    "check_store",
    "download_run",
    "load_metric",
    "log_files",
    "log_run",
]
