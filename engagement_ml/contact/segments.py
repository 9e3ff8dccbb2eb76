"""The response to contacts by segment: of its own where responses may differ, else pooled.

If the response of all customers turns, each column is tested for equal responses of its values
(Cochran's Q of their curves, Holm-adjusted, `drivers.estimation.turning_segments`). Where nothing
differs, the values keep the response of all customers, which is the more precise one. Where they
differ, and where the response of all customers does not turn (opposite responses may cancel out),
each value is searched alone, with every defence. If the data of all customers cannot tell, those of
a part of them cannot either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import AnyArray
from engagement_ml.contact.counts import subset
from engagement_ml.contact.evidence import ContactRow
from engagement_ml.contact.rows import Points, points_of, row_of
from engagement_ml.contact.search import UNSETTLED, ContactResponse, contact_response
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.features.panel import Panel
from engagement_ml.formatting import plural, quantity
from engagement_ml.windows import Windows

MOST_VALUES = 12
"""Values of a column that are searched alone, the largest first; each takes its own fits."""


@dataclass(frozen=True)
class SegmentResponse:
    """The row of one value, with its curve if it has a response of its own."""

    row: ContactRow
    points: Points | None


def candidate_values(
    response: ContactResponse, thresholds: Thresholds
) -> dict[str, tuple[str, ...]]:
    """Return the values that could be searched alone, by column, the largest first."""
    values = {}
    for column, labels in response.study.periods.segments.items():
        sizes = _sizes(labels)
        large = [v for v in sizes if sizes[v] >= thresholds.min_segment]
        if len(large) > 1 or (large and len(sizes) > 1):
            values[column] = tuple(large[:MOST_VALUES])
    return values


def segment_responses(
    response: ContactResponse,
    name: str,
    overall: ContactRow,
    panel: Panel | None,
    windows: Windows,
    thresholds: Thresholds,
) -> list[SegmentResponse]:
    """Return a row for each value of each configured segment.

    Parameters
    ----------
    response : ContactResponse
        Of all customers.
    name : str
        The behaviour of all contacts.
    overall : ContactRow
        Its row.
    panel : Panel or None
    windows : Windows
    thresholds : Thresholds
        Of a search in one segment; see `contact_thresholds`.
    """
    found = []
    separate = candidate_values(response, thresholds)
    for column, labels in response.study.periods.segments.items():
        why = _pooled_because(response, column)
        for value, n in _sizes(labels).items():
            reason = why or _too_small(value, n, separate.get(column, ()), response, thresholds)
            if reason is not None:
                row = replace(
                    overall, segment=column, value=value, n_entities=n, reason=reason, pooled=True
                )
                found.append(SegmentResponse(row, None))
                continue
            own = contact_response(
                subset(response.study.periods, labels == value),
                _panel_of(panel, column, value),
                windows,
                response.study.config,
                name,
                thresholds,
            )
            found.append(SegmentResponse(row_of(own, column, value, n), points_of(own)))
    return found


def _sizes(labels: AnyArray) -> dict[str, int]:
    """Return the number of customers of each value, the largest first, without null."""
    values, counts = np.unique(labels[labels != ""].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(values[i]): int(counts[i]) for i in order}


def _pooled_because(response: ContactResponse, column: str) -> str | None:
    """Return why no value of a column has a response of its own, if so."""
    entities = plural(response.study.config.entity)
    if response.verdict.rule in UNSETTLED:
        return f"the data of all {entities} do not tell, so those of a part of them do not either"
    if not response.turns:
        return None
    turning = response.finding.turning
    assert turning is not None
    if column in {row.segment for row in turning.segments}:
        return None
    return (
        f"its response does not certainly differ from that of all {entities}, whose optimum holds "
        "here as well"
    )


def _too_small(
    value: str,
    n: int,
    separate: Sequence[str],
    response: ContactResponse,
    thresholds: Thresholds,
) -> str | None:
    """Return why a value is not searched alone, if it is not."""
    if value in separate:
        return None
    entities, least = plural(response.study.config.entity), thresholds.min_segment
    if n < least:
        who = quantity(n, response.study.config.entity)
        return f"only {who}, and at least {least} are needed: the numbers of all {entities} stand"
    if not separate:
        return f"no other value to compare with: the numbers of all {entities} stand"
    return (
        f"not among the {MOST_VALUES} largest values, which alone have numbers of their own: those "
        f"of all {entities} stand"
    )


def _panel_of(panel: Panel | None, column: str, value: str) -> Panel | None:
    """Return the panel's rows of a value; None if it lacks the segment."""
    name = f"segment__{column}"
    if panel is None or name not in panel.frame.columns:
        return None
    rows = panel.frame.loc[panel.frame[name] == value].reset_index(drop=True)
    return replace(panel, frame=rows) if len(rows) else None


def own_columns(found: Sequence[SegmentResponse]) -> Iterator[str]:
    """Return the columns with values whose limit is their own, in the order of the segments."""
    seen = dict.fromkeys(
        str(each.row.segment)
        for each in found
        if not each.row.pooled and each.row.limit is not None
    )
    return iter(seen)
