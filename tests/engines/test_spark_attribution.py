"""Paths and credit on Spark are those on DuckDB."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engagement_ml.attribution.rules import RULES
from engagement_ml.engine import Engine, open_duckdb
from tests.attribution.test_rules import K, counted


def credit(engine: Engine) -> dict[str, list[float]]:
    rng = np.random.default_rng(3)
    who = rng.choice(list("abcdefgh"), 300)
    touches = list(zip(who.tolist(), rng.integers(0, 90, 300).tolist(),
                       rng.integers(0, K, 300).tolist(), strict=True))  # fmt: skip
    sales = {(w, int(t)): (w, int(t), int(v)) for w, t, v in zip(
        rng.choice(list("abcdefgh"), 60).tolist(), rng.integers(0, 90, 60),
        rng.integers(1, 9, 60), strict=True)}  # fmt: skip
    counts = counted(engine, touches, list(sales.values()), end=91)
    found = {
        f"{name} {by_value}": rule(counts, K, by_value=by_value).tolist()
        for name, rule in RULES.items()
        for by_value in (False, True)
    }
    return {**found, "ends": counts.ends.n.tolist(), "same": [counts.n_same_moment]}


@pytest.mark.seldom
@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_credit_on_spark(spark_engine: Any) -> None:
    with open_duckdb(threads=1) as engine:
        expected = credit(engine)
    assert credit(spark_engine) == expected
