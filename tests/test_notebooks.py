"""The notebooks run from top to bottom; all but those on outside data are kept without outputs."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RETAIL = ROOT.parent / "shared" / "data" / "online_retail.parquet"
KEPT = ("07-real-data",)
"""Notebooks on data that are not in this repository, kept with their outputs."""

SELDOM = (
    "02-reading-the-drivers",
    "04-life-of-a-metric",
    "05-scorecard",
    "06-own-data",
    "07-real-data",
    "08-churn",
    "09-experiments",
    "10-partners",
    "11-acquisition",
)
"""Notebooks that run if `ALL_TESTS` is set, and when the site is built."""


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    if path.stem in SELDOM and "ALL_TESTS" not in os.environ:
        pytest.skip("set ALL_TESTS=1 to run this notebook as well")
    if path.stem in KEPT and not RETAIL.is_file():
        pytest.skip(f"{RETAIL} does not exist")
    from nbclient import NotebookClient

    # The kernel is a process of its own and takes its settings from the environment.
    monkeypatch.setitem(os.environ, "PYTHONWARNINGS", "ignore")
    monkeypatch.setitem(os.environ, "ONLINE_RETAIL", str(RETAIL))
    monkeypatch.delitem(os.environ, "MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=3600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in shown if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert "True" in [output.get("data", {}).get("text/plain") for output in shown]
    if path.stem == "01-quickstart":
        assert "shop-engagement" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_or_without_paths(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    if path.stem in KEPT:
        outputs = str([cell.get("outputs") for cell in notebook.cells])
        assert "image/png" in outputs
        assert not re.search(r"/(?:home|root|tmp|work|Users)/|[A-Z]:\\\\", outputs)
        return
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_there_is_a_quickstart():
    assert "01-quickstart" in [path.stem for path in NOTEBOOKS]
