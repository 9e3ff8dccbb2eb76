"""JSON files as tables: one record a line, or one array of records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engagement_ml.column_names import find
from engagement_ml.engine import DuckDBEngine
from engagement_ml.engine.files import json_sql, without
from engagement_ml.errors import EngagementError, InputError
from engagement_ml.sources.kinds import check_names, kind_of
from engagement_ml.sources.packed import open_unpacked, read_start

MOST_BYTES = 1_000_000_000
"""Size of an array up to which it is read a second time, to name the line of a mistake."""
_PLAIN = ("bigint", "ubigint", "hugeint", "uhugeint", "double", "boolean")
_FORM = "give one record a line, or one array of records"


def json_table(
    engine: DuckDBEngine,
    files: Sequence[Path],
    keys: Mapping[str, str],
    source: str,
    table: str,
) -> str:
    """Read JSON files once into a table of the engine and return its name.

    Numbers stay numbers and objects records. Text stays text, dates and UUIDs among it. A field
    of several types becomes text.

    Parameters
    ----------
    engine : DuckDBEngine
    files : sequence of Path
    keys : mapping of str to str
        ``key=value`` folders that become columns, unless the records have such a field.
    source, table : str
        Names of the source and of the input table in messages.

    Raises
    ------
    InputError
        If a file is not JSON of one of both forms: the message names the line. If the names of two
        fields differ only in case.
    """
    forms = {path: _form(path, table) for path in files}
    form = forms[files[0]]
    for path, other in forms.items():
        if other != form:
            raise InputError(f"{path}: has another form than {files[0]}; {_FORM} in all files")
    try:
        inferred = engine.scan(engine.view(json_sql(files, form), source=source)).to_native()
        types = dict(zip(inferred.columns, map(_kept_type, inferred.types), strict=True))
        _check_case(engine, files, form, types, source)
        name = engine.table(json_sql(files, form, types, without(keys, list(types))), source=source)
        # Without any field there is a column of records.
        if not engine.query(f'SELECT 1 FROM "{name}" LIMIT 1', source=source):
            raise _is_empty(source, table)
    except EngagementError as error:
        raise _explained(error, files, form, source) from None
    check_names(list(types), source)
    return name


def _form(path: Path, table: str) -> str:
    """Return DuckDB's name of a file's form, by its first character."""
    start = read_start(path)
    if start.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"{path}: begins with a byte order mark; save it as UTF-8 without one (BOM)"
        )
    stripped = start.strip()
    if not stripped:
        raise _is_empty(path, table)
    if stripped.startswith(b"["):
        return "array"
    if not stripped.startswith(b"{"):
        kind = kind_of(start)
        found = (
            f"but {kind}" if kind else f"as line 1 begins with {stripped[:1].decode('latin-1')!r}"
        )
        raise InputError(f"{path}: is not JSON {found}; {_FORM}")
    return "newline_delimited"


def _is_empty(path: object, table: str) -> InputError:
    return InputError(f"{path}: is empty; table '{table}' needs records")


def _kept_type(of_type: Any) -> str:
    """Return the type in which a field is read: as inferred, but text for anything else."""
    match of_type.id:
        case "struct":
            fields = ", ".join(f"{_quoted(n)} {_kept_type(t)}" for n, t in of_type.children)
            return f"STRUCT({fields})"
        case "list":
            return f"{_kept_type(of_type.children[0][1])}[]"
        case "map":
            return f"MAP(VARCHAR, {_kept_type(of_type.children[1][1])})"
        case plain if plain in _PLAIN:
            return str(of_type)
        case _:
            return "VARCHAR"


def _check_case(
    engine: DuckDBEngine, files: Sequence[Path], form: str, types: Mapping[str, str], source: str
) -> None:
    """Check that names of fields differ in more than case; DuckDB numbers those that do not."""
    for name in types:
        numbered = re.fullmatch(r"(.+)_[0-9]+", name)
        other = None if numbered is None else find(numbered[1], types)
        if numbered is None or other is None:
            continue
        objects = json_sql(files, form, {name: "JSON"})
        given = engine.query(
            f"SELECT 1 FROM ({objects}) WHERE {_quoted(name)} IS NOT NULL LIMIT 1", source=source
        )
        if not given:
            raise InputError(
                f"{source}: the fields '{other}' and '{numbered[1]}' differ only in case; "
                f"write them the same way"
            )


def _explained(
    error: EngagementError, files: Sequence[Path], form: str, source: str
) -> EngagementError:
    """Return the error with the first line that is no record, if that is the reason."""
    if not isinstance(error, InputError) or "cannot be read: " not in str(error):
        return error
    for path in files:
        try:
            found = _first_mistake(path) if form == "newline_delimited" else _mistake(path)
        except (OSError, EOFError):
            return error
        if found is not None:
            line, what = found
            return InputError(f"{path}: line {line} {what}; {_FORM}")
    if same := re.search(r'Duplicate name "+([^"]+)"+ in struct', str(error)):
        return InputError(
            f"{source}: two fields of a record differ from '{same[1]}' only in case; "
            "write them the same way"
        )
    if "non-record JSON" in str(error):
        return InputError(f"{source}: has no record with a field; {_FORM}")
    return error


def _first_mistake(path: Path) -> tuple[int, str] | None:
    """Return the number of the first line that is no record, and what is wrong with it."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, object_pairs_hook=_record)
        except UnicodeDecodeError:
            return number, "is not UTF-8 text"
        except ValueError as error:
            return number, f"is not a JSON record ({_reason(error)})"
        if not isinstance(value, dict):
            return number, f"is not a JSON record but {type(value).__name__} {str(value)[:20]!r}"
    return None


def _mistake(path: Path) -> tuple[int, str] | None:
    """Return the line of the mistake in an array of records, and what it is."""
    with open_unpacked(path) as file:
        content: bytes = file.read(MOST_BYTES)
    if len(content) == MOST_BYTES:
        return None
    try:
        values = json.loads(content, object_pairs_hook=_record)
    except UnicodeDecodeError as error:
        return content[: error.start].count(b"\n") + 1, "is not UTF-8 text"
    except json.JSONDecodeError as error:
        return error.lineno, f"is not JSON ({_reason(error)})"
    except ValueError as error:
        return 1, f"begins an array with a mistake ({error})"
    for value in values:
        if not isinstance(value, dict):
            return 1, f"begins an array in which {str(value)[:20]!r} is not a record"
    return None


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        name = next(n for i, (n, _) in enumerate(pairs) if n in dict(pairs[:i]))
        raise ValueError(f"field '{name}' occurs twice")
    if "" in record:
        raise ValueError("a field has no name")
    return record


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.colno}"
    return str(error)


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, which readers of compressed files do not all split."""
    rest = b""
    with open_unpacked(path) as file:
        while block := file.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
    yield rest


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
