"""sqlglot is loaded only if an expression is used, so that other runs start as fast as before."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ = """
import sys
import pandas as pd
from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
events = pd.DataFrame({"customer_id": [1, 2], "event_type": "a", "timestamp": ["1.5.2024"] * 2})
paid = events.assign(margin=1.0)
shape = {"format": "%d.%m.%Y", **SHAPE}
config = parse_config({"name": "x", "shape": {"events": shape, "transactions": shape}})
with open_duckdb(threads=1) as engine:
    read_tables(config, engine, {"events": events, "transactions": paid})
print("sqlglot" in sys.modules)
"""


@pytest.mark.seldom
def test_sqlglot_is_loaded_for_expressions_alone() -> None:
    for shape, loaded in (({}, "False"), ({"where": "customer_id > 0"}, "True")):
        code = READ.replace("SHAPE", repr(shape))
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == loaded
