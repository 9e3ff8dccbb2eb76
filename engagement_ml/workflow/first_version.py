"""The gate for a version that was just registered, of a model that has no champion yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.config import parse_config
from engagement_ml.lifecycle.gate import Decision, decide
from engagement_ml.records import RunRecord
from engagement_ml.tracking.promotion import decide_first
from engagement_ml.workflow.gate_facts import record_facts


def first_version(record: RunRecord, registered: Mapping[str, Any], *, uri: str) -> dict[str, Any]:
    """Make a version the champion if its model has none and it passes the gate.

    The gate reads the results of the training; nothing is measured again.

    Parameters
    ----------
    record : RunRecord
    registered : mapping
        ``model``, ``version`` and ``alias``, as ``LoggedRun.to_dict`` returns them. Without a
        version nothing is done.
    uri : str
        The tracking store.

    Returns
    -------
    dict
        `registered` with its ``alias``, and ``gate``: ``passed``, the sentences of the checks that
        ``failed``, and ``champion``, the version that is champion now. ``passed`` is None if the
        model has another champion, with which `promote` compares the version.

    Raises
    ------
    TrackingError
        If the store cannot be used. The version stays registered, as challenger.
    """
    name, version = registered.get("model"), registered.get("version")
    if not name or version is None:
        return dict(registered)
    decision = decide_on_record(record)
    failed = [check.name for check in decision.failed]
    alias, champion = decide_first(str(name), int(version), failed, tracking_uri=uri)
    compared = champion is not None and champion != version
    gate = {
        "passed": None if compared else decision.passed,
        "failed": [] if compared else [check.sentence for check in decision.failed],
        "champion": champion,
    }
    return {**registered, "alias": alias, "gate": gate}


def decide_on_record(record: RunRecord) -> Decision:
    """Return what the gate says of a run by the results of its training."""
    config = parse_config(record.config)
    return decide(record_facts(record, config), config.gate)
