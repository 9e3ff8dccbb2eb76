"""All that a run found, as plain data: what the report shows and the tracking store keeps."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from engagement_ml.errors import InputError, OutputError, nearest

FORMAT = 1
_SCALARS = (bool, int, float, str, dt.date, Path)


def plain(value: Any) -> Any:
    """Turn a value into plain JSON types.

    NumPy scalars and arrays become numbers and lists, dates and timestamps ISO 8601 text, paths
    text, dataclasses and mappings dictionaries with text keys; sets are sorted. NaN, infinity and
    a missing timestamp become null.

    Raises
    ------
    TypeError
        Where a value has no plain form.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"n": np.int64(3), "r2": np.float64("nan"), "cutoffs": (dt.date(2024, 1, 1),)})
    {'n': 3, 'r2': None, 'cutoffs': ['2024-01-01']}
    """
    if value is None or isinstance(value, _SCALARS):
        return _plain_scalar(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if callable(to_list := getattr(value, "tolist", None)):
        return plain(to_list())
    raise TypeError(f"a {type(value).__name__} has no plain form")


def _plain_scalar(value: Any) -> str | bool | int | float | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.date):
        # A missing timestamp of pandas is a date that does not equal itself.
        return value.isoformat() if value == value else None  # noqa: PLR0124
    return str(value)


@dataclass(frozen=True)
class RunRecord:
    """All that one run of a pipeline found, in plain JSON types only.

    Whatever is given is turned into plain types (see `plain`), so that a record equals the one
    read back from its JSON.

    Parameters
    ----------
    name, entity, currency : str
        As in the configuration.
    created_at : str
        ISO 8601, UTC.
    version : str
        Of engagement-ml.
    config, windows : dict
        The whole configuration, and the windows and cutoffs it came to.
    tables : list of dict
        One per table: source, rows read, kept and dropped with reasons, first, last, fingerprint.
    n_entities, n_rows : int
        Who and how many rows the panel holds.
    sample : dict or None
        Where a sample was learnt from: ``customers`` drawn, ``of`` how many, ``share``; ``by``
        what, in ``n_strata`` strata; ``wider``, how many times as wide luck in who was drawn makes
        intervals; ``half_widths`` of the effects found, as shares of them.
    metric : dict
        What ``metric.json`` holds.
    drivers : list of dict
        The rows of ``drivers.csv`` and more for people to read, the selected first.
    naive : list of dict
        ``behaviour, mean_abs_shap, rank``: the ranking that is a baseline only.
    responses : dict
        Per behaviour the effect of x events against none, in currency.
    checks, segments, pairs : list of dict
    unprofitable : dict or None
        Engaged entities whose margin is negative, and what they do.
    experiments : dict
        ``plan`` and ``results``.
    evaluation : dict
        What ``evaluation.json`` holds.
    notes : list of str
    registered : dict or None
        ``model, version, alias, uri, run_id, tracking_uri``.
    seconds : dict
        Wall time of each step.

    Raises
    ------
    TypeError
        Where a value has no plain form.
    """

    name: str
    entity: str
    currency: str
    created_at: str
    version: str
    config: dict[str, Any]
    windows: dict[str, Any]
    tables: list[dict[str, Any]]
    n_entities: int
    n_rows: int
    metric: dict[str, Any]
    drivers: list[dict[str, Any]]
    evaluation: dict[str, Any]
    sample: dict[str, Any] | None = None
    naive: list[dict[str, Any]] = field(default_factory=list)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)
    unprofitable: dict[str, Any] | None = None
    experiments: dict[str, Any] = field(default_factory=lambda: {"plan": [], "results": []})
    notes: list[str] = field(default_factory=list)
    registered: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    format: ClassVar[int] = FORMAT

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            object.__setattr__(self, each.name, plain(getattr(self, each.name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types, ``format`` first."""
        values = {each.name: plain(getattr(self, each.name)) for each in dataclasses.fields(self)}
        return {"format": FORMAT, **values}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the record as JSON text, and write it where `path` is given.

        Raises
        ------
        OutputError
            Where `path` cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            try:
                Path(path).write_text(text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        return text

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, origin: str = "record") -> RunRecord:
        """Read what `to_dict` returned; keys that are not known are passed over.

        Raises
        ------
        InputError
            Where the format is not known or a key is missing.
        """
        if not isinstance(raw, Mapping):
            raise InputError(f"{origin}: expected a record's keys, found {type(raw).__name__}")
        if raw.get("format") != FORMAT:
            raise InputError(
                f"{origin}: key 'format': {raw.get('format')!r} is not known, this version reads "
                f"{FORMAT}; a newer engagement-ml may have written it"
            )
        known = {each.name: each for each in dataclasses.fields(cls)}
        for name, each in known.items():
            optional = (each.default, each.default_factory) != (dataclasses.MISSING,) * 2
            if name not in raw and not optional:
                raise InputError(f"{origin}: key '{name}' is missing{nearest(name, raw)}")
        return cls(**{name: raw[name] for name in known if name in raw})

    @classmethod
    def from_json(cls, path_or_text: str | Path) -> RunRecord:
        """Read a record from a path, or from its text (which starts with ``{``).

        Raises
        ------
        InputError
            Where it is missing, damaged or of another format.
        """
        if isinstance(path_or_text, str) and path_or_text.lstrip().startswith("{"):
            text, origin = path_or_text, "record"
        else:
            origin = str(path_or_text)
            try:
                text = Path(path_or_text).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise InputError(f"{origin}: is no UTF-8 text; give a run's record") from None
            except OSError as error:
                raise InputError(f"{origin}: cannot be read ({error.strerror})") from None
        try:
            raw = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{origin}: cannot be read as JSON: {error}") from None
        return cls.from_dict(raw, origin=origin)
