"""Text format of a boosted model: one line of JSON with a hash, then LightGBM's text format."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from engagement_ml_25b4c1dbed4f7e43.errors import InputError

FORMAT = 2
_WITHOUT_HASH = 1
"""Format of versions that wrote no hash."""
HASH = "sha256"
_AGAIN = "use the original file or train again"


def write_text(header: Mapping[str, Any], booster: Any | None) -> str:
    """Return one line of JSON, then the booster in LightGBM's text format."""
    keys = {"format": FORMAT, **header}
    trees = "" if booster is None else booster.model_to_string()
    return _line({**keys, HASH: _hash(keys, trees)}) + trees


def read_text(text: str, *, kind: str, needs_trees: bool) -> tuple[dict[str, Any], Any | None]:
    """Read what `write_text` wrote; the booster is None if the text holds no trees.

    LightGBM reads what it is given without checks: a text that was cut off or changed can end the
    process. So it only gets a text whose hash is right, or a complete one of a version that wrote
    no hash.

    Raises
    ------
    InputError
        If the text is not a model, is of another kind or format, lacks trees that it needs, or is
        not what was written.
    """
    first, _, trees = text.partition("\n")
    try:
        header = json.loads(first)
        stored_kind, version = header["kind"], header["format"]
    except (json.JSONDecodeError, RecursionError, KeyError, TypeError):
        raise InputError(
            f"{kind} model: the text does not begin with a model's header, found {first[:40]!r}; "
            "give what to_text() returned"
        ) from None
    if stored_kind != kind or version not in (FORMAT, _WITHOUT_HASH):
        raise InputError(
            f"{kind} model: expected kind '{kind}' in format {FORMAT}, found '{stored_kind}' in "
            f"format {version}; load it with the class and version that wrote it"
        )
    as_written = _line(header) == f"{first}\n"
    stored_hash = header.pop(HASH, None)
    hashed = stored_hash is not None or version == FORMAT
    if hashed and not (as_written and stored_hash == _hash(header, trees)):
        raise damaged(kind, f"key '{HASH}' is not the hash of the text")
    if not trees and not needs_trees:
        return header, None
    if not _is_complete(trees):
        raise damaged(kind, "trees are missing")
    import lightgbm as lgb

    try:
        return header, lgb.Booster(model_str=trees)
    except lgb.basic.LightGBMError as error:
        raise InputError(
            f"{kind} model: LightGBM cannot read the text after the header: {error}; "
            "give the whole of what to_text() returned"
        ) from None


def damaged(kind: str, why: str) -> InputError:
    """Return the error about a text that is not what `write_text` wrote."""
    return InputError(
        f"{kind} model: the text is damaged or cut off, or was edited: {why}; {_AGAIN}"
    )


def _line(header: Mapping[str, Any]) -> str:
    return json.dumps(header, ensure_ascii=True, sort_keys=True) + "\n"


def _hash(header: Mapping[str, Any], trees: str) -> str:
    return hashlib.sha256((_line(header) + trees).encode()).hexdigest()


def _is_complete(trees: str) -> bool:
    """Return whether all trees are there, by the sizes that LightGBM lists before them."""
    sizes = re.search(r"^tree_sizes=([0-9 ]*)$", trees, re.MULTILINE)
    start = trees.find("\nTree=0\n") + 1
    if sizes is None or not start:
        return False
    after = trees.encode()[len(trees[:start].encode()) + sum(map(int, sizes[1].split())) :]
    return after.startswith(b"end of trees") and b"\nend of parameters" in after
