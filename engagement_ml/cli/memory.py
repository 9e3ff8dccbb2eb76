"""Memory allocation of the process, which a program may configure and a library may not."""

from __future__ import annotations

import ctypes

FREED, LARGE = 1 << 28, 1 << 25
"""In bytes: free memory that glibc keeps at most, and the size of blocks that it never keeps."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc reuse the memory of freed arrays for new ones; without glibc do nothing.

    By default glibc returns each array of some megabytes to the system, which must then clear the
    pages of the next one. That takes 6% to 8% of the time to build features of large tables.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_TRIM_THRESHOLD, FREED)
    mallopt(_MMAP_THRESHOLD, LARGE)
