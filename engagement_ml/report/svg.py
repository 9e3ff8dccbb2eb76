"""Scales and marks as inline SVG; colours come from the page's style sheet, text is escaped.

Positions are percentages of the width, so that a drawing stretches with its column while strokes
and text keep their size. A drawing with paths is a stretched box of 100 by 100 units whose strokes
do not scale; its dots are strokes of length zero with round ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_ARROW_LEFT = "M5,-4 L0,0 L5,4"
_ARROW_RIGHT = "M-5,-4 L0,0 L-5,4"


@dataclass(frozen=True)
class Tick:
    """A label at a percentage of an axis."""

    at: str
    text: str


@dataclass(frozen=True)
class Scale:
    """Maps ``[low, high]`` to 0 to 100 percent of a drawing.

    Examples
    --------
    >>> Scale(-1.0, 3.0).percent(0.0), Scale(2.0, 2.0).percent(2.0)
    (25.0, 50.0)
    """

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float], *, zero: bool = True, pad: float = 0.04) -> Scale:
        """Return a scale that covers `values`, and 0 if `zero`, with a margin on both sides."""
        covered = [*values, *([0.0] if zero else [])]
        low, high = min(covered, default=0.0), max(covered, default=1.0)
        margin = pad * (high - low)
        return cls(low - margin if low < 0 or not zero else low, high + margin)

    def percent(self, value: float) -> float:
        """Return the position of `value`; outside of 0 to 100 if it is off the scale."""
        if self.high <= self.low:
            return 50.0
        return 100 * (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Return the position of `value` as CSS and SVG write it, ``"25%"``."""
        return f"{shortest(self.percent(value))}%"

    def ticks(self, write: Callable[[float, int], str], n: int = 4) -> list[Tick]:
        """Return about `n` labels at round values; `write` gets a value and its decimals."""
        values = nice_values(self.low, self.high, n)
        step = values[1] - values[0] if len(values) > 1 else abs(values[0])
        decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
        return [Tick(self.at(value), write(value, decimals)) for value in values]


def nice_values(low: float, high: float, n: int = 4) -> list[float]:
    """Return round values from `low` to `high`, as close to `n` of them as round steps allow.

    Examples
    --------
    >>> nice_values(-0.12, 0.43)
    [0.0, 0.2, 0.4]
    >>> nice_values(0.0, 27.0), nice_values(1.0, 1.0)
    ([0.0, 10.0, 20.0], [1.0])
    """
    if not high > low:
        return [low]
    size = 10.0 ** math.floor(math.log10((high - low) / n))
    candidates = [_multiples(low, high, size * multiple) for multiple in (1, 2, 5, 10)]
    usable = [values for values in candidates if values]
    return min(usable, key=lambda values: abs(len(values) - n)) if usable else [low, high]


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = 2 - math.floor(math.log10(step))
    return [round(i * step, decimals) + 0.0 for i in range(first, last + 1)]


def shortest(value: float) -> str:
    """Return a coordinate with at most two decimals.

    Examples
    --------
    >>> shortest(12.5), shortest(-0.001), shortest(7)
    ('12.5', '0', '7')
    """
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def element(name: str, *children: str, **attributes: object) -> Markup:
    """Return an SVG element; attributes that are None are left out, ``_`` reads ``-``.

    Examples
    --------
    >>> element("text", "<b>", class_="tick", text_anchor="end")
    Markup('<text class="tick" text-anchor="end">&lt;b&gt;</text>')
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inner)


def drawing(label: str, *marks: str, class_: str, stretched: bool = False) -> Markup:
    """Return a whole drawing; screen readers read `label`."""
    return element(
        "svg",
        *marks,
        class_=class_,
        role="img",
        aria_label=label,
        viewBox="0 0 100 100" if stretched else None,
        preserveAspectRatio="none" if stretched else None,
    )


def interval_mark(
    scale: Scale, value: float | None, low: float | None, high: float | None, *, tone: str
) -> Markup:
    """Return a dot on a line from `low` to `high`, with an arrow at each end off the scale."""
    marks = []
    if low is not None and high is not None:
        start, end = (min(max(scale.percent(bound), 0.0), 100.0) for bound in (low, high))
        y = "50%"
        marks.append(element("line", x1=f"{shortest(start)}%", x2=f"{shortest(end)}%", y1=y, y2=y))
        marks += [
            element("svg", element("path", d=arrow), x=x, y=y, overflow="visible")
            for arrow, x, beyond in (
                (_ARROW_LEFT, "0%", scale.percent(low) < 0),
                (_ARROW_RIGHT, "100%", scale.percent(high) > 100),
            )
            if beyond
        ]
    if value is not None and 0 <= scale.percent(value) <= 100:
        marks.append(element("circle", cx=scale.at(value), cy="50%", r="4"))
    return element("g", *marks, class_=f"interval {tone}")


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Return the path through `points` of a stretched drawing, y downwards."""
    return "M" + " L".join(f"{shortest(x)},{shortest(y)}" for x, y in points)


def dot(x: float, y: float, *, class_: str) -> Markup:
    """Return a dot in a stretched drawing that stays round."""
    return element("path", d=f"M{shortest(x)},{shortest(y)} h0", class_=f"dot {class_}")
