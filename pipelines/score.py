r"""Score on a schedule: everybody's score and points, from their events.

Example:

    python pipelines/score.py models:/shop-engagement@champion data/shop/events.parquet \
        --customers data/shop/customers.parquet --output scores.parquet
"""

from __future__ import annotations

import argparse
import sys

import engagement_ml as em


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a run's folder, a metric.json, or an MLflow URI")
    parser.add_argument("events", help="Parquet file, folder or glob, CSV, or file.duckdb::table")
    parser.add_argument("--customers", help="whom to score; else everyone who has an event")
    parser.add_argument("--as-of", help="score what was done before this day; else all")
    parser.add_argument("--output", default="scores.parquet", help=".parquet or .csv")
    given = parser.parse_args()

    scores = em.score(
        given.model,
        given.events,
        customers=given.customers,
        as_of=given.as_of,
        output=given.output,
    )

    print(f"{scores.path}: {scores.n_entities} scores as of {scores.as_of:%Y-%m-%d}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
