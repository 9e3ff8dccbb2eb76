"""Faults of the machine become one line that names the file and what to do."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engagement_ml.errors import InputError, ResourceError
from engagement_ml.faults import machine_fault, machine_faults_named


def of_python(path: Path) -> None:
    path.write_bytes(bytes(100_000))


def of_numpy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.random.default_rng(0).random(50_000))


def of_arrow(path: Path) -> None:
    pq.write_table(pa.table({"a": np.random.default_rng(0).random(50_000)}), path)


def of_duckdb(path: Path) -> None:
    rows = duckdb.connect().sql("SELECT md5(range::VARCHAR) AS a FROM range(50000)")
    rows.write_parquet(str(path))


@pytest.mark.parametrize("write", [of_python, of_numpy, of_arrow, of_duckdb])
def test_a_full_disk_is_named_whatever_library_writes(tmp_path, small_files, write):
    with pytest.raises(Exception) as caught, small_files():  # noqa: PT011
        write(tmp_path / "a.parquet")
    fault = machine_fault(caught.value)
    assert fault is not None
    assert "too large" in fault.what or "no space left" in fault.what
    assert "volume" in fault.what
    assert "\n" not in str(fault)
    if write is of_duckdb:
        assert fault.file == str(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv: permission denied; "),
        (OSError(errno.ENAMETOOLONG, "File name too long", "b" * 300), "give a shorter path"),
        (MemoryError("Unable to allocate 9 TiB"), "not enough memory; "),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block"), "engine: {"),
        (RuntimeError("Job aborted: java.io.IOException: No space left on device"), "no space"),
    ],
)
def test_faults_say_what_to_do(error, said):
    fault = machine_fault(error)
    assert said in str(fault)
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("by zero"), KeyError("a"), duckdb.BinderException("no column"),
     BrokenPipeError(errno.EPIPE, "Broken pipe"), InputError("events.csv: is empty")],
)  # fmt: skip
def test_other_exceptions_are_left_as_they_are(error):
    assert machine_fault(error) is None
    with pytest.raises(type(error)), machine_faults_named():
        raise error


def test_python_gets_the_fault_with_its_cause():
    @machine_faults_named()
    def read() -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "events.csv")

    with pytest.raises(ResourceError, match=r"^events.csv: permission denied") as caught:
        read()
    assert isinstance(caught.value.__cause__, PermissionError)
