"""Checks that every public name has a docstring, and that users' names are on a reference page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from re import M, findall

import griffe

PACKAGE = "engagement_ml"


def undocumented(root: Path) -> list[str]:
    """Return a line per public name that lacks a docstring or a place in the reference.

    Public are the names in ``__all__`` of the package and of its subpackages, and the public
    methods and properties of the classes among them. Those of the package itself must stand on a
    page under ``docs/reference/api/``.
    """
    package = griffe.load(
        PACKAGE, search_paths=[str(root)], resolve_aliases=True, try_relative_path=False
    )
    missing = [
        f"{path}: has no docstring"
        for path, item in _public(package)
        if not item.has_docstring and not item.is_attribute
    ]
    shown = _names_on_pages(root)
    for name in map(str, package.exports or []):
        module = _target(package, name).rpartition(".")[0]
        on_a_page = module in shown or any(path.endswith(f".{name}") for path in shown)
        if not name.startswith("__") and not on_a_page:
            missing.append(f"{PACKAGE}.{name}: is on no page under docs/reference/api/")
    return sorted(set(missing))


def _names_on_pages(root: Path) -> set[str]:
    pages = (root / "docs" / "reference" / "api").glob("*.md")
    return {
        name for page in pages for name in findall(r"^::: (\S+)", page.read_text("utf-8"), flags=M)
    }


def _target(package: griffe.Object, name: str) -> str:
    member = package.members.get(name)
    return member.final_target.path if isinstance(member, griffe.Alias) else f"{PACKAGE}.{name}"


def _public(module: griffe.Object) -> Iterator[tuple[str, griffe.Object]]:
    """Yield the public names of a package and of its subpackages, with their definitions."""
    for name in module.exports or []:
        member = module.members.get(str(name))
        if member is None or str(name).startswith("__"):
            continue
        item = member.final_target if isinstance(member, griffe.Alias) else member
        yield f"{module.path}.{name}", item
        if isinstance(item, griffe.Class):
            yield from _methods(item)
    for child in module.members.values():
        if isinstance(child, griffe.Module) and not child.name.startswith("_"):
            yield from _public(child)


def _methods(owner: griffe.Class) -> Iterator[tuple[str, griffe.Object]]:
    for name, member in owner.members.items():
        called = isinstance(member, griffe.Function) or "property" in member.labels
        if called and not name.startswith("_"):
            yield f"{owner.path}.{name}", member
