"""Write the tables of a data set: ``python -m engagement_ml.datasets shop data/shop``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from engagement_ml.datasets import dataset_names, preset_names
from engagement_ml.datasets.dataset import HasTables, write_dataset
from engagement_ml.errors import ConfigError, EngagementError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one data set; return the exit status.

    Examples
    --------
    >>> import tempfile
    >>> main(["shop", tempfile.mkdtemp(), "--customers", "5", "--weeks", "2"])
    /.../events.parquet
    /.../transactions.parquet
    /.../customers.parquet
    0
    """
    parser = argparse.ArgumentParser(prog="python -m engagement_ml.datasets", description=__doc__)
    parser.add_argument("name", choices=(*dataset_names, *preset_names))
    parser.add_argument("folder", help="folder for the Parquet files")
    parser.add_argument("--path", help="online-retail: file with the invoice lines")
    parser.add_argument(
        "--margin-rate", type=float, help="real data sets: share of margin in sales, 0 to 1"
    )
    parser.add_argument(
        "--customers", type=int, help="shop and presets: number of customers; 4000 for the shop"
    )
    parser.add_argument(
        "--weeks", type=int, help="shop and presets: number of weeks; 60 for the shop"
    )
    parser.add_argument("--seed", type=int, default=0, help="shop and presets: random seed")
    parser.add_argument("--no-effects", action="store_true", help="shop: no behaviour moves margin")
    options = parser.parse_args(arguments)
    try:
        dataset, assumptions = _load(options)
        written = write_dataset(dataset, options.folder)
    except EngagementError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    print(*assumptions, *written, sep="\n")  # noqa: T201
    return 0


def _load(options: argparse.Namespace) -> tuple[HasTables, tuple[str, ...]]:
    rate = {} if options.margin_rate is None else {"margin_rate": options.margin_rate}
    if options.name == "complete-journey":
        from engagement_ml.datasets import load_complete_journey

        journey = load_complete_journey(**rate)
        return journey, journey.assumptions
    if options.name == "online-retail":
        from engagement_ml.datasets import load_online_retail

        if options.path is None:
            raise ConfigError("online-retail is read from a file: give it with --path")
        retail = load_online_retail(options.path, **rate)
        return retail, retail.assumptions
    sizes = {"n_customers": options.customers, "n_weeks": options.weeks}
    given = {key: size for key, size in sizes.items() if size is not None}
    if options.name in preset_names:
        from engagement_ml.datasets import make_preset

        return make_preset(options.name, **given, seed=options.seed), ()
    from engagement_ml.datasets import make_shop

    return make_shop(**given, seed=options.seed, effects=not options.no_effects), ()


if __name__ == "__main__":
    sys.exit(main())
