"""Lazy package exports (PEP 562), and packages that can be called like a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
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
        The module of the package that defines each public name; an empty text for a name that
        is itself a subpackage.
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
        if not modules[name]:
            return import_module(f"{package}.{name}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    def names() -> list[str]:
        return sorted({*modules, *eager})

    return get_attribute, names


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
