"""The demo of a preset: its data set, its definition, a trained run and a scorecard."""

from __future__ import annotations

from pathlib import Path

from engagement_ml.cli.demo import DATA, write_demo
from engagement_ml.datasets import preset_names
from engagement_ml.datasets.dataset import HasTables
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.progress import Progress
from engagement_ml.workflow import TrainResult, scorecard, train
from engagement_ml.workflow.scorecards.files import ScorecardResult

SCORECARD = "scorecard"


def run_preset(
    preset: str,
    *,
    alone: bool,
    output: Path | None,
    customers: int | None,
    seed: int,
    progress: Progress,
) -> tuple[TrainResult, Path, ScorecardResult]:
    """Write a preset's data set and its YAML file to a folder, train, and make the scorecard.

    Parameters
    ----------
    preset : str
    alone : bool
        Whether no option is given that is about another data set.
    output : Path or None
    customers : int or None
        None is the preset's own number.
    seed : int
    progress : Progress

    Returns
    -------
    result : TrainResult
    events : Path
        The file of events.
    card : ScorecardResult
        In the folder's subfolder ``scorecard``.

    Raises
    ------
    ConfigError
        If the preset is unknown, or the options do not belong together.
    """
    if preset not in preset_names:
        raise ConfigError(
            f"--preset: '{preset}' is unknown{nearest(preset, preset_names)}; "
            f"give one of {', '.join(preset_names)}"
        )
    if not alone:
        raise ConfigError(
            "--preset: not together with --dataset, --path or --no-effects; leave those out"
        )
    from engagement_ml.datasets import make_preset

    def load() -> tuple[HasTables, tuple[str, ...]]:
        made = make_preset(preset, customers, seed=seed)
        return made, ("The data set is simulated: its true drivers are known.",)

    folder, notes = write_demo(preset, load, output, progress)
    file = folder / f"{preset}.yaml"
    result = train(file, output=folder, notes=notes, progress=progress)
    card = scorecard(file, model=folder, output=folder / SCORECARD, progress=progress)
    return result, folder / DATA / "events.parquet", card
