"""The groups by which all measures are split, for each customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.covariates import lazy_text
from engagement_ml.features.daily_totals import entities
from engagement_ml.formatting import plural, quantity
from engagement_ml.inputs import Tables
from engagement_ml.scorecard.segments.acquisition import CAMPAIGN, acquisition
from engagement_ml.scorecard.segments.behaviour import BehaviourSegments
from engagement_ml.scorecard.segments.levels import (
    MAX_LEVELS,
    OTHER,
    common_levels,
    put_together,
)

T = TypeVar("T")
BEHAVIOUR_SEGMENT = "behaviour segment"
CAMPAIGN_OF_ACQUISITION = "campaign of acquisition"
NOT_THERE = "not there"
"""Behaviour segment of customers who had left, or had not entered, at the end of the window."""


@dataclass(frozen=True)
class Groups:
    """Segments of each customer.

    Attributes
    ----------
    frame : LazyFrame
        ``customer_id`` and a text column without nulls for each segment, under a plain name: some
        engines parse a dot in a name as a field of a record, and a segment may be called ``all``.
        A row for each customer of any table.
    names : mapping of str to str
        From plain names to the names of segments.
    campaign : str or None
        Plain name of the campaign of acquisition.
    notes : tuple of str
        Which values were put together.
    """

    frame: nw.LazyFrame[Any]
    names: Mapping[str, str]
    campaign: str | None = None
    notes: tuple[str, ...] = ()

    def named(self, by_dimension: Mapping[str, T]) -> dict[str, T]:
        """Return results by dimension under the names of segments; other dimensions stay.

        Examples
        --------
        >>> Groups(None, {"group_0": "region"}).named({"all": 1, "group_0": 2})
        {'all': 1, 'region': 2}
        """
        return {self.names.get(dim, dim): result for dim, result in by_dimension.items()}


def groups_of(
    tables: Tables, config: PipelineConfig, behaviour: BehaviourSegments | None = None
) -> Groups | None:
    """Return the segments of customers: configured columns, behaviour, campaign of acquisition.

    Values of fewer than ``scorecard.smallest_group`` customers, and those beyond the 50 most
    frequent ones, are together the group ``other``; customers without a value are ``unknown``.

    Parameters
    ----------
    tables : Tables
        With the optional columns of events, if campaigns are wanted.
    config : PipelineConfig
    behaviour : BehaviourSegments, optional
        Segments by behaviour, if there are any.

    Returns
    -------
    Groups or None
        None if nothing divides customers.
    """
    parts = _parts(tables, config, behaviour)
    if not parts:
        return None
    engine, at_least = tables.engine, config.scorecard.smallest_group
    names = {f"group_{place}": name for place, name in enumerate(parts)}
    frame = _customers(tables, config)
    for column, name in names.items():
        values = parts[name].select("customer_id", nw.col("value_").alias(column))
        frame = frame.join(values, on="customer_id", how="left")
    frame = engine.persist(frame)
    shown = frame
    for column in names:
        kept = common_levels(engine, frame, column, at_least)
        shown = put_together(engine, shown, column, kept)
    shown = engine.persist(shown)
    campaign = [c for c, name in names.items() if name.startswith(CAMPAIGN_OF_ACQUISITION)]
    notes = _notes(tables, config, shown, names)
    return Groups(shown, names, campaign[-1] if campaign else None, tuple(notes))


def _parts(
    tables: Tables, config: PipelineConfig, behaviour: BehaviourSegments | None
) -> dict[str, nw.LazyFrame[Any]]:
    """Return ``customer_id`` and ``value_`` of each segment, by its name."""
    parts: dict[str, nw.LazyFrame[Any]] = {}
    if tables.customers is not None:
        schema = tables.customers.collect_schema()
        for column in config.segments:
            text = lazy_text(tables, column, schema[column])
            parts[column] = tables.customers.select("customer_id", value_=text)
    if behaviour is not None and behaviour.members is not None:
        there = behaviour.members.select("customer_id", present_="segment")
        parts[_free(BEHAVIOUR_SEGMENT, parts)] = (
            _customers(tables, config)
            .join(there, on="customer_id", how="left")
            .select("customer_id", value_=nw.col("present_").fill_null(NOT_THERE))
        )
    campaigns = acquisition(tables, config)
    if campaigns is not None:
        parts[_free(CAMPAIGN_OF_ACQUISITION, parts)] = campaigns.select(
            "customer_id", value_=nw.col(CAMPAIGN)
        )
    return parts


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no configured column has."""
    while name in taken:
        name += " (found)"
    return name


def _customers(tables: Tables, config: PipelineConfig) -> nw.LazyFrame[Any]:
    """Return the ids of all tables, each once."""
    frames = [entities(tables, config).select("customer_id")]
    frames += [t.select("customer_id") for t in (tables.customers, tables.surveys) if t is not None]
    return nw.concat(frames).unique()


def _notes(
    tables: Tables, config: PipelineConfig, frame: nw.LazyFrame[Any], names: Mapping[str, str]
) -> list[str]:
    """Say of each segment how many customers have values that were put together."""
    one, none = nw.lit(1), nw.lit(0)
    counted = frame.select(
        **{c: nw.when(nw.col(c) == OTHER).then(one).otherwise(none).sum() for c in names}
    )
    (row,) = tables.engine.rows(counted, source="customers")
    few = f"fewer than {config.scorecard.smallest_group} {plural(config.entity)}"
    return [
        f"Segment '{name}': {quantity(int(row[column]), config.entity)} with values of {few}, or "
        f"beyond the {MAX_LEVELS} most frequent values, are together as '{OTHER}'."
        for column, name in names.items()
        if row[column]
    ]
