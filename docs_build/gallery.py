"""Turns notebooks into pages of the gallery, with their outputs and pictures.

``python -m docs_build.gallery`` runs the notebooks into ``build/notebooks/``, but for those that
were run already with the same notebook and the same code. The build of the site takes the executed
copies; if there is none, it shows the cells alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

EXECUTED = Path("build") / "notebooks"
MAGIC = re.compile(r"^%.*\n?", re.M)


def gallery_files(root: Path) -> dict[str, str | bytes]:
    """Return the pages of the gallery and their pictures, by their paths in the site."""
    files: dict[str, str | bytes] = {}
    for source in sorted((root / "notebooks").glob("*.ipynb")):
        executed = root / EXECUTED / source.name
        notebook = nbformat.read(executed if executed.exists() else source, as_version=4)
        files |= page_of(notebook, source.stem)
    return files


def page_of(notebook: Any, name: str) -> dict[str, str | bytes]:
    """Return a notebook's page and pictures."""
    pictures: dict[str, str | bytes] = {}
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        code = MAGIC.sub("", cell.source).strip()
        if code:
            parts.append(f"```python\n{code}\n```")
        parts += _outputs(cell.get("outputs", ()), name, pictures)
    parts.append(f"*This page is the notebook `notebooks/{name}.ipynb`, run when it was built.*")
    return {f"gallery/{name}.md": "\n\n".join(parts) + "\n", **pictures}


def _outputs(outputs: Any, name: str, pictures: dict[str, str | bytes]) -> Iterator[str]:
    for output in outputs:
        if output.output_type == "stream":
            yield f"```text\n{output.text.rstrip()}\n```"
            continue
        data = output.get("data", {})
        if "image/png" in data:
            file = f"{name}-{len(pictures) + 1}.png"
            pictures[f"gallery/{file}"] = base64.b64decode(data["image/png"])
            yield f"![Picture drawn by the cell above]({file})"
        elif "text/html" in data:
            html = re.sub(r"\n\s*\n", "\n", data["text/html"].strip())
            html = re.sub(r"<style.*?</style>", "", html, flags=re.S)
            yield f'<div class="notebook-output">\n{html}\n</div>'
        elif "text/plain" in data:
            yield f"```text\n{data['text/plain']}\n```"


def run_notebooks(root: Path) -> list[str]:
    """Run the notebooks that have no up-to-date executed copy; return their names."""
    folder = root / EXECUTED
    folder.mkdir(parents=True, exist_ok=True)
    ran = []
    for source in sorted((root / "notebooks").glob("*.ipynb")):
        key, target = _key(source, root), folder / source.name
        if target.exists() and json.loads(target.read_text("utf-8"))["metadata"].get("key") == key:
            continue
        notebook = _run(nbformat.read(source, as_version=4), folder)
        notebook.metadata["key"] = key
        nbformat.write(notebook, target)
        ran.append(source.name)
    return ran


def _run(notebook: Any, folder: Path) -> Any:
    from nbclient import NotebookClient

    # The kernel takes its settings from the environment.
    os.environ["PYTHONWARNINGS"] = "ignore"
    os.environ.pop("MPLBACKEND", None)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def _key(source: Path, root: Path) -> str:
    """Return a hash of the notebook and of the package's code."""
    files = [source, *sorted((root / "engagement_ml").rglob("*.py"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    for name in run_notebooks(Path(__file__).resolve().parents[1]):
        sys.stdout.write(f"Ran {name}\n")
