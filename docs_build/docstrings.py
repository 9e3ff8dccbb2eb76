"""Prepares numpydoc docstrings for Markdown: formulas, tables, and parameters named together.

reStructuredText's ``math`` becomes MathML, which browsers draw without a script.
"""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import griffe
from latex2mathml.converter import convert

BLOCK = re.compile(r"^( *)\.\. math::(.*\n(?:(?:\1 +.*)?\n)*)", re.M)
INLINE = re.compile(r":math:`([^`]+)`")
SIZES = re.compile(r"\\[bB]ig+[lr]?(?![a-z])")
TABLE = re.compile(r"^( *)(=+(?: +=+)+)\n((?:.*\n)*?)\1\2\n((?:.*\n)*?)\1\2\n", re.M)
NAMED_TOGETHER = re.compile(r"^( *)(\w+(?:, \w+)+)( : .*\n(?:(?:\1 +.*)?\n)*)", re.M)


class Docstrings(griffe.Extension):
    """Rewrites the docstrings of all objects before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = prepared(obj.docstring.value)


def prepared(text: str) -> str:
    """Return a docstring as the site needs it."""
    text = BLOCK.sub(_formula, text + "\n")
    text = INLINE.sub(lambda match: _mathml(match[1], "inline"), text)
    return NAMED_TOGETHER.sub(_one_by_one, TABLE.sub(_table, text)).rstrip()


def _formula(match: re.Match[str]) -> str:
    rows = re.split(r"\\\\|\n\s*\n", dedent(match[2]).replace("&", "").strip())
    drawn = [_mathml(row, "block") for row in rows if row.strip()]
    return f'{match[1]}<div class="formula">{"".join(drawn)}</div>\n\n'


def _mathml(latex: str, display: str) -> str:
    return convert(SIZES.sub("", " ".join(latex.split())), display=display)


def _table(match: re.Match[str]) -> str:
    """Return a simple table of reStructuredText as one of Markdown."""
    indent, rule = match[1], match[2]
    starts = [len(indent) + part.start() for part in re.finditer("=+", rule)]
    ends: list[int | None] = [*starts[1:], None]
    head, *rows = [*match[3].splitlines(), *match[4].splitlines()]
    lines = [head, None, *rows]
    cells = [
        ["---"] * len(starts)
        if line is None
        else [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        for line in lines
    ]
    return "".join(f"{indent}| {' | '.join(row)} |\n" for row in cells)


def _one_by_one(match: re.Match[str]) -> str:
    """Return an entry for each name; the parser gives all of them the first one's default."""
    indent, names, rest = match.groups()
    return "".join(f"{indent}{name}{rest}" for name in names.split(", "))
