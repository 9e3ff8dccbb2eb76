"""Turns notebooks into pages of the gallery, with their outputs and pictures.

``python -m docs_build.gallery`` runs the notebooks into ``build/notebooks/``, but for those that
were run already with the same notebook and the same code. The build of the site takes the executed
copies; if there is none, it shows the cells alone. A notebook on data that are not in this
repository keeps its outputs, and is not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

EXECUTED = Path("build") / "notebooks"
MAGIC = re.compile(r"^%.*\n?", re.M)


def gallery_files(root: Path) -> dict[str, str | bytes]:
    """Return the pages of the gallery and their pictures, by their paths in the site."""
    files: dict[str, str | bytes] = {}
    for source in sorted((root / "notebooks").glob("*.ipynb")):
        files |= page_of(_executed(source, root), source.stem)
    return files


def gallery_table(root: Path) -> str:
    """Return a table of the notebooks: title, what each shows, and its first picture if it ran.

    They are the heading and the first paragraph of each notebook.
    """
    rows = ["| notebook | shows | |", "| --- | --- | --- |"]
    for source in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = _executed(source, root)
        heading, _, rest = notebook.cells[0].source.partition("\n\n")
        title, shows = heading.removeprefix("# "), " ".join(rest.split("\n\n")[0].split())
        pictures = [name for name in page_of(notebook, source.stem) if name.endswith(".png")]
        thumbnail = f"![{title}]({Path(pictures[0]).name}){{ width=200 }}" if pictures else ""
        rows.append(f"| [{title}]({source.stem}.md) | {shows} | {thumbnail} |")
    return "\n".join(rows)


def _executed(source: Path, root: Path) -> Any:
    """Return a notebook as it was run, or as it is kept."""
    kept = nbformat.read(source, as_version=4)
    copy = root / EXECUTED / source.name
    return nbformat.read(copy, as_version=4) if copy.exists() and not _has_outputs(kept) else kept


def _has_outputs(notebook: Any) -> bool:
    return any(cell.get("outputs") for cell in notebook.cells)


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
    parts.append(
        f"*This page is the notebook `notebooks/{name}.ipynb`, with the outputs of its last run.*"
    )
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
    """Run the notebooks that have no up-to-date executed copy; return their names.

    Two run at a time, each in a kernel of its own.
    """
    folder = root / EXECUTED
    folder.mkdir(parents=True, exist_ok=True)
    # The kernels take their settings from the environment.
    os.environ["PYTHONWARNINGS"] = "ignore"
    os.environ.pop("MPLBACKEND", None)
    stale = [
        source
        for source in sorted((root / "notebooks").glob("*.ipynb"))
        if not _has_outputs(nbformat.read(source, as_version=4))
        and not _is_executed(folder / source.name, _key(source, root))
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda source: _run(source, folder, _key(source, root)), stale))
    return [source.name for source in stale]


def _is_executed(copy: Path, key: str) -> bool:
    return copy.exists() and json.loads(copy.read_text("utf-8"))["metadata"].get("key") == key


def _run(source: Path, folder: Path, key: str) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(source, as_version=4)
    with TemporaryDirectory() as working:
        client = NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            extra_arguments=["--log-level=40"],
            resources={"metadata": {"path": working}},
        )
        client.execute()
    notebook.metadata["key"] = key
    nbformat.write(notebook, folder / source.name)


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
