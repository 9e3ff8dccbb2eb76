"""Events of MkDocs: print reference pages from the code, add the gallery, check the result.

A page says where printed text goes by a comment of its own line, ``<!-- printed: NAME -->``.
"""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_build.assets import remote_assets
from docs_build.gallery import gallery_files
from docs_build.printing import fill_in
from docs_build.public_names import undocumented
from docs_build.schemas import schema_files

ROOT = Path(__file__).resolve().parents[1]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Stop the build if a public name has no docstring or stands on no reference page."""
    missing = undocumented(ROOT)
    if missing:
        raise PluginError("Public names that are not documented:\n  " + "\n  ".join(missing))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page and its pictures for each notebook, and the schema of the configuration."""
    for path, content in {**gallery_files(ROOT), **schema_files()}.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what is printed from the code."""
    return fill_in(markdown)


@event_priority(-100)
def on_post_build(config: MkDocsConfig) -> None:
    """Let search work from local files; stop the build if a page loads from the network."""
    index = Path(config.site_dir) / "search" / "search_index.json"
    script = f"var __index = {index.read_text(encoding='utf-8')}"
    index.with_suffix(".js").write_text(script, encoding="utf-8")
    found = remote_assets(Path(config.site_dir))
    if found:
        raise PluginError("Pages that load from the network:\n  " + "\n  ".join(found))
