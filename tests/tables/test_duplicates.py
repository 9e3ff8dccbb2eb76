"""Duplicated hashes are found slice by slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.tables import duplicates

EDGES = [0, 1, 2**63, 2**64 - 2, 2**64 - 1]
HASHES = st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1)), max_size=12)


@pytest.mark.parametrize("size", [1, 3, 1000])
@given(batches=st.lists(HASHES, max_size=4))
def test_duplicates_are_found_with_slices_of_any_size(size, batches):
    every = [value for batch in batches for value in batch]
    expected = sorted({value for value in every if every.count(value) > 1})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duplicates, "SLICE", size)
        arrays = [np.sort(np.array(batch, np.uint64)) for batch in batches]
        assert duplicates.duplicated_among(arrays).tolist() == expected
