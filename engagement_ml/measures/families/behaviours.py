"""Measures of one behaviour: how often it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import ratio
from engagement_ml.measures.rows.activity import event_rows


def _event_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    key, frame = event_rows(context)
    counted = nw.when(nw.col("event_type").is_in(names)).then(nw.col("n")).otherwise(nw.lit(0))
    return Rows(key, lambda: frame, {"events": counted.sum()}, on_board=True)


EVENTS = MeasureDefinition(
    name="events",
    title="Events per customer",
    kind=ratio("events", "on_board"),
    unit="count",
    better=None,
    formula="events / customers on board",
    needs="events",
    rows=_event_rows,
    edge_cases="The scorecard has one for each behaviour that was examined, under its name. The "
    "direction is that of its effect on margin, if it has one.",
    keys=("event",),
)

FAMILY = (EVENTS,)


def behaviour_measures(
    behaviours: Mapping[str, str], taken: Iterable[str]
) -> dict[str, tuple[MeasureDefinition, MeasureConfig]]:
    """Return a measure for each behaviour, by its name; see ``catalogue.definitions``.

    Parameters
    ----------
    behaviours : mapping of event type to title
    taken : iterable of str
        Names of other measures; a behaviour of that name is called ``<name> events``.

    Examples
    --------
    >>> list(behaviour_measures({"visit": "Visit", "nps": "NPS"}, ["nps"]))
    ['visit', 'nps events']
    """
    others = set(taken)
    found = {}
    for event_type, title in behaviours.items():
        name = f"{event_type} events" if event_type in others else event_type
        found[name] = (EVENTS, MeasureConfig(event=event_type, title=title))
    return found
