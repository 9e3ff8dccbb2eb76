"""Files in batches: each file in one, whatever was kept of runs before."""

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
    made = [folder / f"{i}.parquet" for i in range(N_FILES)]
    for i, file in enumerate(made):
        file.write_bytes(bytes(200 + i))
    return made


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, N_FILES), min_size=1), max_size=6))
def test_every_file_is_in_one_batch(files: list[Path], known: list[set[int]]) -> None:
    """A killed run leaves what it made beside what that was to replace, so batches may overlap."""
    names = [*map(str, files), "gone.parquet"]
    before = [tuple(names[i] for i in sorted(batch)) for batch in known]
    found = find_batches(files, before)
    assert sorted(file for batch in found for file in batch.files) == files
    assert len({batch.key for batch in found}) == len(found)
    if before and "gone.parquet" not in before[0]:
        assert before[0] in [tuple(map(str, batch.files)) for batch in found]
