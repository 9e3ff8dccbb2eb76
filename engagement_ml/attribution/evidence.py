"""Credit of touchpoints for conversions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RULES = ("first", "last", "linear", "markov", "shapley")
"""The rules, in the order of columns and tables."""


@dataclass(frozen=True)
class CreditRow:
    """Credit of one touchpoint, as shares of all conversions that had a touchpoint before them.

    Attributes
    ----------
    first, last, linear, markov, shapley : float or None
        Shares from 0 to 1; each adds up to 1 over the rows.
    n_paths : int
        Paths that contain the touchpoint.
    effect, effect_low, effect_high : float or None
        Within-customer effect on margin of one touch, in currency, with its 95% interval.
    verdict, reason : str or None
        Of the touches as a behaviour, and the sentence behind it.
    n_touches : int
    n_converting : int
        Those of `n_paths` that end with a conversion.
    first_margin, last_margin, linear_margin, markov_margin, shapley_margin : float or None
        The same shares of the margin of these conversions. They add up to 1, and single ones can
        be below 0, as margins can. None if conversions are events, or their margin is not positive.
    """

    touchpoint: str
    n_paths: int
    first: float | None
    last: float | None
    linear: float | None
    markov: float | None
    shapley: float | None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    verdict: str | None = None
    n_touches: int = 0
    n_converting: int = 0
    first_margin: float | None = None
    last_margin: float | None = None
    linear_margin: float | None = None
    markov_margin: float | None = None
    shapley_margin: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class AttributionEvidence:
    """Credit by touchpoint, the largest by Shapley value first.

    Attributes
    ----------
    conversion : str
        ``"transaction"`` or an event type.
    touchpoint : str
        The column of events that tells touchpoints apart.
    n_conversions, n_without_touch : int
        All conversions, and those without a touchpoint in the lookback, which no rule credits.
    n_paths : int
        Paths, with and without a conversion.
    margin : float or None
        Margin of the conversions that had a touchpoint, in currency; None if they are events.
    """

    conversion: str
    touchpoint: str
    lookback_days: int
    n_conversions: int
    n_without_touch: int
    n_paths: int
    rows: tuple[CreditRow, ...] = ()
    notes: tuple[str, ...] = ()
    margin: float | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a frame with the columns of ``attribution.csv``."""
        import pandas as pd

        return pd.DataFrame([credit_dict(row) for row in self.rows], columns=list(CREDIT_COLUMNS))


CREDIT_COLUMNS = (
    "touchpoint",
    "n_touches",
    "n_paths",
    "n_converting",
    *RULES,
    *(f"{rule}_margin" for rule in RULES),
    "effect",
    "effect_low",
    "effect_high",
    "verdict",
    "reason",
)
"""The columns of ``attribution.csv``, in their order."""


def credit_dict(row: CreditRow) -> dict[str, object]:
    """Return a row by the columns of ``attribution.csv``.

    Examples
    --------
    >>> list(credit_dict(CreditRow("email", 3, 0.5, 0.5, 0.5, 0.5, 0.5)))[:3]
    ['touchpoint', 'n_touches', 'n_paths']
    >>> len(CREDIT_COLUMNS) == len(asdict(CreditRow("email", 3, 1, 1, 1, 1, 1)))
    True
    """
    values = asdict(row)
    return {name: values[name] for name in CREDIT_COLUMNS}
