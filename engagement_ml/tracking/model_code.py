"""Code of MLflow models: the few modules that a model needs, under a package name of their own.

A registered model must predict the same wherever it is loaded: if engagement-ml is not installed,
and if another version of it is. So its script and the modules that it imports are copied into the
model, as a package whose name contains the hash of its content. Two models with different code can
then be loaded in one process.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "engagement_ml"
_ROOT = Path(__file__).resolve().parents[1]
_IMPORT = re.compile(rf"^(\s*(?:from|import)\s+){PACKAGE}(?=[.\s])", re.MULTILINE)
_EMPTY = '"""A part of engagement-ml, copied into this model."""\n'


@contextmanager
def model_code(script: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Copy a script and the modules that it imports, importable within the block.

    Parameters
    ----------
    script : path
        A module of this package that calls ``mlflow.models.set_model``.
    folder : path
        An empty folder.

    Yields
    ------
    script, package : Path
        The arguments ``python_model`` and ``code_paths`` of MLflow.
    """
    sources = module_sources(script)
    name = package_name(sources)
    for path, source in sources.items():
        copy = folder / name / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_renamed(source, name), encoding="utf-8", newline="\n")
    copied_script = folder / script.name
    text = _renamed(script.read_text(encoding="utf-8"), name)
    copied_script.write_text(text, encoding="utf-8", newline="\n")
    paths_before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield copied_script, folder / name
    finally:
        # MLflow adds the folder of a model that it validates; both folders are removed later.
        sys.path[:] = paths_before
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[module]


def module_sources(script: Path) -> dict[str, str]:
    """Return the source of each module that a script needs, by its path in the package.

    The ``__init__.py`` of a package is empty, unless a module imports a name from it.
    """
    sources: dict[str, str] = {}
    remaining = sorted(_imported(script.read_text(encoding="utf-8")))
    while remaining:
        path = remaining.pop()
        if path in sources:
            continue
        sources[path] = (_ROOT / path).read_text(encoding="utf-8")
        remaining += sorted(_imported(sources[path]))
    for path in tuple(sources):
        for parent in Path(path).parents:
            sources.setdefault((parent / "__init__.py").as_posix(), _EMPTY)
    return dict(sorted(sources.items()))


def package_name(sources: dict[str, str]) -> str:
    """Return a name that no other content has: the hash of paths and sources."""
    digest = hashlib.sha256()
    for path, source in sources.items():
        digest.update(f"{path}\n{len(source)}\n{source}".encode())
    return f"{PACKAGE}_{digest.hexdigest()[:16]}"


def _renamed(source: str, name: str) -> str:
    """Return a source whose imports of this package are of the package `name`."""
    return _IMPORT.sub(rf"\g<1>{name}", source)


def _imported(source: str) -> set[str]:
    """Return the files of this package that a source imports, also within functions."""
    files = set()
    for node in _imports(ast.parse(source)):
        if isinstance(node, ast.Import):
            files |= {_file(alias.name) for alias in node.names}
        elif node.module:
            for alias in node.names:
                files.add(_file(f"{node.module}.{alias.name}") or _file(node.module))
    return {file for file in files if file is not None}


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield imports, except those for type checking alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from _imports(node)


def _file(module: str) -> str | None:
    """Return the path of a module of this package; None for any other name."""
    first, *rest = module.split(".")
    if first != PACKAGE or not rest:
        return None
    base = "/".join(rest)
    for path in (f"{base}.py", f"{base}/__init__.py"):
        if (_ROOT / path).is_file():
            return path
    return None
