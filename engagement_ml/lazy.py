"""Lazy package exports (PEP 562): a name is imported from its module at first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(
    package: str, modules: Mapping[str, str], *eager: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose exports are imported lazily.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    modules : mapping of str to str
        The module of the package that defines each public name.
    *eager : str
        Public names that the package itself defines.

    Returns
    -------
    tuple of callable
        ``__getattr__`` and ``__dir__``. The first raises ``AttributeError`` for an unknown name.

    Examples
    --------
    >>> get_attribute, names = lazy_exports("collections", {"Mapping": "abc"})
    >>> get_attribute("Mapping").__name__, names()
    ('Mapping', ['Mapping'])
    """

    def get_attribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    def names() -> list[str]:
        return sorted({*modules, *eager})

    return get_attribute, names
