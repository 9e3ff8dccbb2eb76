"""People read the field's words: words of an earlier dialect appear nowhere in shown text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "engagement_ml"

ANYWHERE = {
    "foretell": "predict",
    "foretells": "predicts",
    "foretold": "predicted",
    "foretelling": "predicting",
    "nought": "zero",
    "whoever": "anyone who, the customers who",
    "whomever": "anyone whom",
    "liking": "loyalty, affinity",
    "anew": "again",
    "attack": "robustness check",
    "attacks": "robustness checks",
    "attacked": "tested",
    "learnt": "learned, trained on",
    "besides": "also, in addition",
    "steers": "moves with margin",
    "nobody": "no customer, nothing",
    "in the stead of": "instead of",
    "put to the test": "tested",
    "goes with": "is correlated with",
    "go with": "are correlated with",
    "going with": "correlated with",
    "lives off": "is an artefact of",
    "told apart": "distinguished",
    "out of kilter": "inconsistent",
}
"""Words that no shown text holds, and what to write."""

IN_PROSE = {
    "entity": "customer, or the word that the configuration gives",
    "entities": "customers",
    "worlds": "simulated data sets",
    "mended": "fixed",
    "steering": "moving with margin",
    "answers to purchases": "follows purchases",
    "answer to purchases": "follow purchases",
}
"""Words that are fine as names in code, and no words for people."""


def pattern(words: dict[str, str]) -> re.Pattern[str]:
    joined = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in words)
    return re.compile(rf"(?<![\w.-])(?:{joined})(?![\w-])", re.I)


def words_in(text: str, *lists: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and a better one for each forbidden word of a text."""
    for words in lists:
        for match in pattern(words).finditer(text):
            word = " ".join(match[0].lower().split())
            yield text[: match.start()].count("\n") + 1, match[0], words[word]


def complaints(name: str, text: str, *lists: dict[str, str], first_line: int = 1) -> list[str]:
    return [
        f"{name}:{line + first_line - 1}: '{word}'; better: {better}"
        for line, word, better in words_in(text, *lists)
    ]


def blanked(match: re.Match[str]) -> str:
    """Return as many line breaks as the match has, so that line numbers stay right."""
    return "\n" * match[0].count("\n")


def without_code(markdown: str) -> str:
    """Return Markdown without code blocks and code spans."""
    text = re.sub(r"^ *```.*?^ *```$", blanked, markdown, flags=re.M | re.S)
    return re.sub(r"`[^`\n]+`", blanked, text)


def without_expressions(template: str) -> str:
    """Return a Jinja template without its expressions, statements and comments."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", blanked, template, flags=re.S)


def named(paths: Iterator[Path] | list[Path]) -> list:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in sorted(paths)]


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
TEMPLATES = [*(PACKAGE / "report" / "templates").iterdir()]
DEFINITIONS = [*(PACKAGE / "cli" / "definitions").glob("*.yaml"), ROOT / "mkdocs.yml"]
SOURCES = [*PACKAGE.rglob("*.py"), *(ROOT / "pipelines").glob("*.py")]
NOTEBOOKS = [*(ROOT / "notebooks").glob("*.ipynb")]


@pytest.mark.parametrize("page", named(PAGES))
def test_a_page_is_in_plain_words(page):
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    assert complaints(name, text, ANYWHERE) + complaints(name, without_code(text), IN_PROSE) == []


@pytest.mark.parametrize("file", named([ROOT / "Makefile", *DEFINITIONS]))
def test_comments_are_in_plain_words(file):
    name = file.relative_to(ROOT).as_posix()
    assert complaints(name, file.read_text(encoding="utf-8"), ANYWHERE) == []


@pytest.mark.parametrize("path", named(NOTEBOOKS))
def test_a_notebook_is_in_plain_words(path):
    name = path.relative_to(ROOT).as_posix()
    for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], start=1):
        text = "".join(cell["source"])
        prose = (IN_PROSE,) if cell["cell_type"] == "markdown" else ()
        assert complaints(f"{name}, cell {place}", without_code(text), ANYWHERE, *prose) == []


@pytest.mark.parametrize("template", named(TEMPLATES))
def test_a_template_is_in_plain_words(template):
    text = without_expressions(template.read_text(encoding="utf-8"))
    name = template.relative_to(ROOT).as_posix()
    assert complaints(name, text, ANYWHERE, IN_PROSE) == []


def constants(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module with their lines; f-strings as one text each."""
    parts: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= set(ast.walk(node))
            pieces = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            yield node.lineno, "".join(str(piece) for piece in pieces)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value


@pytest.mark.parametrize("source", named(SOURCES))
def test_texts_of_a_module_are_in_plain_words(source):
    name = source.relative_to(ROOT).as_posix()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    found = [
        complaint
        for line, text in constants(tree)
        for complaint in complaints(name, text, ANYWHERE, first_line=line)
    ]
    assert found == []


def help_pages() -> Iterator[tuple[str, str]]:
    """Yield each command's name and help."""
    from engagement_ml.cli.app import app

    group = typer.main.get_command(app)
    context = click.Context(group, info_name="engagement-ml")
    yield "engagement-ml", group.get_help(context)
    for name, command in group.commands.items():
        yield name, command.get_help(click.Context(command, info_name=name, parent=context))


def test_the_help_of_every_command_is_in_plain_words():
    found = [
        complaint
        for name, text in help_pages()
        for complaint in complaints(f"{name} --help", text, ANYWHERE, IN_PROSE)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Whoever goes\nwith it", ["Whoever", "goes\nwith"]),
        ("a `nought` and an attack", ["nought", "attack"]),
        ("attack_rate, heart-attack.py and learnt_from", []),
    ],
)
def test_the_search_finds_whole_words(text, words):
    assert [word for _, word, _ in words_in(text, ANYWHERE)] == words
