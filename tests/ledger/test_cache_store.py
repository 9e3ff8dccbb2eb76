"""Store of the cache: what is damaged is named and made again, what is intact is used."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from engagement_ml.errors import OutputError
from engagement_ml.ledger.cache.store import MANIFEST, open_store

NAME = "ledger-1.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one file."""
    with open_store(tmp_path / "store") as store:
        assert store is not None
        with store.new(NAME) as temporary:
            temporary.write_bytes(bytes(range(256)) * 40)
        store.put(NAME, {"days": ["2024-01-01"]})
    return tmp_path / "store"


def found(folder: Path) -> tuple[bool, dict[str, Any]]:
    with open_store(folder) as store:
        assert store is not None
        return store.has(NAME), store.entries


def change_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("name", [NAME, MANIFEST])
@pytest.mark.parametrize("damage", [change_a_byte, cut_in_half, empty, zeros])
def test_damage_is_found_and_named(folder, name, damage, caplog):
    assert found(folder) == (True, found(folder)[1])
    damage(folder / name)
    with caplog.at_level(logging.WARNING):
        assert found(folder) == (False, {})
    assert caplog.messages == [f"{folder / name}: is damaged, so it is not used but made again"]


@pytest.mark.parametrize("content", ["[]", "1", "null", '{"checksum": 0, "entries": {}}', '"a"'])
def test_a_manifest_of_another_form_is_damaged(folder, content, caplog):
    (folder / MANIFEST).write_text(content)
    assert found(folder) == (False, {})
    assert len(caplog.messages) == 1


def test_a_manifest_of_an_old_version_is_replaced_without_a_word(folder, caplog):
    (folder / MANIFEST).write_text(json.dumps({NAME: {"size": 10_240, "days": []}}))
    assert found(folder) == (False, {})
    assert caplog.messages == []


def test_a_file_that_was_deleted_is_made_again_without_a_word(folder, caplog):
    (folder / NAME).unlink()
    assert not found(folder)[0]
    assert caplog.messages == []


def test_a_full_disk_names_the_cache_and_leaves_no_part(folder, small_files):
    def write() -> None:
        with open_store(folder) as store:
            assert store is not None
            with store.new("ids-1.npy") as temporary, small_files():
                temporary.write_bytes(bytes(100_000))

    with pytest.raises(OutputError, match=r"store: cannot be used as a cache: .*engine: {keep: …}"):
        write()
    assert not list(folder.glob(".*.part"))
    assert found(folder)[0]
