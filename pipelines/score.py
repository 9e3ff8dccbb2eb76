r"""Score on a schedule: the score and points of every customer, from their events.

Example:

    python pipelines/score.py models:/shop-engagement@champion data/shop/events.parquet \
        --customers data/shop/customers.parquet --output scores.parquet
"""

from __future__ import annotations

import argparse
import logging
import sys

import engagement_ml as em


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a run's folder, a metric.json, or an MLflow URI")
    parser.add_argument("events", help="Parquet file, folder or glob, CSV, or file.duckdb::table")
    parser.add_argument("--customers", help="table of customers; by default all with an event")
    parser.add_argument("--as-of", help="date of the score; by default after the last event")
    parser.add_argument("--output", default="scores.parquet", help=".parquet or .csv")
    arguments = parser.parse_args()

    scores = em.score(
        arguments.model,
        arguments.events,
        customers=arguments.customers,
        as_of=arguments.as_of,
        output=arguments.output,
    )

    print(f"{scores.path}: {scores.n_entities} scores as of {scores.as_of:%Y-%m-%d}")
    return 0


if __name__ == "__main__":
    # The log has each step with its duration.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
