"""Recognition of public export formats by their columns."""

from __future__ import annotations

from collections.abc import Collection

from engagement_ml.starter.event_formats import EVENT_FORMATS
from engagement_ml.starter.formats import ExportFormat
from engagement_ml.starter.order_formats import ORDER_FORMATS

FORMATS = (*EVENT_FORMATS, *ORDER_FORMATS)
"""All formats that are known, in the order in which they are tried."""


def recognise(columns: Collection[str]) -> ExportFormat | None:
    """Return the public format that has these columns; None if there is none.

    Examples
    --------
    >>> recognise(["event", "properties.distinct_id", "properties.time"]).name
    'Mixpanel'
    >>> recognise(["customer_id", "timestamp"]) is None
    True
    """
    return next((f for f in FORMATS if f.matches(columns)), None)
