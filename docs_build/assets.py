"""Finds scripts, styles, fonts and pictures that a built page would load from the network."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from re import findall

REMOTE = ("http://", "https://", "//")
LOADED_RELATIONS = {"stylesheet", "icon", "preload", "preconnect", "prefetch", "modulepreload"}


def remote_assets(site: Path) -> list[str]:
    """Return a line for each asset of the built site that is not in its folder."""
    found = []
    for page in sorted(site.rglob("*.html")):
        reader = _AssetReader()
        reader.feed(page.read_text(encoding="utf-8"))
        found += [f"{page.relative_to(site)}: {asset}" for asset in reader.remote]
    for style in sorted(site.rglob("*.css")):
        text = style.read_text(encoding="utf-8")
        remote = findall(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", text)
        found += [f"{style.relative_to(site)}: {asset}" for asset in remote]
    return found


class _AssetReader(HTMLParser):
    """Collects the addresses that a browser loads by itself; links to click are not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        loaded = [values.get("src")]
        if tag == "link" and set((values.get("rel") or "").split()) & LOADED_RELATIONS:
            loaded.append(values.get("href"))
        self.remote += [address for address in loaded if address and address.startswith(REMOTE)]
