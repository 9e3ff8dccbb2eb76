"""A randomised test that contradicts observation fails the check."""

from __future__ import annotations

from types import SimpleNamespace

from engagement_ml.drivers.finding import Verdict
from engagement_ml.drivers.validation.check import CheckContext
from engagement_ml.drivers.validation.experiment_agreement import ExperimentAgreement


def context(**pairs: tuple[str, str]) -> CheckContext:
    config = SimpleNamespace(label=lambda b: b)
    tested = {
        b: SimpleNamespace(observed_verdict=Verdict(observed, "passed"))  # type: ignore[arg-type]
        for b, (observed, _) in pairs.items()
    }
    verdicts = {b: Verdict(by_test, "passed") for b, (_, by_test) in pairs.items()}  # type: ignore[arg-type]
    override = SimpleNamespace(tested=tested, verdicts=verdicts)
    study = SimpleNamespace(config=config)
    return CheckContext(study, None, {}, {}, True, override=override)  # type: ignore[arg-type]


def test_agreement_passes() -> None:
    tested = context(call=("driver", "driver"), like=("vanity", "inert"))
    assert ExperimentAgreement().applies(tested)
    result = ExperimentAgreement().run(tested)
    assert (result.value, result.passed) == ("2 of 2 agree", True)


def test_a_contradiction_fails_and_names_the_behaviour() -> None:
    result = ExperimentAgreement().run(
        context(call=("driver", "inert"), mail=("harmful", "harmful"))
    )
    assert result.passed is False
    assert result.value is not None
    assert result.value.startswith(
        "1 of 2 agree; contradicted: call (driver by observation, inert by the test); "
    )


def test_tests_without_an_answer_are_not_compared() -> None:
    unclear = context(call=("driver", "unverifiable"), mail=("unverifiable", "driver"))
    assert not ExperimentAgreement().applies(unclear)
