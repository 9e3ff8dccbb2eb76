"""Tables that sort, and files that a page saves: one script, which the page's policy allows.

The content security policy names the script by its hash, so that the browser runs no other. Without
a script, everything is readable.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagement_ml.plain_types import plain
from engagement_ml.spreadsheet_cells import guarded

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content security policy of a page: its own styles, and nothing else from anywhere."""


@cache
def script() -> str:
    """Return the script that sorts tables, saves files and unfolds what is linked to."""
    return files("engagement_ml.report").joinpath("templates", "page.js").read_text("utf-8")


@cache
def policy() -> str:
    """Return the content security policy of a page with the script, and no other."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return f"{POLICY}; script-src 'sha256-{digest}'"


def files_json(content: Mapping[str, Any]) -> str:
    r"""Return the files of a page as JSON that no text in it can end.

    Examples
    --------
    >>> files_json({"a.csv": "x\n</script>"})
    '{"a.csv":"x\\n\\u003c/script\\u003e"}'
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def csv_text(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Return rows as CSV; null is empty, dates are ISO 8601.

    Text that a spreadsheet would run as a formula is neutralised.

    Examples
    --------
    >>> csv_text(["who", "margin"], [["=1+1", -2.5], [None, float("nan")]])
    "who,margin\n'=1+1,-2.5\n,\n"
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([guarded(name) for name in names])
    for row in rows:
        writer.writerow([_written(value) for value in row])
    return file.getvalue()


def csv_of(rows: Sequence[Any]) -> str:
    r"""Return mappings or dataclasses as CSV, without fields that hold several values.

    Examples
    --------
    >>> csv_of([{"a": 1, "b": [1, 2]}, {"a": None, "c": "x"}])
    'a,c\n1,\n,x\n'
    """
    flat = [
        {name: value for name, value in _fields(row).items() if not _holds_several(value)}
        for row in rows
    ]
    names = list(dict.fromkeys(name for row in flat for name in row))
    return csv_text(names, [[row.get(name) for name in names] for row in flat])


def _fields(row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    return {each.name: getattr(row, each.name) for each in dataclasses.fields(row)}


def _holds_several(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or dataclasses.is_dataclass(value)


def _written(value: Any) -> Any:
    simple = plain(value)
    return guarded(simple) if isinstance(simple, str) else simple
