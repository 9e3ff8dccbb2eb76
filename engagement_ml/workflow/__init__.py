"""Workflows from tables to results, which the command line and ``pipelines/`` call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports

if TYPE_CHECKING:
    from engagement_ml.workflow.acting.following import read_action
    from engagement_ml.workflow.acting.making import act
    from engagement_ml.workflow.acting.reading_files import ActionReading
    from engagement_ml.workflow.acting.recording import TrackRecordResult, track_record
    from engagement_ml.workflow.acting.results import ActionResult
    from engagement_ml.workflow.auditing import AuditResult, audit
    from engagement_ml.workflow.checking import check
    from engagement_ml.workflow.evaluating import evaluate
    from engagement_ml.workflow.feature_export import write_features
    from engagement_ml.workflow.monitor_files import MonitorResult
    from engagement_ml.workflow.monitoring import monitor
    from engagement_ml.workflow.predicting import Predictions, predict
    from engagement_ml.workflow.promoting import promote, roll_back
    from engagement_ml.workflow.querying import sql
    from engagement_ml.workflow.registering import Registration, register
    from engagement_ml.workflow.reporting import report
    from engagement_ml.workflow.results import TrainResult
    from engagement_ml.workflow.score_result import Scores
    from engagement_ml.workflow.scorecarding import scorecard
    from engagement_ml.workflow.scorecards.files import ScorecardResult
    from engagement_ml.workflow.scoring import score
    from engagement_ml.workflow.starting import StarterResult, init
    from engagement_ml.workflow.training import train

__all__ = [
    "ActionReading",
    "ActionResult",
    "AuditResult",
    "MonitorResult",
    "Predictions",
    "Registration",
    "ScorecardResult",
    "Scores",
    "StarterResult",
    "TrackRecordResult",
    "TrainResult",
    "act",
    "audit",
    "check",
    "evaluate",
    "init",
    "monitor",
    "predict",
    "promote",
    "read_action",
    "register",
    "report",
    "roll_back",
    "score",
    "scorecard",
    "sql",
    "track_record",
    "train",
    "write_features",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ActionReading": "acting.reading_files",
        "ActionResult": "acting.results",
        "Registration": "registering",
        "Predictions": "predicting",
        "Scores": "score_result",
        "AuditResult": "auditing",
        "MonitorResult": "monitor_files",
        "StarterResult": "starting",
        "TrackRecordResult": "acting.recording",
        "TrainResult": "results",
        "act": "acting.making",
        "audit": "auditing",
        "check": "checking",
        "evaluate": "evaluating",
        "init": "starting",
        "promote": "promoting",
        "read_action": "acting.following",
        "register": "registering",
        "predict": "predicting",
        "monitor": "monitoring",
        "report": "reporting",
        "roll_back": "promoting",
        "score": "scoring",
        "scorecard": "scorecarding",
        "ScorecardResult": "scorecards.files",
        "sql": "querying",
        "track_record": "acting.recording",
        "train": "training",
        "write_features": "feature_export",
    },
)
