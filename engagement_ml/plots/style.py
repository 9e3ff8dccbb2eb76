"""Colours, axes and texts that all plots share.

The colours are those of Okabe and Ito (2008), which people with colour vision deficiency can tell
apart; drivers and harmful behaviours also differ in the verdict written beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.errors import InputError
from engagement_ml.formatting import Money, decimals_for, one_line, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import Formatter

    from engagement_ml.records import RunRecord

GOOD, HARMFUL, NEUTRAL, DARK = "#0072B2", "#D55E00", "#8C8C8C", "#333333"
VERDICT_COLOURS = {"driver": GOOD, "harmful": HARMFUL}
_VERDICT_ORDER = {"driver": 1, "harmful": 2}


@dataclass(frozen=True)
class Labels:
    """Names and units that a record gives its plots.

    Attributes
    ----------
    entity, entities : str
        What customers are called, in the singular and in the plural.
    money : Money
    observation_days, outcome_days : int
    by_behaviour : dict
        Label of each event type.
    """

    entity: str
    entities: str
    money: Money
    observation_days: int
    outcome_days: int
    by_behaviour: dict[str, str]

    @classmethod
    def of(cls, record: RunRecord) -> Labels:
        """Read the labels of a record."""
        entity = one_line(record.entity)
        return cls(
            entity=entity,
            entities=plural(entity),
            money=Money(record.currency),
            observation_days=int(record.metric["observation_days"]),
            outcome_days=int(record.metric["outcome_days"]),
            by_behaviour=behaviour_labels(record),
        )

    def label(self, behaviour: str) -> str:
        """Return the name that people read, safe for matplotlib."""
        return plain(self.by_behaviour.get(behaviour) or one_line(behaviour))


def behaviour_labels(record: RunRecord) -> dict[str, str]:
    """Return the name that people read of each behaviour; the metric's own labels come first."""
    labels = {row.behaviour: row.label or row.behaviour for row in record.drivers}
    weighted = record.metric["behaviours"]
    labels |= {row["behaviour"]: row["label"] for row in weighted if row.get("label")}
    return {behaviour: one_line(label) for behaviour, label in labels.items()}


def sorted_drivers(record: RunRecord) -> list[DriverRow]:
    """Return the selected behaviours by weight, other drivers, harmful ones, the rest by SHAP."""
    weights = {row["behaviour"]: row["weight"] for row in record.metric["behaviours"]}

    def order(row: DriverRow) -> tuple[float, int, int]:
        weight = weights.get(row.behaviour, 0.0)
        return -weight, _VERDICT_ORDER.get(row.verdict, 3), row.shap_rank or 0

    return sorted(record.drivers, key=order)


def verdict_text(row: DriverRow) -> str:
    """Return the verdict, and whether a randomised test led to it."""
    return f"{row.verdict} (tested)" if row.basis == "experiment" else row.verdict


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new pyplot figure, which notebooks show by themselves."""
    from matplotlib import pyplot

    _, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
    return ax


def tidy(ax: Axes) -> Axes:
    """Remove the frame's upper and right lines and draw ticks in grey."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(NEUTRAL)
    ax.tick_params(color=NEUTRAL, labelcolor=DARK)
    return ax


def money_ticks(money: Money) -> Formatter:
    """Return a formatter that writes an axis's numbers as amounts."""
    from matplotlib.ticker import Formatter

    class MoneyFormatter(Formatter):
        """Writes all ticks of an axis with the same number of decimals."""

        def __call__(self, value: float, pos: int | None = None) -> str:
            return plain(money.tick(value))

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            whole = all(float(value).is_integer() for value in values)
            decimals = 0 if whole else decimals_for(*map(float, values))
            return [plain(money.tick(float(value), decimals)) for value in values]

    return MoneyFormatter()


def plain(text: str) -> str:
    r"""Return text that matplotlib shows as it is.

    Matplotlib reads a pair of dollars as mathematics and hides labels that start with an
    underscore.

    Examples
    --------
    >>> plain("US$ to $"), plain("_hidden")
    ('US\\$ to \\$', ' _hidden')
    """
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def nothing_to_draw(plot: str, record: RunRecord) -> InputError:
    """Return the error for a record without rows for a plot."""
    reason = record.metric.get("reason")
    because = f": {reason}" if reason else ""
    return InputError(f"{plot}: run '{record.name}' has nothing to draw{because}")
