"""Hashes that are there more than once, found slice by slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.tables import duplicates

EDGES = [0, 1, 2**63, 2**64 - 2, 2**64 - 1]
HASHES = st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1)), max_size=12)


@pytest.mark.parametrize("size", [1, 3, 1000])
@given(parts=st.lists(HASHES, max_size=4))
def test_repeats_are_found_however_the_parts_are_sliced(size, parts):
    every = [value for part in parts for value in part]
    expected = sorted({value for value in every if every.count(value) > 1})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duplicates, "SLICE", size)
        arrays = [np.sort(np.array(part, np.uint64)) for part in parts]
        assert duplicates.repeated_among(arrays).tolist() == expected
