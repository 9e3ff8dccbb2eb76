"""Technical details: versions, identifiers, fingerprints and running time, without folders."""

from __future__ import annotations

from collections.abc import Mapping

from engagement_ml.formatting import number, one_line
from engagement_ml.report.gate_text import gate_lines
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run, without_folders


def build(run: Run) -> list[tuple[str, str]]:
    """Return names and values; a value that the run does not have is left out."""
    record, registered = run.record, run.record.registered or {}
    rows = [
        ("Pipeline", record.name),
        ("Made", record.created_at),
        ("engagement-ml", record.version),
        ("Metric definition", run.metric.definition_hash),
        ("Random seed", record.config.get("random_seed")),
        ("Registered model", registered.get("model")),
        ("Version", registered.get("version")),
        ("Alias", registered.get("alias")),
        ("Gate", " ".join(gate_lines(registered))),
        ("Model URI", _place(registered.get("uri"))),
        ("MLflow run", registered.get("run_id")),
        ("Tracking store", _place(registered.get("tracking_uri"))),
        *((f"Fingerprint of {table.table}", table.fingerprint) for table in record.tables),
        ("Running time", _steps(record.seconds)),
    ]
    return [(one_line(name), one_line(value)) for name, value in rows if value not in (None, "")]


def _place(uri: str | None) -> str:
    return without_folders(uri) if uri else ""


def _steps(seconds: Mapping[str, float]) -> str:
    if not seconds:
        return ""
    steps = ", ".join(f"{step} {number(took, 1)} s" for step, took in seconds.items())
    return f"{number(sum(seconds.values()), 1)} s: {steps}"


VERSIONS = Section("versions", "Technical details", "versions.html.j2", build, folded=True)
