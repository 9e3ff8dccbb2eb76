"""The kinds of evidence behind a metric, and the caution that people read with each."""

from __future__ import annotations

from typing import Literal, get_args

Evidence = Literal["driver", "indicator", "by_hand"]
EVIDENCES: tuple[str, ...] = get_args(Evidence)
INDICATOR_CAUTION = (
    "An indicator: it predicts margin and is no proof that raising it raises margin."
)
BY_HAND_CAUTION = (
    "The weights were set by hand, not learned from data: they are no evidence that the score "
    "predicts margin, or that raising it raises margin."
)
_CAUTIONS = {"indicator": INDICATOR_CAUTION, "by_hand": BY_HAND_CAUTION}
_NAMES = {"by_hand": "weights set by hand"}


def caution(evidence: str) -> str | None:
    """Return what people must know of a metric with this evidence; None for drivers.

    Examples
    --------
    >>> caution("indicator")
    'An indicator: it predicts margin and is no proof that raising it raises margin.'
    """
    return _CAUTIONS.get(evidence)


def evidence_name(evidence: str) -> str:
    """Return the evidence as people read it.

    Examples
    --------
    >>> evidence_name("driver"), evidence_name("by_hand")
    ('driver', 'weights set by hand')
    """
    return _NAMES.get(evidence, evidence)
