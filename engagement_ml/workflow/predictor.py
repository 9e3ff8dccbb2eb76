"""The models of a run applied to the customers of new tables at one day."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import InputError
from engagement_ml.formatting import listed, percent, plural, quantity
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.models.prediction_intervals import PredictionIntervals
from engagement_ml.progress import Progress
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.windows import DAY, Windows
from engagement_ml.workflow.runs import Run

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features import Panel
    from engagement_ml.models import ChurnModel, ProfitModel

MARGIN, LOW, HIGH, CHURN = "expected_margin", "margin_low", "margin_high", "churn_risk"
COLUMNS = (MARGIN, LOW, HIGH, CHURN)
_OF_THE_DATA = ("sources", "columns", "shape", "engine", "history")
"""Keys of a configuration that say where data are and how to read them."""
_EARLIER = "the run was made by a version without intervals; train again"


@dataclass(frozen=True)
class Predicted:
    """Predictions of customers at one day, sorted by customer.

    Attributes
    ----------
    as_of : date
    ids : array (n,)
    columns : dict of str to float64 array (n,)
        ``expected_margin``, ``margin_low``, ``margin_high`` in currency over the outcome window,
        and ``churn_risk``, 0 to 1; NaN if there is none.
    notes : tuple of str
    warnings : tuple of str
        Those of the `notes` that say that the tables end too early.
    table_notes : tuple of str
        What was dropped or assumed when the tables were read; it was logged then.
    """

    as_of: dt.date
    ids: AnyArray
    columns: dict[str, FloatArray]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    table_notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Predictor:
    """Models of a run, with the configuration by which their features are built."""

    origin: str
    config: PipelineConfig
    profit: ProfitModel
    churn: ChurnModel
    intervals: PredictionIntervals
    fit_until: dt.date

    def predict(
        self,
        engine: Engine,
        frames: Mapping[str, Any],
        as_of: dt.datetime | None,
        progress: Progress,
    ) -> Predicted:
        """Predict margin and churn of all customers who were there before a day.

        Parameters
        ----------
        engine : Engine
        frames : mapping of table name to path or frame
            Replace the configuration's sources.
        as_of : datetime or None
            A midnight in UTC; by default the first day that events or transactions lack.
        progress : Progress

        Raises
        ------
        InputError
            If `as_of` is no whole day or too early, or if the tables lack what the models use.
        """
        tables = read_tables(self.config, engine, frames, on_part=progress.update)
        progress.start("Predicting")
        return self.of_tables(tables, as_of)

    def of_tables(self, tables: Tables, as_of: dt.datetime | None) -> Predicted:
        """Predict from tables that were read already; see `predict`."""
        from engagement_ml.features.panel import panel_blocks

        day, warnings = _day_of(as_of, tables, self.config)
        windows = _windows_at(day, tables, self.config)
        notes = warnings + _other_types(tables.behaviours, self.profit.design_.behaviours)
        trained = self._as_trained(tables)
        parts = [self._of_block(panel) for panel in panel_blocks(trained, self.config, windows)]
        ids, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        columns = dict(zip(COLUMNS, values.T, strict=True))
        notes += self._notes(columns, windows)
        dropped = filter(None, map(dropped_note, tables.quality))
        return Predicted(day, ids, columns, notes, warnings, (*tables.notes, *dropped))

    def _as_trained(self, tables: Tables) -> Tables:
        """Return the tables with the event types, and their amounts, that the models know."""
        design = self.profit.design_
        columns = set(design.columns)
        amounts = {
            column: tuple(b for b in design.behaviours if f"{b}__{column}" in columns)
            for column in tables.amounts
        }
        return dataclasses.replace(tables, behaviours=design.behaviours, amounts=amounts)

    def _of_block(self, panel: Panel) -> tuple[AnyArray, FloatArray]:
        for model in (self.profit, self.churn):
            self._check_columns(model, panel.frame)
        margin = self.profit.predict(panel)
        low, high = self.intervals.bounds(margin)
        at_risk = panel.frame["churned"].notna().to_numpy()
        churn = np.where(at_risk, self.churn.predict(panel), np.nan)
        ids = panel.frame["customer_id"].to_numpy()
        return ids, np.column_stack([margin, low, high, churn])

    def _check_columns(self, model: ProfitModel | ChurnModel, frame: pd.DataFrame) -> None:
        """Check that the panel has the columns of a model, in the types of the training."""
        import pandas as pd

        for column in model.design_.columns:
            kind, _, name = column.partition("__")
            what = f"customers: column '{name}'" if kind == "covariate" else f"feature '{column}'"
            if column not in frame.columns:
                raise InputError(
                    f"{what} is missing or holds nothing usable, and the models of {self.origin} "
                    "use it; give the tables that they were trained on, as they are now"
                )
            text = not pd.api.types.is_numeric_dtype(frame[column].dtype)
            if text != (column in model.design_.levels):
                types = ("text", "numbers") if text else ("numbers", "text")
                raise InputError(
                    f"{what} holds {types[0]}, and held {types[1]} when {self.origin} was "
                    "trained; give it as it was"
                )

    def _notes(self, columns: Mapping[str, FloatArray], windows: Windows) -> tuple[str, ...]:
        many, day = plural(self.config.entity), windows.cutoffs[0]
        notes = [interval_note(self.intervals, self.config.entity)]
        if day < self.fit_until:
            notes.append(
                f"the models were fitted to outcomes until {self.fit_until}, so predictions from "
                f"{day} on look better than they are"
            )
        none = int(np.isnan(columns[CHURN]).sum())
        if self.churn.reason_ is not None:
            notes.append(f"{CHURN} is the same for all: {self.churn.reason_}")
        if none:
            why = (
                f"had no transaction in the last {windows.observation_days} days"
                if self.config.churn.kind == "no_transaction"
                else "cannot churn in the outcome window"
            )
            notes.append(
                f"{CHURN} is empty for {none:,} of {len(columns[CHURN]):,} {many}: they {why}"
            )
        return tuple(notes)


def read_predictor(run: Run, data: PipelineConfig | None) -> Predictor:
    """Read the models of a run.

    Parameters
    ----------
    run : Run
    data : PipelineConfig or None
        Says where the tables are and how they are read; all else is as in training, so that the
        features are the same. By default the run's own configuration.

    Raises
    ------
    InputError
        If the run lacks a file.
    """
    record = run.record()
    profit, churn = run.models()
    config = run.config()
    # The data may lack event types and segments that matter to training only.
    ignored = {name: b for name, b in config.behaviours.items() if b.role == "ignore"}
    changes: dict[str, Any] = {"segments": (), "experiments": (), "behaviours": ignored}
    if config.event_types.keep is None:
        # New event types must not lead to groups that the training did not have.
        many = config.event_types.model_copy(update={"at_most": sys.maxsize})
        changes["event_types"] = many
    if data is not None:
        changes |= {key: getattr(data, key) for key in _OF_THE_DATA}
    intervals = record.prediction_intervals or PredictionIntervals(reason=_EARLIER)
    config = config.model_copy(update=changes)
    return Predictor(run.origin, config, profit, churn, intervals, record.windows.fit_until)


def _other_types(present: Sequence[str], trained: Sequence[str]) -> tuple[str, ...]:
    """Say which event types of the training are gone, and which are new."""
    gone = sorted(set(trained) - set(present))
    new = sorted(set(present) - set(trained))
    notes = []
    if gone:
        notes.append(f"there is no event of type {listed(gone)} any more, which counts as none")
    if new:
        notes.append(f"the models do not use events of type {listed(new)}, new since the training")
    return tuple(notes)


def interval_note(intervals: PredictionIntervals, entity: str) -> str:
    """Say how often intervals hold, or why there are none."""
    if intervals.reason is not None or intervals.coverage is None:
        return f"{LOW} and {HIGH} are empty: {intervals.reason}"
    return (
        f"{LOW} and {HIGH} are made to hold the margin of {percent(intervals.level)} of "
        f"{plural(entity)}; at the run's test cutoffs they held that of "
        f"{percent(intervals.coverage, 1)} ({quantity(intervals.n_customers, entity)}, each left "
        "out when they were calibrated)"
    )


def _day_of(
    as_of: dt.datetime | None, tables: Tables, config: PipelineConfig
) -> tuple[dt.date, tuple[str, ...]]:
    """Return the day to predict from, and what is to be known if the tables end too early."""
    quality = {each.table: each for each in tables.quality}
    ends = {
        name: quality[name].last.date() + DAY  # type: ignore[union-attr]
        for name in ("events", "transactions")
    }
    if as_of is None:
        day = min(ends.values())
    elif as_of.time() != dt.time():
        raise InputError(
            f"as_of: {as_of} is no whole day, and predictions are from one on; give a day"
        )
    else:
        day = as_of.date()
    first = tables.history.start + config.windows.observation_days * DAY
    if day < first:
        raise InputError(
            f"as_of: {day} is too early: the tables do not cover the observation window of "
            f"{config.windows.observation_days} days before it; give {first} or later"
        )
    notes = [
        f"the {name} end on {end - DAY}, {quantity((day - end).days, 'day')} short of {day}; what "
        "happened since is not in the predictions"
        for name, end in ends.items()
        if end < day
    ]
    age = (dt.datetime.now(dt.UTC).date() - day).days
    if as_of is None and age >= max(config.history.stale_days, 1):
        notes.append(
            f"the tables are old: they end on {day - DAY}, {quantity(age, 'day')} too early for "
            "predictions from today; check the exports"
        )
    return day, tuple(notes)


def _windows_at(day: dt.date, tables: Tables, config: PipelineConfig) -> Windows:
    return Windows(
        observation_days=config.windows.observation_days,
        outcome_days=config.windows.outcome_days,
        gap_days=config.windows.gap_days,
        train=(),
        test=(day,),
        fit_until=day,
        history=tables.history,
    )
