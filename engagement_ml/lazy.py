"""Lazy package exports (PEP 562), and packages that can be called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazily(
    package: str, homes: Mapping[str, str], *here: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__`` (PEP 562).

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of name to the module of the package that has it
        An empty text stands for a name that is itself a subpackage.
    *here : str
        Further public names, which the package itself defines.

    Examples
    --------
    >>> get, names = lazily("collections", {"Mapping": "abc"})
    >>> get("Mapping").__name__, names()
    ('Mapping', ['Mapping'])
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not homes[name]:
            return import_module(f"{package}.{name}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted({*homes, *here})

    return get, names


def make_callable(package: str, module: str, function: str) -> None:
    """Let a package be called like a function of the same name.

    Python binds an imported subpackage to its name in the parent package. An exported function of
    that name would be replaced as soon as any module imports the subpackage.

    Parameters
    ----------
    package : str
        The subpackage's ``__name__``.
    module, function : str
        The function that a call runs, and the module that defines it. The module is imported when
        the package is called, so it may import the package.

    Examples
    --------
    >>> from types import ModuleType
    >>> sys.modules["hypotenuse"] = package = ModuleType("hypotenuse")
    >>> make_callable("hypotenuse", "math", "hypot")
    >>> package(3, 4)
    5.0
    >>> del sys.modules["hypotenuse"]
    """

    class CallablePackage(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(module), function)(*args, **kwargs)

        @property
        def __signature__(self) -> Any:
            from inspect import signature

            return signature(getattr(import_module(module), function))

    sys.modules[package].__class__ = CallablePackage
