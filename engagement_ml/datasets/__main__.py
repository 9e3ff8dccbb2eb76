"""Write a data set's tables to a folder: ``python -m engagement_ml.datasets shop data/shop``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from engagement_ml.datasets import dataset_names
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
    parser.add_argument("name", choices=dataset_names)
    parser.add_argument("folder", help="where the Parquet files go")
    parser.add_argument("--path", help="online-retail: the file with the invoice lines")
    parser.add_argument("--margin-rate", type=float, help="the real ones: margin in sales, 0 to 1")
    parser.add_argument("--customers", type=int, default=4000, help="shop: how many")
    parser.add_argument("--weeks", type=int, default=60, help="shop: how many")
    parser.add_argument("--seed", type=int, default=0, help="shop")
    parser.add_argument("--no-effects", action="store_true", help="shop: nothing moves margin")
    given = parser.parse_args(arguments)
    try:
        dataset, assumptions = _make(given)
        written = write_dataset(dataset, given.folder)
    except EngagementError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    print(*assumptions, *written, sep="\n")  # noqa: T201
    return 0


def _make(given: argparse.Namespace) -> tuple[HasTables, tuple[str, ...]]:
    rate = {} if given.margin_rate is None else {"margin_rate": given.margin_rate}
    if given.name == "complete-journey":
        from engagement_ml.datasets import load_complete_journey

        journey = load_complete_journey(**rate)
        return journey, journey.assumptions
    if given.name == "online-retail":
        from engagement_ml.datasets import load_online_retail

        if given.path is None:
            raise ConfigError("online-retail comes from a file: give it with --path")
        retail = load_online_retail(given.path, **rate)
        return retail, retail.assumptions
    from engagement_ml.datasets import make_shop

    shop = make_shop(given.customers, given.weeks, given.seed, effects=not given.no_effects)
    return shop, ()


if __name__ == "__main__":
    sys.exit(main())
