"""Colours, axes and texts that all plots share.

The colours are those of Okabe and Ito (2008), which people with colour vision deficiency can tell
apart; drivers and harmful behaviours also differ in the verdict written beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagement_ml.errors import InputError
from engagement_ml.formatting import Money, one_line, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import Formatter

    from engagement_ml.records import RunRecord

GOOD, HARMFUL, NEUTRAL, DARK = "#0072B2", "#D55E00", "#8C8C8C", "#333333"
VERDICT_COLOURS = {"driver": GOOD, "harmful": HARMFUL}
_COUNT_LABEL_BELOW = 10


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
            by_behaviour={
                str(row["behaviour"]): one_line(row.get("label") or row["behaviour"])
                for row in record.drivers
            },
        )

    def label(self, behaviour: str) -> str:
        """Return the name that people read, safe for matplotlib."""
        return plain(self.by_behaviour.get(behaviour, behaviour))


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
    from matplotlib.ticker import FuncFormatter

    def write(value: float, _: int | None = None) -> str:
        decimals = 0 if value == round(value) or abs(value) >= _COUNT_LABEL_BELOW else None
        return plain(money.tick(value, decimals))

    return FuncFormatter(write)


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
    return InputError(f"{plot}: run '{record.name}' has nothing to draw" + _because(reason))


def _because(reason: Any) -> str:
    return f": {reason}" if reason else ""


def weighted_behaviours(record: RunRecord) -> list[Mapping[str, Any]]:
    """Return the behaviours of a record's metric, heaviest first."""
    rows: list[Mapping[str, Any]] = record.metric.get("behaviours") or []
    return sorted(rows, key=lambda row: -row["weight"])
