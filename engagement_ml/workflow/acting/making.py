"""The list of actions: whom to act on, with a control group that shows whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.config.actions import ActConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import ConfigError, OutputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.inputs import read_tables
from engagement_ml.progress import OnStep, Progress, ProgressOption, progress_for
from engagement_ml.sources import new_folder_whole
from engagement_ml.workflow.acting.drawing import drawn
from engagement_ml.workflow.acting.plan import ACTION
from engagement_ml.workflow.acting.results import ActionResult, write_action
from engagement_ml.workflow.parameters import ConfigLike
from engagement_ml.workflow.run_log import log_notes
from engagement_ml.workflow.scorecards.run import as_trained, chosen_run
from engagement_ml.workflow.settings import as_config


@machine_faults_named()
def act(
    config: ConfigLike,
    *,
    model: str | Path | None = None,
    output: str | Path | None = None,
    control_share: float | None = None,
    at_most: int | None = None,
    seed: int | None = None,
    frames: Mapping[str, Any] | None = None,
    tracking_uri: str | None = None,
    progress: ProgressOption | Progress = "log",
    on_step: OnStep | None = None,
) -> ActionResult:
    """List whom to act on with which driver, and hold out a random control group.

    Each customer is proposed the driver of margin whose next event is worth most at the own count,
    as of the end of the tables. Who is left alone is drawn at random within strata of behaviour
    and expected gain. `read_action` compares the two later.

    Parameters
    ----------
    config : PipelineConfig, path or mapping
        Names the tables; its section ``act`` has the defaults.
    model : path or str, optional
        The run whose verdicts count: a folder that `train` wrote, or an MLflow URI. By default a
        run in the folder of the configuration, the newest in ``runs/<name>``, the champion, or
        else one that is trained for this.
    output : path, optional
        A new folder for ``actions.csv``, ``assignment.csv``, ``action.json`` and ``metric.json``,
        written completely or not at all. Without it nothing can be read back. Actions in other
        folders beside it that still run keep their customers: these are left out.
    control_share : float, optional
        Share of the list that is left alone, 0 to 0.9; by default ``act.control_share``.
    at_most : int, optional
        Most customers on the list, the largest gains first; by default ``act.at_most``.
    seed : int, optional
        By default ``random_seed``.
    frames : mapping of table name to path or frame, optional
        Replaces ``config.sources``.
    tracking_uri : str, optional
        For models given by URI.
    progress : {"log", "auto", "bar", False} or Progress, default "log"
    on_step : callable, optional

    Returns
    -------
    ActionResult
        ``frame`` has the customers to treat, ``plan`` the numbers of the list: expected gain, and
        the smallest lift that the list can show.

    Raises
    ------
    ConfigError
        If an option is out of range, or the windows of `model` are others.
    InputError, NotEnoughDataError
        If the tables or the run cannot be used, no behaviour is a driver, or one more event pays
        for no customer.
    OutputError
        If `output` holds an action already, or cannot be written.

    Examples
    --------
    >>> import engagement_ml as em
    >>> result = em.act("runs/demo/shop.yaml", output="runs/actions/july")  # doctest: +SKIP
    >>> result.plan.detectable  # doctest: +SKIP
    2.4
    """
    settings = as_config(config)
    settings = settings.model_copy(update={"act": _settings(settings, control_share, at_most)})
    folder = Path(config).resolve().parent if isinstance(config, str | Path) else None
    target = None if output is None else Path(output)
    if target is not None and (target / ACTION).exists():
        raise OutputError(
            f"{target}: holds an action already, whose assignment must stay as it is; give a new "
            "folder"
        )
    with (
        progress_for(progress, on_step) as steps,
        nullcontext() if target is None else new_folder_whole(target) as place,
    ):
        steps.start("Reading the model")
        with chosen_run(
            settings, folder, model=model, frames=frames, tracking_uri=tracking_uri, progress=steps
        ) as chosen:
            settings = as_trained(settings, chosen)
            steps.start("Reading tables")
            with open_engine(settings.engine, frames) as engine:
                tables = read_tables(settings, engine, frames, on_part=steps.update)
                steps.start("Drawing the control group")
                result = drawn(settings, chosen, tables, target, seed)
        if place is not None:
            steps.start("Writing the list")
            result = replace(result, plan=write_action(result, place))
    log_notes(result.plan.notes)
    return result if target is None else replace(result, folder=target)


def _settings(config: PipelineConfig, share: float | None, at_most: int | None) -> ActConfig:
    given = {"control_share": share, "at_most": at_most}
    values = config.act.model_dump() | {n: v for n, v in given.items() if v is not None}
    if not 0.0 <= values["control_share"] <= 0.9:
        raise ConfigError(
            f"control_share: expected a share from 0 to 0.9, found {values['control_share']:g}"
        )
    if values["at_most"] is not None and values["at_most"] < 2:
        raise ConfigError(f"at_most: expected 2 or more, found {values['at_most']}")
    return ActConfig(**values)
