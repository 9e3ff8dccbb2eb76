"""The tools that build the documentation site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")

from docs_build.assets import remote_assets
from docs_build.docstrings import prepared
from docs_build.gallery import page_of
from docs_build.printing import fill_in
from docs_build.public_names import undocumented
from docs_build.schemas import schema_files, schema_tables
from engagement_ml.config.schema import SCHEMA_URL, config_schema

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [*command, str(tmp_path / "site")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "engagement-ml" in index
    assert (tmp_path / "site" / "search" / "search_index.js").exists()
    schema = tmp_path / "site" / "reference" / "pipeline.schema.json"
    assert json.loads(schema.read_text(encoding="utf-8")) == config_schema()


def test_the_schema_is_published_where_the_page_says():
    ((path, content),) = schema_files().items()
    assert SCHEMA_URL.endswith(f"/engagement-ml/{path}")
    assert json.loads(content)["$id"] == SCHEMA_URL
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    assert f"# yaml-language-server: $schema={SCHEMA_URL}\n" in page


def test_a_public_name_without_a_docstring_is_found(tmp_path):
    package = tmp_path / "engagement_ml"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from engagement_ml.inner import Known, unknown\n\n__all__ = ['Known', 'unknown']\n"
    )
    (package / "inner.py").write_text(
        'class Known:\n    """Has one."""\n\n    def method(self):\n        pass\n\n'
        "def unknown():\n    pass\n"
    )
    pages = tmp_path / "docs" / "reference" / "api"
    pages.mkdir(parents=True)
    (pages / "index.md").write_text("::: engagement_ml.inner.Known\n")
    assert undocumented(tmp_path) == [
        "engagement_ml.inner.Known.method: has no docstring",
        "engagement_ml.unknown: has no docstring",
        "engagement_ml.unknown: is on no page under docs/reference/api/",
    ]


def test_what_a_page_loads_from_elsewhere_is_found(tmp_path):
    (tmp_path / "page.html").write_text(
        '<a href="https://example.org/">a link</a><script src="https://example.org/a.js"></script>'
        '<link rel="stylesheet" href="//example.org/b.css"><img src="here.png">'
    )
    (tmp_path / "site.css").write_text("@import 'https://example.org/c.css';")
    assert remote_assets(tmp_path) == [
        "page.html: https://example.org/a.js",
        "page.html: //example.org/b.css",
        "site.css: https://example.org/c.css",
    ]


def test_an_unknown_mark_is_an_error():
    with pytest.raises(KeyError, match="nothing-known"):
        fill_in("<!-- printed: nothing-known -->")


def test_formulas_tables_and_names_of_a_docstring_are_prepared():
    text = (
        "A mean :math:`\\bar{x}`.\n\n.. math:: y = x^2\n\n=====  ===\nname   n\n=====  ===\n"
        "a      1\n=====  ===\n\nParameters\n----------\nlow, high : float\n    Bounds.\n"
    )
    made = prepared(text)
    assert made.count("<math") == 2
    assert "| name | n |\n| --- | --- |\n| a | 1 |\n" in made
    assert "low : float\n    Bounds.\n\nhigh : float\n    Bounds." in made


def test_a_schema_becomes_tables():
    schema = {
        "properties": {
            "n": {"type": "integer", "minimum": 1, "default": 3, "description": "How many."},
            "part": {"$ref": "#/$defs/Part"},
        },
        "required": ["part"],
        "$defs": {
            "Part": {"properties": {"kind": {"enum": ["a", "b"]}}, "description": "A part."},
        },
    }
    assert schema_tables(schema, first="Top").splitlines() == [
        "### Top",
        "",
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `n` | whole number ≥ 1 | `3` | How many. |",
        "| `part` | object | required | A part. |",
        "",
        "### `part`",
        "",
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `kind` | `a` or `b` |  |  |",
    ]


def test_a_notebook_becomes_a_page_with_pictures():
    cell = nbformat.v4.new_code_cell("%matplotlib inline\nplot()")
    picture = nbformat.v4.new_output("display_data", data={"image/png": "aGVsbG8="})
    table = nbformat.v4.new_output("display_data", data={"text/html": "<p>1</p>\n\n<p>2</p>"})
    cell.outputs = [picture, table]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), cell])
    files = page_of(notebook, "example")
    page = files["gallery/example.md"]
    assert page.startswith("# Title\n\n```python\nplot()\n```\n\n![")
    assert '<div class="notebook-output">\n<p>1</p>\n<p>2</p>\n</div>' in page
    assert files["gallery/example-1.png"] == b"hello"
