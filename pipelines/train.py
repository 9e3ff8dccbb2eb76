"""Train on a schedule: from tables to a registered metric and a folder of results.

Example:

    python -m engagement_ml.datasets shop data/shop
    python pipelines/train.py pipelines/shop.yaml --output runs/shop
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
    parser.add_argument("config", help="the pipeline's YAML file")
    parser.add_argument("--output", help="results folder; by default runs/<name>/<time>")
    arguments = parser.parse_args()

    config = em.read_config(arguments.config)
    result = em.train(config, output=arguments.output)

    print(result.metric)
    print(result.drivers[["behaviour", "verdict", "effect", "effect_low", "effect_high"]])
    if result.metric.abstained:
        print("abstained:", result.metric.reason)
    if result.registered and result.registered["model"]:
        print("registered:", result.registered["uri"], result.registered["alias"])
    print("results:", result.folder)
    return 0


if __name__ == "__main__":
    # The log has each step with its duration.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
