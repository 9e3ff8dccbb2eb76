"""The engagement metric: two or three behaviours, what each counts for, and how to score anyone."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import narwhals as nw

from engagement_ml.errors import InputError
from engagement_ml.metric import display, scoring, serial, sql
from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.rounding import adds_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Evidence = Literal["driver", "indicator"]
EVIDENCES: tuple[str, ...] = get_args(Evidence)


@dataclass(frozen=True, repr=False)
class EngagementMetric:
    r"""A weighted engagement metric: all that scoring needs, and how far it can be trusted.

    .. math:: \mathrm{score} = \sum_b \mathrm{weight}_b\, f_b(\mathrm{count}_b)

    from 0 to 100, where each count is of the behaviour's events in the observation window and f
    its saturating transform. Null, NaN, negative and missing counts are no events.

    Parameters
    ----------
    name : str
        The registered model's name.
    evidence : {"driver", "indicator"}
        `driver`: changes of these behaviours are followed by changes of margin, and the evidence
        survived every check. `indicator`: they foretell margin, which is no proof that raising
        them raises margin.
    observation_days, outcome_days, gap_days : int
        Lengths of the windows in days: counts are of ``[t - observation_days, t)``, margin of
        ``[t + gap_days, t + gap_days + outcome_days)``.
    behaviours : tuple of WeightedBehaviour
        Weights are positive and add up to exactly 100. Empty: the metric abstains.
    reason : str or None
        Why it abstains, in a sentence; required then.
    currency, entity : str
        What margin is counted in, and what to call who is scored.

    Raises
    ------
    InputError
        Where a value is out of range, or the weights do not add up to 100.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
    >>> straight = Transform("linear", scale=None, shape=None, cap=10)
    >>> metric = EngagementMetric(
    ...     name="shop", evidence="driver", observation_days=84, outcome_days=84,
    ...     behaviours=(
    ...         WeightedBehaviour("review", 60, 50, 70, "frequency", "events in 84 days", straight),
    ...         WeightedBehaviour("visit", 40, 30, 50, "frequency", "events in 84 days", straight),
    ...     ),
    ... )
    >>> metric.score(pa.table({"review": [5, None], "visit": [20, 1]}))["score"].to_pylist()
    [70.0, 4.0]
    """

    name: str
    evidence: Evidence
    observation_days: int
    outcome_days: int
    behaviours: tuple[WeightedBehaviour, ...]
    reason: str | None = None
    gap_days: int = 0
    currency: str = "EUR"
    entity: str = "customer"

    format: ClassVar[int] = serial.FORMAT

    def __post_init__(self) -> None:
        object.__setattr__(self, "behaviours", tuple(self.behaviours))
        if self.evidence not in EVIDENCES:
            raise InputError(
                f"key 'evidence': {self.evidence!r} is not one of {', '.join(EVIDENCES)}"
            )
        for key, least in (("observation_days", 1), ("outcome_days", 1), ("gap_days", 0)):
            object.__setattr__(self, key, _whole(key, getattr(self, key), least))
        names = [behaviour.behaviour for behaviour in self.behaviours]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"key 'behaviours': {twice[0]!r} stands in it twice")
        if not names and not self.reason:
            raise InputError("key 'reason': empty; a metric without behaviours says why")
        weights = [behaviour.weight for behaviour in self.behaviours]
        if names and not adds_up(weights):
            total = f"{math.fsum(weights):.2f}"
            raise InputError(f"key 'behaviours': the weights add up to {total}, not to 100")

    @property
    def abstained(self) -> bool:
        """Whether no behaviour passed, so that there is nothing to score with."""
        return not self.behaviours

    @property
    def definition_hash(self) -> str:
        """SHA-256 of what determines scores: windows, behaviours, weights, transforms."""
        return serial.definition_hash(self)

    def score(self, frame: Any) -> Any:
        """Score each row of a wide table of counts.

        Parameters
        ----------
        frame : any frame Narwhals takes, eager or lazy
            A numeric column per behaviour, its events in the observation window; other columns
            are kept. A behaviour without a column counts as no events, and so do null, NaN and
            negative counts; infinity earns full points.

        Returns
        -------
        same kind as `frame`
            With a float64 column ``score``, 0 to 100 (it takes the place of one of that name).
            Lazy frames stay lazy.

        Raises
        ------
        InputError
            Where the metric abstained, none of its behaviours is a column, or one holds no numbers.
        """
        return scoring.score(self, frame)

    def score_events(
        self, events: Any, as_of: dt.date | dt.datetime | str, customers: Any = None
    ) -> Any:
        """Score each customer from a table of events.

        Parameters
        ----------
        events : any frame Narwhals takes
            ``customer_id``, ``timestamp`` (a date or timestamp; naive is UTC), ``event_type``. With
            an ``event_id``, repeats of it count once. Rows without a customer are left out.
        as_of : date, datetime or ISO 8601 text
            Counts are of ``[as_of - observation_days, as_of)``; a date is its midnight, in UTC.
        customers : frame of the same library, optional
            Whom to score, by ``customer_id``. Without it, everyone with an event before `as_of`,
            for which all the history is read.

        Returns
        -------
        same kind as `events`
            ``customer_id`` and ``score``, a row per customer, those without events at 0. Sorted by
            customer where `events` is eager.
        """
        return scoring.score_events(self, events, as_of, customers)

    def explain(self, frame: Any) -> Any:
        """Split each row's score into the points of each behaviour.

        Returns
        -------
        same kind as `frame`
            ``customer_id`` where `frame` has it, a column ``<behaviour>__points`` per behaviour
            and ``score``, their sum.
        """
        return scoring.explain(self, frame)

    def expression(self) -> nw.Expr:
        """Return the score as one Narwhals expression over columns named as the behaviours.

        Examples
        --------
        >>> import narwhals as nw, pyarrow as pa
        >>> from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
        >>> hill = Transform("hill", scale=2, shape=1, cap=8)
        >>> visit = WeightedBehaviour("visit", 100, None, None, "frequency", "events", hill)
        >>> metric = EngagementMetric("shop", "driver", 84, 84, (visit,))
        >>> frame = nw.from_native(pa.table({"visit": [0.0, 2.0, 9.0]}))
        >>> frame.select(metric.expression().alias("score"))["score"].to_list()
        [0.0, 62.5, 100.0]
        """
        return scoring.expression(self)

    def to_sql(self, table: str = "features", dialect: sql.Dialect = "duckdb") -> str:
        """Return a SELECT of ``customer_id`` and ``score`` from a wide table of counts.

        Parameters
        ----------
        table : str
            Name of a table with ``customer_id`` and a numeric column per behaviour; dots separate
            schema and table.
        dialect : {"duckdb", "spark", "postgres", "bigquery", "snowflake"}

        Raises
        ------
        InputError
            Where the metric abstained or the dialect is not known.
        """
        return sql.to_sql(self, table, dialect)

    def to_sql_events(
        self,
        events_table: str,
        as_of: dt.date | dt.datetime | str,
        dialect: sql.Dialect = "duckdb",
        customers_table: str | None = None,
        event_id: str | None = None,
    ) -> str:
        """Return a SELECT of ``customer_id`` and ``score`` from a table of raw events.

        Parameters
        ----------
        events_table : str
            Name of a table with ``customer_id``, ``timestamp`` (in UTC) and ``event_type``.
        as_of : date, datetime or ISO 8601 text
            Counts are of ``[as_of - observation_days, as_of)``.
        customers_table : str, optional
            Table whose ``customer_id`` says whom to score; else everyone with an event before
            `as_of`.
        event_id : str, optional
            Column whose repeats count once.
        """
        return sql.to_sql_events(self, events_table, as_of, dialect, customers_table, event_id)

    def plot(self, ax: Axes | None = None) -> Axes | Figure:
        """Draw the weights with their intervals and each behaviour's response.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Draws the weights alone into it and returns it. Without one a new Figure with both
            panels is returned; pyplot's state is not touched.
        """
        from engagement_ml.metric import plot

        return plot.draw_metric(self) if ax is None else plot.draw_weights(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return ``metric.json`` as plain JSON types, its keys in their order."""
        return serial.to_dict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, origin: str = "metric") -> EngagementMetric:
        """Read what `to_dict` returned; `origin` is what error messages call it."""
        return serial.from_dict(raw, origin)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the text of ``metric.json``, and write it where `path` is given.

        The same definition gives the same bytes: keys in a fixed order, weights to two decimals,
        other numbers to nine significant digits.
        """
        return serial.to_json(self, path)

    @classmethod
    def from_json(cls, path_or_text: str | Path) -> EngagementMetric:
        """Read ``metric.json`` from a path, or from its text (which starts with ``{``).

        Raises
        ------
        InputError
            Where it is missing, damaged or of another format, or what determines scores was
            changed by hand.
        """
        return serial.from_json(path_or_text)

    def __repr__(self) -> str:
        """Return the metric as a small table."""
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)


def _whole(key: str, value: object, least: int) -> int:
    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"key '{key}': {value!r} is not a whole number of days") from None
    if isinstance(value, bool) or whole < least:
        raise InputError(f"key '{key}': {value!r} is no number of days from {least} on")
    return whole
