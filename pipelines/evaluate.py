"""Evaluate on a schedule: measure the registered metric on the newest data.

Example:

    python pipelines/evaluate.py models:/shop-engagement@champion pipelines/shop.yaml
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
    parser.add_argument("model", help="a run's folder, or an MLflow URI")
    parser.add_argument("config", nargs="?", help="YAML file that names the newer data")
    parser.add_argument("--output", help="folder for evaluation.json")
    arguments = parser.parse_args()

    evaluation = em.evaluate(arguments.model, arguments.config, output=arguments.output)

    print("cutoffs:", *evaluation["test_cutoffs"])
    for name, across in evaluation["metric"]["across"].items():
        predicts = spearman(across)
        moves_with_margin = spearman(evaluation["metric"]["within"].get(name))
        print(f"{name:<28} predicts {predicts}   moves with margin {moves_with_margin}")
    for note in [*evaluation["notes"], *evaluation["metric"]["notes"]]:
        print("note:", note)
    return 0


def spearman(measures: dict | None) -> str:
    measure = (measures or {}).get("spearman")
    if measure is None:
        return "–"
    return f"{measure['value']:.2f} ({measure['low']:.2f} to {measure['high']:.2f})"


if __name__ == "__main__":
    # The log has each step with its duration.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
