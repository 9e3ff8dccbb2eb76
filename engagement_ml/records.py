"""The record of a run: typed results that the report, the tracking store and `run.json` share."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from engagement_ml.drivers.evidence import DriverEvidence, DriverRow, row_dict
from engagement_ml.errors import InputError, OutputError, nearest
from engagement_ml.further import Further
from engagement_ml.models.prediction_intervals import PredictionIntervals
from engagement_ml.plain_types import as_path, plain
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.tables.quality import TableQuality

FORMAT = 1
HASH = "sha256"
_REQUIRED = (
    "name", "entity", "currency", "created_at", "version", "config", "windows", "tables",
    "n_entities", "n_rows", "metric", "drivers", "evaluation",
)  # fmt: skip
# The evidence stands flat in `run.json`; these fields stand within its `metric`.
_IN_METRIC = ("evidence", "reason")
_RENAMED = {"lead_ratio": "log_rate_after_purchases"}


@dataclass(frozen=True)
class DrawnSample:
    """The random sample of customers that a run was trained on.

    Attributes
    ----------
    customers, of : int
        Customers drawn, and customers there are.
    share : float
        ``customers / of``.
    by : tuple of str
        What the strata are made of.
    n_strata : int
    wider : float
        How many times as wide as without sampling intervals are at most: ``sqrt(of / customers)``.
    half_widths : dict of behaviour to float
        Half the width of the 95% interval of each effect, as a share of the effect.
    """

    customers: int
    of: int
    share: float
    by: tuple[str, ...]
    n_strata: int
    wider: float
    half_widths: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """The results of one run of a pipeline.

    Values are turned into Python's own types (see `plain`) and checked against the type of their
    field, so that a record equals the one read back from its JSON.

    Parameters
    ----------
    name, entity, currency : str
        As in the configuration.
    created_at : str
        ISO 8601, UTC.
    version : str
        Of engagement-ml.
    config : dict
        The whole configuration.
    windows : Windows
        The window lengths and cutoffs that the configuration led to.
    tables : tuple of TableQuality
        Per table: rows read, kept and dropped with reasons, time span, fingerprint.
    n_entities, n_rows : int
        Customers in the panel, and its rows: one per customer and cutoff.
    metric : dict
        The content of ``metric.json``.
    evidence : DriverEvidence
        Verdicts, response curves, robustness checks, experiments and notes.
    evaluation : dict
        The content of ``evaluation.json``.
    sample : DrawnSample or None
        None if all customers were used.
    registered : dict or None
        ``model, version, alias, uri, run_id, tracking_uri``.
    seconds : dict
        Wall time of each step.
    grouped_event_types : dict of str to int
        Events of each event type that is part of one behaviour with others, the most first.
    prediction_intervals : PredictionIntervals or None
        Those of predicted margin; None in records of earlier versions.
    further : Further
        What was found beside the drivers of margin.

    Raises
    ------
    InputError
        If a value does not fit the type of its field.
    TypeError
        If a value has no plain form.
    """

    name: str
    entity: str
    currency: str
    created_at: str
    version: str
    config: dict[str, Any]
    windows: Windows
    tables: tuple[TableQuality, ...]
    n_entities: int
    n_rows: int
    metric: dict[str, Any]
    evidence: DriverEvidence
    evaluation: dict[str, Any]
    sample: DrawnSample | None = None
    registered: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    grouped_event_types: dict[str, int] = field(default_factory=dict)
    prediction_intervals: PredictionIntervals | None = None
    further: Further = field(default_factory=Further)

    format: ClassVar[int] = FORMAT

    def __post_init__(self) -> None:
        for name, value in _typed({n: getattr(self, n) for n in _types()}, "record").items():
            object.__setattr__(self, name, value)

    @property
    def drivers(self) -> tuple[DriverRow, ...]:
        """The rows of margin, the selected behaviours first; ``drivers.csv`` begins with them."""
        return self.evidence.drivers

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the run as a whole."""
        return self.evidence.notes

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types: ``format`` first, the evidence flat."""
        fields = {name: plain(getattr(self, name)) for name in _types()}
        evidence = fields.pop("evidence")
        evidence["drivers"] = [plain(row_dict(row)) for row in self.drivers]
        flat = {name: value for name, value in evidence.items() if name not in _IN_METRIC}
        last = {name: fields.pop(name) for name in ("registered", "seconds")}
        return {"format": FORMAT, **fields, **flat, **last}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the record as JSON text, and write it to `path` if given.

        Raises
        ------
        OutputError
            If `path` cannot be written.
        """
        fields = self.to_dict()
        whole = {**fields, HASH: _hash(fields)}
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            try:
                Path(path).write_text(text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        return text

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, origin: str = "record") -> RunRecord:
        """Read the result of `to_dict`; unknown keys are ignored, missing ones take defaults.

        Records of earlier versions are read too.

        Raises
        ------
        InputError
            If the format is unknown, a key without a default is missing or a value does not fit.
        """
        if not isinstance(raw, Mapping):
            raise InputError(f"{origin}: expected a record's keys, found {type(raw).__name__}")
        if raw.get("format") != FORMAT:
            raise InputError(
                f"{origin}: key 'format': {raw.get('format')!r} is not known, this version reads "
                f"{FORMAT}; a newer engagement-ml may have written it"
            )
        for name in _REQUIRED:
            if name not in raw:
                raise InputError(f"{origin}: key '{name}' is missing{nearest(name, raw)}")
        fields = {name: raw[name] for name in _types() if name in raw}
        return cls(**_typed({**fields, "evidence": _nested(raw)}, origin))

    @classmethod
    def from_json(cls, path_or_text: str | Path) -> RunRecord:
        """Read a record from a path, or from its text (which starts with ``{``).

        Raises
        ------
        InputError
            If the file is missing, damaged, edited or of another format.
        """
        if isinstance(path_or_text, str) and path_or_text.lstrip().startswith("{"):
            text, origin = path_or_text, "record"
        else:
            path = as_path(path_or_text, "a run's record, run.json")
            origin = str(path)
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise InputError(f"{origin}: is not UTF-8 text; give a run's record") from None
            except OSError as error:
                raise InputError(f"{origin}: cannot be read ({error.strerror})") from None
        try:
            raw = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{origin}: cannot be read as JSON: {error}") from None
        stored_hash = raw.pop(HASH, None) if isinstance(raw, dict) else None
        if stored_hash is not None and stored_hash != _hash(raw):
            raise InputError(
                f"{origin}: is damaged or was edited, as key '{HASH}' is not the hash of the "
                "other keys; use the original file or train again"
            )
        return cls.from_dict(raw, origin=origin)


def _hash(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's keys, whatever their order."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _nested(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence that stands flat in `raw`, under the names of today's fields."""
    names = {each.name for each in dataclasses.fields(DriverEvidence)}
    values = {name: value for name, value in raw.items() if name in names}
    metric = raw["metric"] if isinstance(raw["metric"], Mapping) else {}
    values |= {"evidence": metric.get("evidence"), "reason": metric.get("reason")}
    unused = {"scale": None, "shape": None}
    chosen = [row | unused | row.get("transform", {}) for row in metric.get("behaviours") or ()]
    values.setdefault("choices", chosen)
    if isinstance(rows := values["drivers"], list):
        values["drivers"] = [
            {_RENAMED.get(name, name): value for name, value in row.items()}
            if isinstance(row, Mapping)
            else row
            for row in rows
        ]
    return values


def _typed(values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return `values` as the types of their fields."""
    from pydantic import ValidationError

    types, typed = _types(), {}
    for name, value in values.items():
        try:
            typed[name] = types[name].validate_python(plain(value))
        except ValidationError as error:
            first = error.errors()[0]
            place = [str(part) for part in first["loc"]]
            inner = place if name == "evidence" else [name, *place]
            raise InputError(
                f"{origin}: key '{'.'.join(inner)}': {first['msg'][:1].lower()}{first['msg'][1:]}, "
                f"found {first['input']!r:.60}; train again, or give the file as it was written"
            ) from None
    return typed


@cache
def _types() -> dict[str, Any]:
    """Return a pydantic reader per field, in the order of `run.json`."""
    from pydantic import TypeAdapter

    from engagement_ml.tables.quality import TableQuality

    hints = get_type_hints(RunRecord, localns={"TableQuality": TableQuality})
    return {each.name: TypeAdapter(hints[each.name]) for each in dataclasses.fields(RunRecord)}
