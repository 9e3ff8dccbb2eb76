"""What the gate said of a version when it was registered, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engagement_ml.formatting import one_line, sentence


def gate_lines(registered: Mapping[str, Any]) -> list[str]:
    """Return the gate's result and, if the version stays challenger, the reasons.

    Parameters
    ----------
    registered : mapping
        ``registered`` of a record. Records of earlier versions have no ``gate``: no lines.

    Examples
    --------
    >>> gate = {"passed": False, "failed": ["only 80 customers were measured"], "champion": None}
    >>> gate_lines({"model": "shop", "version": 1, "gate": gate})
    ['Version 1 does not pass the gate, so it stays challenger and there is no champion.', \
'Only 80 customers were measured.']
    """
    gate = registered.get("gate")
    if not isinstance(gate, Mapping):
        return []
    model, version = one_line(registered.get("model")), one_line(registered.get("version"))
    if gate.get("passed"):
        return [f"Version {version} passes the gate and is champion."]
    if gate.get("passed") is None:
        champion = one_line(gate.get("champion"))
        return [
            f"Version {champion} is champion. Compare this one with it: "
            f"engagement-ml promote models:/{model}/{version}"
        ]
    failed = [sentence(one_line(reason)) for reason in gate.get("failed") or ()]
    return [
        f"Version {version} does not pass the gate, so it stays challenger and there is no "
        "champion.",
        *failed,
    ]
