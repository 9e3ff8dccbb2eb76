"""Credit for conversions, divided among the touchpoints before them; credit is not cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_ml.lazy import lazy_exports, make_callable

if TYPE_CHECKING:
    from engagement_ml.attribution.credit import CreditData, divide_credit, read_credit_data
    from engagement_ml.attribution.evidence import AttributionEvidence, CreditRow

__all__ = [
    "AttributionEvidence",
    "CreditData",
    "CreditRow",
    "divide_credit",
    "read_credit_data",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "AttributionEvidence": "evidence",
        "CreditRow": "evidence",
        "CreditData": "credit",
        "divide_credit": "credit",
        "read_credit_data": "credit",
    },
)

# ``em.attribution(events, transactions)`` is the public function; the name is this package's too.
make_callable(__name__, "engagement_ml.workflow.attributing", "attribution")
