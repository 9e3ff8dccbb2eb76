"""Check of a pipeline before training: all faults, and what the data allow; nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import InvalidConfigError
from engagement_ml.faults import machine_faults_named
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import write_whole
from engagement_ml.workflow.settings import as_config

if TYPE_CHECKING:
    from engagement_ml.readiness import CheckResult


@machine_faults_named()
def check(
    config: PipelineConfig | str | Path | Mapping[str, Any],
    *,
    frames: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> CheckResult:
    """Find all faults of a configuration and its tables, and what the tables allow.

    Parameters
    ----------
    config : PipelineConfig, path or mapping
    frames : mapping of table name to path or frame, optional
        Replaces the configuration's ``sources``.
    output : path, optional
        A ``.md`` file for the data maturity page, or any other for the JSON document; by default
        nothing is written.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
        How steps are shown; see `engagement_ml.progress.progress_for`.
    on_step : callable, optional
        Called with the name of each step as it starts.

    Returns
    -------
    CheckResult
        Its ``faults`` are all that would stop training; ``to_dict()`` is the JSON document.

    Raises
    ------
    EngagementError
        If the configuration's file is missing or no YAML, or `output` cannot be written. Faults
        of the tables and of keys are no errors but part of the result.

    Examples
    --------
    >>> import engagement_ml as em
    >>> shop = em.make_shop(n_customers=60, n_weeks=40)
    >>> found = em.check({"name": "shop"}, frames={"events": shop.events}, progress=False)
    >>> [fault.message for fault in found.faults]
    ["key 'sources.transactions' is missing; give the path of the table, or pass it as a frame"]
    """
    with progress_for(progress, on_step) as steps:
        result = _check(config, frames, steps)
    if output is not None:
        with write_whole(Path(output)) as temporary:
            temporary.write_text(_document(result, Path(output)), encoding="utf-8")
    return result


def _document(result: CheckResult, output: Path) -> str:
    """Return the page for a Markdown file, and JSON for any other."""
    from engagement_ml.readiness import markdown_page

    if output.suffix.lower() in (".md", ".markdown"):
        return markdown_page(result)
    return json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"


def _check(
    config: PipelineConfig | str | Path | Mapping[str, Any],
    frames: Mapping[str, Any] | None,
    steps: Progress,
) -> CheckResult:
    from engagement_ml.readiness import CheckResult, Fault, check_tables

    try:
        settings = as_config(config)
    except InvalidConfigError as error:
        return CheckResult(None, faults=tuple(Fault(None, each) for each in error.problems))
    steps.start("Checking tables")
    with open_engine(settings.engine, frames) as engine:
        return check_tables(settings, engine, frames)
