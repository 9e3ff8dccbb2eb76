"""Batches: every file is in exactly one batch, whatever earlier runs left."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.ledger.cache.batches import find_batches

N_FILES = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{i}.parquet" for i in range(N_FILES)]
    for i, file in enumerate(paths):
        file.write_bytes(bytes(200 + i))
    return paths


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, N_FILES), min_size=1), max_size=6))
def test_every_file_is_in_one_batch(files: list[Path], known: list[set[int]]) -> None:
    """A killed run leaves both its new batches and the old ones, so batches may overlap."""
    names = [*map(str, files), "gone.parquet"]
    before = [tuple(names[i] for i in sorted(batch)) for batch in known]
    batches = find_batches(files, before)
    assert sorted(file for batch in batches for file in batch.files) == files
    assert len({batch.key for batch in batches}) == len(batches)
    if before and "gone.parquet" not in before[0]:
        assert before[0] in [tuple(map(str, batch.files)) for batch in batches]
