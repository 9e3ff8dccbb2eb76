"""How this process holds memory; a program may decide that, a library may not."""

from __future__ import annotations

import ctypes

FREED, LARGE = 1 << 28, 1 << 25
"""Bytes that are free and kept at most; blocks of so many bytes are not kept."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Have glibc keep what arrays give back for those that come next; elsewhere do nothing.

    By default it returns each array of some megabytes to the system, which then has to clear the
    pages of the next: 6% to 8% of the time of making features of large tables.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_TRIM_THRESHOLD, FREED)
    mallopt(_MMAP_THRESHOLD, LARGE)
