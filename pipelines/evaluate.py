"""Evaluate on a schedule: measure the registered metric on the newest data.

Example:

    python pipelines/evaluate.py models:/shop-engagement@champion pipelines/shop.yaml
"""

from __future__ import annotations

import argparse
import sys

import engagement_ml as em


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a run's folder, or an MLflow URI")
    parser.add_argument("config", nargs="?", help="YAML file that says where newer data lies")
    parser.add_argument("--output", help="folder for evaluation.json")
    given = parser.parse_args()

    evaluation = em.evaluate(given.model, given.config, output=given.output)

    print("cutoffs:", *evaluation["test_cutoffs"])
    for name, across in evaluation["metric"]["across"].items():
        foretells = spearman(across)
        steers = spearman(evaluation["metric"]["within"].get(name))
        print(f"{name:<28} foretells {foretells}   steers {steers}")
    for note in [*evaluation["notes"], *evaluation["metric"]["notes"]]:
        print("note:", note)
    return 0


def spearman(measured: dict | None) -> str:
    found = (measured or {}).get("spearman")
    if found is None:
        return "–"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except em.EngagementError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
