"""The demo: writes a data set and its pipeline definition to a folder, and trains on them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.datasets import dataset_names, preset_names
from engagement_ml.datasets.dataset import HasTables, write_dataset
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.progress import Progress
from engagement_ml.sources import new_folder_whole
from engagement_ml.tracking import check_store
from engagement_ml.workflow import TrainResult, train
from engagement_ml.workflow.results import default_folder

DATA = "data"
SHOP_CUSTOMERS = 4000


def run_demo(
    dataset: str,
    *,
    path: Path | None,
    output: Path | None,
    effects: bool,
    customers: int | None,
    seed: int,
    progress: Progress,
) -> tuple[TrainResult, Path]:
    """Write a data set and its YAML file to a folder, and train on them.

    Returns
    -------
    result : TrainResult
    events : Path
        The file of events.

    Raises
    ------
    ConfigError
        If the data set is unknown, or if it needs a file and none is given.
    """
    _check_options(dataset, path, effects)

    def load() -> tuple[HasTables, tuple[str, ...]]:
        return _load(dataset, path, effects, customers, seed)

    folder, assumptions = write_demo(dataset, load, output, progress)
    result = train(folder / f"{dataset}.yaml", output=folder, notes=assumptions, progress=progress)
    return result, folder / DATA / "events.parquet"


def write_demo(
    name: str,
    load: Callable[[], tuple[HasTables, tuple[str, ...]]],
    output: Path | None,
    progress: Progress,
) -> tuple[Path, tuple[str, ...]]:
    """Write a data set and its YAML file to a folder, completely or not at all.

    Returns
    -------
    folder : Path
    assumptions : tuple of str
        Sentences about the data set that readers of results need.
    """
    text = definition(name)
    config = _parse(text, name)
    if config.tracking.uri is not None:
        check_store(config.tracking.uri)
    folder = output if output is not None else default_folder(config.name)
    with new_folder_whole(folder) as temporary:
        progress.start("Creating the data set")
        tables, assumptions = load()
        write_dataset(tables, temporary / DATA)
        (temporary / f"{name}.yaml").write_text(
            relocate_definition(text, name, folder), encoding="utf-8"
        )
    return folder, assumptions


def definition(dataset: str) -> str:
    """Return the text of the data set's pipeline definition, as in ``pipelines/``."""
    file = resources.files("engagement_ml.cli") / "definitions" / f"{dataset}.yaml"
    return file.read_text(encoding="utf-8")


def relocate_definition(text: str, dataset: str, folder: Path) -> str:
    r"""Return a definition for a folder that contains the tables in ``data/``.

    Examples
    --------
    >>> text = "# Get its tables: x\n# Then run: y\n\nevents: ../data/shop/events.parquet"
    >>> print(relocate_definition(text, "shop", Path("runs/demo")))
    # Run it again: engagement-ml train runs/demo/shop.yaml
    <BLANKLINE>
    events: data/events.parquet
    """
    lines = [line for line in text.splitlines() if not line.startswith("# Get its tables:")]
    run_again = f"# Run it again: engagement-ml train {(folder / dataset).as_posix()}.yaml"
    lines = [run_again if line.startswith("# Then run:") else line for line in lines]
    return "\n".join(lines).replace(f"../data/{dataset}/", f"{DATA}/") + "\n" * text.endswith("\n")


def _check_options(dataset: str, path: Path | None, effects: bool) -> None:
    if dataset not in dataset_names:
        raise ConfigError(
            f"--dataset: '{dataset}' is a preset; give it with --preset"
            if dataset in preset_names
            else f"--dataset: '{dataset}' is unknown{nearest(dataset, dataset_names)}; "
            f"give one of {', '.join(dataset_names)}"
        )
    if dataset == "online-retail" and path is None:
        raise ConfigError("--path: online-retail needs a file; give the one with the invoice lines")
    if dataset != "online-retail" and path is not None:
        raise ConfigError(f"--path: only for online-retail; {dataset} needs no file")
    if dataset != "shop" and not effects:
        raise ConfigError(f"--no-effects: only for the simulated shop; {dataset} is real data")


def _parse(text: str, dataset: str) -> PipelineConfig:
    import yaml

    return parse_config(yaml.safe_load(text), origin=f"{dataset}.yaml")


def _load(
    dataset: str, path: Path | None, effects: bool, customers: int | None, seed: int
) -> tuple[HasTables, tuple[str, ...]]:
    from engagement_ml import datasets

    if dataset == "complete-journey":
        journey = datasets.load_complete_journey()
        return journey, journey.assumptions
    if dataset == "online-retail":
        retail = datasets.load_online_retail(path or "")
        return retail, retail.assumptions
    n_customers = SHOP_CUSTOMERS if customers is None else customers
    shop = datasets.make_shop(n_customers, seed=seed, effects=effects)
    return shop, ("The shop is simulated: its true drivers are known.",)
