"""Text files that define a metric, read with one line of error for whatever stands there."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from engagement_ml.errors import InputError
from engagement_ml.plain_types import as_path

MOST_BYTES = 10_000_000
"""Size of a file from which on it is no metric; one of a few behaviours has some kilobytes."""
_OTHER_ENCODINGS = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}


def read_text(path_given: str | Path, wanted: str) -> tuple[str, str]:
    """Return the text of a UTF-8 file, without a byte order mark, and the path for messages.

    Parameters
    ----------
    path_given : path
    wanted : str
        What the file is, for messages, such as ``"a metric.json"``.

    Raises
    ------
    InputError
        If it is no file, too large, or not UTF-8.
    """
    path = as_path(path_given, wanted)
    advice = f"give the path of {wanted}"
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: a folder; {advice}")
        if not stat.S_ISREG(status.st_mode):
            # Reading a pipe would wait for a writer.
            raise InputError(f"{path}: is not a regular file; {advice}")
        if status.st_size > MOST_BYTES:
            raise InputError(
                f"{path}: has {status.st_size / 1e6:,.0f} MB, more than {wanted} has; {advice}"
            )
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; {advice}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise InputError(f"{str(path)!r:.60}: is no path; {advice}") from None
    return _decoded(raw, path, wanted), str(path)


def _decoded(raw: bytes, path: Path, wanted: str) -> str:
    for encoding, marks in _OTHER_ENCODINGS.items():
        if raw.startswith(marks):
            raise InputError(f"{path}: is {encoding} and not UTF-8 text; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; give the path of {wanted}") from None
