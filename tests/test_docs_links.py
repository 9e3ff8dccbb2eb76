"""Links of README and documentation lead somewhere, and every part of the package is described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages import DOCS, PAGES, ROOT, name_of, text_of


def slugs_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings and of its API entries."""
    text = text_of(page)
    headings = re.findall(r"^#+ (.+?)(?: \{.*\})?$", text, re.M)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in headings}
    return slugs | set(re.findall(r"^::: (\S+)", text, re.M))


def generated(file: Path) -> bool:
    """Whether a page of the gallery is made from a notebook."""
    return file.parent == DOCS / "gallery" and (ROOT / "notebooks" / f"{file.stem}.ipynb").exists()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists() or generated(file), f"{name_of(page)} links to {target}"
        if anchor:
            slugs = slugs_of(file)
            known = anchor in slugs or anchor.rpartition(".")[0] in slugs
            assert known, f"{name_of(page)} links to {target}"


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = set(re.findall(r"[\w./-]+\.md", navigation))
    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    gallery = {f"gallery/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert named == written | gallery


def test_every_folder_is_on_the_map():
    page = text_of(DOCS / "contributing" / "architecture.md")
    parts = {
        path.stem
        for path in (ROOT / "engagement_ml").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[0] != "_"
    }
    assert {part for part in parts if not re.search(rf"\b{part}\b", page)} == set()


def test_every_module_named_on_the_map_exists():
    page = text_of(DOCS / "contributing" / "architecture.md")
    names = {path.stem for path in (ROOT / "engagement_ml").rglob("*.py")}
    names |= {path.name for path in (ROOT / "engagement_ml").rglob("*") if path.is_dir()}
    drivers = page.split("## Drivers")[1].split("## ")[0]
    for row in re.findall(r"^\| (`.+?) \|", drivers, re.M):
        for module in re.findall(r"`([a-z_.]+)`", row):
            assert module.rsplit(".", 1)[-1] in names, f"{module} does not exist"


def test_pictures_are_small():
    for picture in (DOCS / "images").glob("*"):
        assert picture.stat().st_size < 300_000
