"""Negative controls that seem to act fail the check and veto what is not clearly stronger."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.finding import Finding
from engagement_ml.drivers.selection.cross_section import Association
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.check import CheckContext
from engagement_ml.drivers.validation.negative_controls import NegativeControls

ROLES = {"weather_page": "negative_control"}


def finding(behaviour: str, z: float | None) -> Finding:
    within = None if z is None else WindowEffect(2.0, 1.5, 2.5, z, np.zeros(6), np.zeros(9))
    half_z = (0.0, 0.0) if z is None else (0.7 * z, 0.7 * z)
    response = PurchaseResponse(behaviour, 0.0, 0.0, (1, 1), 0.0)
    association = Association(0.3, 20.0, 3.0, 2.0)
    role = ROLES.get(behaviour, "behaviour")
    return Finding(
        behaviour, role, within, half_z, association, response, None, 1.0, 0.0, 1.0
    )  # fmt: skip


def context(**z: float | None) -> CheckContext:
    config = SimpleNamespace(
        behaviour=lambda b: SimpleNamespace(role=ROLES.get(b, "behaviour")), label=lambda b: b
    )
    study = SimpleNamespace(config=config, thresholds=THRESHOLDS)
    findings = {b: finding(b, value) for b, value in z.items()}
    return CheckContext(study, None, findings, {}, True)  # type: ignore[arg-type]


def test_a_silent_control_passes() -> None:
    result = NegativeControls().run(context(weather_page=0.4, tutorial=20.0))
    assert (result.passed, result.vetoes) == (True, {})
    assert result.value == "weather_page z 0.4; none passes the tests of a driver"


def test_a_control_that_seems_to_act_vetoes_what_is_not_clearly_stronger() -> None:
    tested = context(weather_page=9.0, tutorial=30.0, call=12.0, rare=None)
    result = NegativeControls().run(tested)
    assert result.passed is False
    assert set(result.vetoes) == {"call"}
    assert result.vetoes["call"].reason == (
        "weather_page, which is declared unable to act, reaches z 9.0, so a hidden cause may "
        "explain it"
    )


@pytest.mark.parametrize("z", [{"tutorial": 9.0}, {"weather_page": None}])
def test_without_an_estimated_control_there_is_nothing_to_check(z) -> None:
    assert not NegativeControls().applies(context(**z))
