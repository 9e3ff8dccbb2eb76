"""The pages that people read, and the code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs_build.printing import fill_in

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
INCLUDED = DOCS / "contributing" / "index.md"
"""The page that repeats CONTRIBUTING.md."""


def text_of(page: Path) -> str:
    """Return a page with the parts that are printed from the code."""
    return fill_in(page.read_text(encoding="utf-8"))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(language: str, seldom: tuple[str, ...] = ()) -> list:
    """Return the fenced blocks of a language on all pages, each with page and line for its name.

    Those of pages whose file names are in `seldom` run if `ALL_TESTS` is set.
    """
    return [
        pytest.param(
            text,
            id=f"{name_of(page)}:{line}",
            marks=[pytest.mark.seldom] * (page.name in seldom),
        )
        for page in PAGES
        if page != INCLUDED
        for line, text in blocks_of(page, language)
    ]


def blocks_of(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Yield the fenced blocks of a language on a page, each with its line."""
    text = text_of(page)
    for match in re.finditer(rf"^( *)```{language}\n(.*?)^\1```$", text, re.M | re.S):
        yield text[: match.start()].count("\n") + 1, match[2].replace(f"\n{match[1]}", "\n")


def commands_of(page: Path) -> list[str]:
    """Return the command lines of a page's shell blocks."""
    lines = [
        line.strip().removeprefix("$ ")
        for _, block in blocks_of(page, "(?:sh|shell|bash|console)")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]
