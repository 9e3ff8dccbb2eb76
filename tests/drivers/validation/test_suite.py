"""Checks are registered objects: a check from outside the package runs and can veto."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers import find_drivers
from engagement_ml.drivers.finding import Veto
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.validation.suite import CHECKS

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 42, "outcome_days": 42}}, origin="test"
)


@dataclass(frozen=True)
class FrequentBehaviours:
    """Objects to any behaviour that nearly every customer shows."""

    name: str = "frequent behaviours"
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        return "Is any behaviour too frequent to be a step that customers take?"

    def applies(self, context: CheckContext) -> bool:
        return bool(context.study.observed)

    def run(self, context: CheckContext) -> CheckResult:
        frequent = {b for b in context.study.observed if (context.study.counts(b) > 0).mean() > 0.5}
        return CheckResult(
            value=f"{len(frequent)} are",
            passed=not frequent,
            vetoes={b: Veto(self.name, "nearly every customer does it") for b in frequent},
        )


@pytest.fixture(scope="module")
def periods(simulate_shop):
    return simulate_shop(11, effect=0.2, n=900, n_periods=40)


@pytest.mark.seldom
def test_an_additional_check_is_listed_and_its_veto_applies(periods) -> None:
    without = find_drivers(periods, None, None, CONFIG)
    vetoed_evidence = find_drivers(
        periods, None, None, CONFIG, checks=(*CHECKS, FrequentBehaviours())
    )
    assert [row.verdict for row in without.drivers if row.behaviour == "driver"] == ["driver"]
    (vetoed,) = (row for row in vetoed_evidence.drivers if row.behaviour == "driver")
    assert vetoed.verdict == "unverifiable"
    assert "; nearly every customer does it; " in vetoed.reason
    assert vetoed_evidence.choices == ()
    (shown,) = (row for row in vetoed_evidence.checks if row.name == "frequent behaviours")
    assert (shown.result, shown.passed) == ("2 are", False)


@pytest.mark.seldom
def test_thresholds_can_be_varied(periods) -> None:
    strict = replace(THRESHOLDS, min_z=1000.0)
    evidence = find_drivers(periods, None, None, CONFIG, thresholds=strict)
    assert "driver" not in {row.verdict for row in evidence.drivers}


def test_names_of_checks_are_unique() -> None:
    early = [check.name for check in CHECKS if check.before_verdicts]
    assert len(set(early)) == len(early)
