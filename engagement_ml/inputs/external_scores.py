"""Scores from elsewhere: a table of customer, date and score, read as of the cutoffs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.formatting import listed, plural, quantity
from engagement_ml.inputs.engine_operations import operations_of
from engagement_ml.inputs.id_forms import forms_that_meet
from engagement_ml.inputs.meeting import MOST_IDS
from engagement_ml.sources import describe_source, open_source
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tables.usual_names import usual_column

if TYPE_CHECKING:
    import pandas as pd

TABLE = "scores"
SCORE = "score"
MAX_AGE_DAYS = 31
"""Days for which a score holds, by default: one month."""
_ID, _MOMENT = "customer_id", "timestamp"
_EPOCH, _MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
_DAY = 86_400_000_000


@dataclass(frozen=True)
class ScoresTable:
    """The usable rows of a table of scores.

    Attributes
    ----------
    label : str
        Name of the source in messages.
    frame : LazyFrame
        ``customer_id``; ``timestamp``, microseconds since 1970 in UTC; ``score``, float64.
    quality : TableQuality
    notes : tuple of str
        What was dropped.
    """

    label: str
    frame: nw.LazyFrame[Any]
    quality: TableQuality
    notes: tuple[str, ...]


def score_columns(
    engine: Engine, config: PipelineConfig, source: Any
) -> tuple[dict[str, str], list[str]]:
    """Return the columns of a table of scores, by their names here, and its other columns.

    The configuration's ``columns.scores`` count first. Without them, ``date`` is a timestamp, and
    the customer may have the column's name in the events, or a usual one.

    Raises
    ------
    InputError
        If the source cannot be opened.
    """
    frame = open_source(engine, source, table=TABLE, encoding=config.shape_of(TABLE).encoding)
    present = frame.collect_schema().names()
    given = {k: v for k, v in config.columns.get(TABLE, {}).items() if v is not None}
    in_events = (config.columns.get("events") or {}).get(_ID)
    mapping = dict(given)
    for column, first in ((_ID, in_events), (_MOMENT, "date"), (SCORE, None)):
        if column in given or find(column, present) is not None:
            continue
        found = find(first, present) if first else None
        usual = None if column == SCORE else usual_column("events", column, present)
        if (name := found or usual) is not None:
            mapping[column] = name
    used = {find(mapping.get(c, c), present) for c in (_ID, _MOMENT, SCORE)}
    return mapping, [name for name in present if name not in used]


def read_scores_table(
    engine: Engine, config: PipelineConfig, source: Any, *, column: str | None = None
) -> ScoresTable:
    """Open and validate a table of scores.

    Parameters
    ----------
    engine : Engine
    config : PipelineConfig
        Its ``columns.scores`` map the columns.
    source : path or frame
        Any source that the other tables accept.
    column : str, optional
        The column of the source to read as the score; by default ``score``.

    Raises
    ------
    InputError
        If a column is missing, or a score is not a finite number.
    NotEnoughDataError
        If no row is left.
    """
    mapping, _ = score_columns(engine, config, source)
    if column is not None:
        mapping[SCORE] = column
    operations = operations_of(engine)
    alone = config.model_copy(update={"columns": {TABLE: mapping}, "segments": ()})
    opened = operations.open_tables(engine, alone, {TABLE: source})
    _, cleaned = operations.clean_tables(engine, opened)
    frame, _ = operations.frames(engine, cleaned[TABLE])
    quality = cleaned[TABLE].quality
    note = dropped_note(quality)
    moments = engine.micros(frame.select(_ID, _MOMENT, SCORE), _MOMENT)
    return ScoresTable(
        describe_source(source, TABLE), moments, quality, () if note is None else (note,)
    )


def scores_at(
    engine: Engine,
    table: ScoresTable,
    customers: pd.Series,
    cutoffs: Sequence[dt.date],
    *,
    max_age_days: int,
) -> pd.DataFrame:
    """Return the last score of each customer at each cutoff.

    A score counts if it is dated at or before the cutoff, and at most `max_age_days` before it.

    Parameters
    ----------
    engine : Engine
    table : ScoresTable
    customers : Series
        The ids of the customers to look up.
    cutoffs : sequence of date
    max_age_days : int

    Returns
    -------
    DataFrame
        ``customer_id`` as text, ``cutoff`` (datetime64[us]), ``score`` and ``age_days`` (float64);
        no row for a customer without a score.

    Raises
    ------
    InputError
        If a customer has two different scores at the same moment.
    """
    import pandas as pd

    wanted = _wanted(engine, table, customers)
    ours = engine.persist(table.frame.join(wanted, on=_ID, how="inner"))
    parts = []
    for cutoff in cutoffs:
        end = (dt.datetime.combine(cutoff, dt.time()) - _EPOCH) // _MICROSECOND
        oldest = end - max_age_days * _DAY
        near = ours.filter((nw.col(_MOMENT) <= end) & (nw.col(_MOMENT) >= oldest))
        latest = near.group_by(_ID).agg(nw.col(_MOMENT).max())
        last = near.join(latest, on=[_ID, _MOMENT], how="inner").group_by(_ID, _MOMENT)
        found = engine.pandas(last.agg(score=nw.col(SCORE).min(), most=nw.col(SCORE).max()))
        _check_single(table, found, cutoff)
        part = pd.DataFrame(
            {
                _ID: found[_ID].astype(str),
                "cutoff": pd.Timestamp(cutoff).as_unit("us"),
                SCORE: found[SCORE].astype("float64"),
                "age_days": (end - found[_MOMENT]) / _DAY,
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def days_of(engine: Engine, table: ScoresTable) -> tuple[dt.date, dt.date, int]:
    """Return the first and the last day with scores, and the number of days with scores."""
    by_day = table.frame.select(day=nw.col(_MOMENT) // _DAY).unique()
    totals = by_day.select(
        first=nw.col("day").min(), last=nw.col("day").max(), n=nw.col("day").count()
    )
    (row,) = engine.rows(totals, source=table.label)
    first, last = (_EPOCH.date() + dt.timedelta(days=int(row[key])) for key in ("first", "last"))
    return first, last, int(row["n"])


def check_meeting(engine: Engine, table: ScoresTable, customers: pd.Series, entity: str) -> int:
    """Return how many of the customers have a score at any time.

    Raises
    ------
    InputError
        If none has; the message says what would make the ids meet.
    """
    ours = table.frame.join(_wanted(engine, table, customers), on=_ID, how="inner")
    (row,) = engine.rows(ours.select(_ID).unique().select(n=nw.len()), source=table.label)
    if row["n"]:
        return int(row["n"])
    ids = table.frame.select(_ID).unique().sort(_ID).head(MOST_IDS)
    theirs = [str(each[_ID]) for each in engine.rows(ids, source=table.label)]
    known = sorted(customers.astype(str).unique())[:MOST_IDS]
    forms, common = forms_that_meet(theirs, known)
    remedy = (
        f"write the ids of both {listed(forms)}: then they have at least "
        f"{quantity(common, entity)} in common"
        if forms
        else "check that 'customer_id' means the same in both"
    )
    raise InputError(
        f"{table.label}: column 'customer_id': none of the {plural(entity)} that are evaluated has "
        f"a score; it holds ids such as {theirs[0]!r}, the {plural(entity)} have ids such as "
        f"{known[0]!r}; {remedy}"
    )


def _wanted(engine: Engine, table: ScoresTable, customers: pd.Series) -> nw.LazyFrame[Any]:
    """Return the customers as a small table, with ids of the type that the scores have."""
    import pandas as pd

    is_text = isinstance(table.frame.collect_schema()[_ID], nw.String)
    ids = pd.Series(customers.unique())
    if is_text:
        return engine.small({_ID: ids.astype(str).to_numpy(dtype=object)})
    whole = pd.to_numeric(ids.astype(str), errors="coerce").dropna()
    return engine.small({_ID: whole.astype("int64").to_numpy()})


def _check_single(table: ScoresTable, found: pd.DataFrame, cutoff: dt.date) -> None:
    different = found.loc[found["most"] != found[SCORE]]
    if not len(different):
        return
    row = different.sort_values(_ID).iloc[0]
    moment = _EPOCH + int(row[_MOMENT]) * _MICROSECOND
    raise InputError(
        f"{table.label}: customer {row[_ID]!r} has two scores of {moment:%Y-%m-%d %H:%M}, "
        f"{row[SCORE]:g} and {row['most']:g}; give one row for each customer and date"
    )
