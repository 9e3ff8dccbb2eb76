"""Folders that cannot be listed: their files would be missing from a table without a word."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from engagement_ml.errors import InputError
from engagement_ml.faults import machine_fault


def check_listable(source: str, table: str) -> None:
    """Check that every folder that `source` names, or its glob goes through, can be listed.

    Raises
    ------
    InputError
        If a folder cannot be listed, or the path itself cannot be looked up; the message names it.
    """

    def refuse(error: OSError) -> NoReturn:
        fault = machine_fault(error)
        place, why = (fault.file or source, fault.what) if fault else (source, str(error))
        raise InputError(f"{place}: cannot be read for table '{table}': {why}") from None

    try:
        os.stat(source)
    except (FileNotFoundError, NotADirectoryError):
        if glob.has_magic(source):
            _check_ways(source, refuse)
    except OSError as error:
        refuse(error)
    else:
        if os.path.isdir(source):
            for _ in os.walk(source, onerror=refuse):
                pass


def _check_ways(pattern: str, refuse: Callable[[OSError], NoReturn]) -> None:
    """List each folder that a glob looks into, as `glob` leaves out those that it cannot list."""
    magic = [parent for parent in Path(pattern).parents if glob.has_magic(str(parent))]
    first = Path(magic[-1] if magic else pattern).parent
    for parent in (first, *magic[::-1]):
        for folder in glob.glob(str(parent), recursive=True):
            try:
                if os.path.isdir(folder):
                    os.scandir(folder).close()
            except OSError as error:
                refuse(error)
