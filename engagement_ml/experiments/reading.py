"""Tables of randomised experiments, one row per entity, read into the rows of two arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engagement_ml.column_names import find
from engagement_ml.engine import DuckDBEngine
from engagement_ml.errors import InputError, nearest
from engagement_ml.experiments.measuring import Arms
from engagement_ml.sources import describe_source, is_csv, open_source
from engagement_ml.sources.kinds import quoted_text
from engagement_ml.tables.schema import Kind, SourceTable, listed, quoted
from engagement_ml.tables.validation import check_values, column_label

MOST_VALUES = 50
"""Most values of a segment column; a column with more holds numbers or names, not segments."""

_TABLE = "experiments"
_TRUTH = {True: ("true", "1", "yes", "on"), False: ("false", "0", "no", "off")}


@dataclass(frozen=True)
class Layout:
    """The roles of a table's columns.

    Attributes
    ----------
    arm, outcome : str
    treated, control : str, number or bool
        The two values of `arm` to compare.
    events : str or None
    segments : tuple of str
    keys : mapping of str to str
        The configuration key of an attribute, for messages; by default the attribute's name.
    """

    arm: str
    treated: Any
    control: Any
    outcome: str
    events: str | None = None
    segments: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)

    def key(self, attribute: str) -> str:
        """Return the name of an attribute in messages."""
        return f"'{self.keys.get(attribute, attribute)}'"

    def columns(self) -> dict[str, tuple[str, str]]:
        """Return, by the name within this module, the table's column and the key that names it."""
        columns = [("arm", self.arm, "arm"), ("outcome", self.outcome, "outcome")]
        if self.events is not None:
            columns.append(("events", self.events, "events"))
        columns += [(f"segment_{i}", s, "segments") for i, s in enumerate(self.segments)]
        return {name: (column, self.key(attribute)) for name, column, attribute in columns}


class _Test(SourceTable):
    """A test's table under names of its own."""

    def column_kinds(self) -> list[tuple[str, Kind]]:
        """Return the numeric columns."""
        return [(column, "finite") for column in ("outcome", "events") if self.has(column)]


def read_arms(engine: DuckDBEngine, source: Any, layout: Layout) -> Arms:
    """Read the rows of the two arms.

    Parameters
    ----------
    engine : DuckDBEngine
    source : path or frame
        Any source that `open_source` accepts, with one row per entity.
    layout : Layout

    Raises
    ------
    InputError
        If the source cannot be read or lacks a column or an arm, an arm has fewer than two rows,
        an entity has two rows, or an outcome is missing, not a number, or constant.
    """
    one = _open(engine, source, layout)
    arms = _arms(engine, one, layout)
    check_values(engine, one)
    wanted = ", ".join(quoted_text(arm) for arm in arms)
    rows = f"(SELECT *, row_number() OVER () AS row_ FROM {quoted(one.view)})"
    inside = f"CAST({one.sql('arm')} AS VARCHAR) IN ({wanted})"
    _check_complete(engine, one, rows, inside)
    _check_once(engine, one, inside)
    selected = [f"CAST({one.sql('arm')} AS VARCHAR) = {quoted_text(arms[0])} AS treated"]
    selected += [f"{one.number(column)} AS {column}" for column, _ in one.column_kinds()]
    names = [name for name in one.types if name.startswith("segment_")]
    selected += [
        f"coalesce(CAST({one.sql(name)} AS VARCHAR), 'not known') AS {name}" for name in names
    ]
    query = f"SELECT {', '.join(selected)} FROM {rows} WHERE {inside} ORDER BY row_"
    frame = engine.scan(engine.view(query, source=one.label)).collect("pandas").to_native()
    total = engine.query(f"SELECT count(*) FROM {quoted(one.view)}", source=one.label)[0][0]
    found = Arms(
        treated=frame["treated"].to_numpy(dtype=bool),
        outcome=frame["outcome"].to_numpy(dtype=float),
        events=frame["events"].to_numpy(dtype=float) if layout.events is not None else None,
        segments={
            segment: frame[name].to_numpy(dtype=object)
            for segment, name in zip(layout.segments, names, strict=True)
        },
        left_out=int(total) - len(frame),
    )
    _check_arms(one, found, arms)
    return found


def _open(engine: DuckDBEngine, source: Any, layout: Layout) -> _Test:
    label = describe_source(source, _TABLE)
    relation = open_source(engine, source, table=_TABLE).to_native()
    present = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    theirs = {}
    for name, (column, key) in layout.columns().items():
        found = find(column, present)
        if found is None:
            raise InputError(
                f"{label}: column '{column}', which key {key} names, is missing"
                f"{nearest(column, present)}; the columns are {listed(present)}"
            )
        theirs[name] = found
    if (customer := find("customer_id", present)) is not None:
        theirs["customer_id"] = customer
    selected = ", ".join(f"{quoted(column)} AS {name}" for name, column in theirs.items())
    raw = engine.view(relation.sql_query(), source=label)
    view = engine.view(f"SELECT {selected} FROM {quoted(raw)}", source=label)
    types = {name: present[column] for name, column in theirs.items()}
    return _Test(_TABLE, label, view, types, theirs, is_csv(source, _TABLE))


def _arms(engine: DuckDBEngine, one: _Test, layout: Layout) -> tuple[str, str]:
    """Return the treated and the control arm as they are written in the column."""
    rows = engine.query(
        f"SELECT CAST({one.sql('arm')} AS VARCHAR) AS arm FROM {quoted(one.view)} "
        "WHERE arm IS NOT NULL GROUP BY 1 ORDER BY 1",
        source=one.label,
    )
    written = [str(row[0]) for row in rows]
    found = []
    for role, arm in (("treated", layout.treated), ("control", layout.control)):
        same = next((each for each in written if _says(each, arm)), None)
        if same is None:
            raise InputError(
                f"{column_label(one, 'arm')} holds no arm {arm!r}, which key "
                f"{layout.key(role)} names{nearest(str(arm), written)}; "
                f"its arms are {listed(written) or 'none'}"
            )
        found.append(same)
    if found[0] == found[1]:
        raise InputError(f"{one.label}: both arms are '{found[0]}'; name two different arms")
    return found[0], found[1]


def _says(written: str, arm: Any) -> bool:
    if isinstance(arm, bool):
        # YAML reads yes, no, on and off without quotes as truth values.
        return written.lower() in _TRUTH[arm]
    if written == str(arm):
        return True
    try:
        return not isinstance(arm, str) and float(written) == float(arm)
    except ValueError:
        return False


def _check_complete(engine: DuckDBEngine, one: _Test, rows: str, inside: str) -> None:
    for column, _ in one.column_kinds():
        missing = engine.query(
            f"SELECT min(row_), count(*) FROM {rows} WHERE {inside} AND {one.sql(column)} IS NULL",
            source=one.label,
        )[0]
        if missing[1]:
            raise InputError(
                f"{column_label(one, column)}, row {missing[0]}: expected a number, "
                f"found none ({missing[1]} in all); leaving such rows out would undo the "
                "randomisation: write 0 for who brought nothing"
            )


def _check_once(engine: DuckDBEngine, one: _Test, inside: str) -> None:
    if not one.has("customer_id"):
        return
    repeated = engine.query(
        f"SELECT customer_id, count(*) FROM {quoted(one.view)} WHERE {inside} "
        "AND customer_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        source=one.label,
    )
    if repeated:
        raise InputError(
            f"{one.label}: column 'customer_id': {repeated[0][0]!r} is there {repeated[0][1]} "
            "times; give one row per customer, with the sum of its outcomes"
        )


def _check_arms(one: _Test, found: Arms, arms: Sequence[str]) -> None:
    for arm, size in zip(arms, (found.treated.sum(), (~found.treated).sum()), strict=True):
        if size < 2:
            raise InputError(f"{one.label}: arm '{arm}' has only one row; at least two are needed")
    if all(np.ptp(found.outcome[side]) == 0 for side in (found.treated, ~found.treated)):
        raise InputError(
            f"{column_label(one, 'outcome')} does not vary within the arms; "
            "there is nothing to compare by"
        )
    if found.events is not None and np.ptp(found.events) == 0:
        raise InputError(
            f"{column_label(one, 'events')} is {found.events[0]:g} throughout: the "
            "treated did no more than the control"
        )
    for segment, values in found.segments.items():
        if (n := len(np.unique(values.astype(str)))) > MOST_VALUES:
            raise InputError(
                f"{one.label}: column '{segment}' has {n} values, too many to compare lifts by; "
                f"group them into at most {MOST_VALUES}"
            )
