"""Train on a schedule: tables in, a registered metric and a folder of results out.

Example:

    python -m engagement_ml.datasets shop data/shop
    python pipelines/train.py pipelines/shop.yaml --output runs/shop
"""

from __future__ import annotations

import argparse
import sys

import engagement_ml as em


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the pipeline's YAML file")
    parser.add_argument("--output", help="folder of results; else runs/<name>/<time>")
    given = parser.parse_args()

    config = em.read_config(given.config)
    result = em.train(config, output=given.output)

    print(result.metric)
    print(result.drivers[["behaviour", "verdict", "effect", "effect_low", "effect_high"]])
    if result.metric.abstained:
        print("abstained:", result.metric.reason)
    if result.registered and result.registered["model"]:
        print("registered:", result.registered["uri"], result.registered["alias"])
    print("results:", result.folder)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
