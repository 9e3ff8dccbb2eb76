"""Cards of measures: values by period and group, with status, trend, link and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engagement_ml.config import PipelineConfig
from engagement_ml.measures.compute import Measured
from engagement_ml.measures.context import ALL, TOUCHPOINT
from engagement_ml.measures.kinds.kind import Estimate
from engagement_ml.measures.kinds.lifetime import change_by_factor, factor_sentence
from engagement_ml.measures.kinds.trend import theil_sen
from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.card import Benchmark, Link, MeasureCard, Trend, Value
from engagement_ml.scorecard.statuses import check_limits, status_of


@dataclass(frozen=True)
class CardContext:
    """What all cards of a scorecard share.

    Attributes
    ----------
    config : PipelineConfig
    periods : Periods
    stages : mapping of measure to stage
        See ``journey.stage_of``.
    owners : mapping of stage to str
    names : mapping of dimension to str
        Names of segments, where the dimension has a plain one.
    hidden : frozenset of str
        Dimensions that are no segments, such as those of a goal's campaign.
    better : mapping of measure to {"more", "less"}
        Direction of measures that have none of their own, from the verdict of the behaviour.
    """

    config: PipelineConfig
    periods: Periods
    stages: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    better: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the periods, in order."""
        return tuple(period.label for period in self.periods.each)


def measure_card(measured: Measured, link: Link, context: CardContext) -> MeasureCard:
    """Return the card of one measure.

    Raises
    ------
    ConfigError
        If its target or warning limit cannot be used.
    """
    settings, definition = measured.settings, measured.definition
    better = direction(measured, context)
    check_limits(measured.name, settings.target, settings.warning, better)
    series = series_of(measured, ALL, "", context.labels)
    period = next((label for label, value in reversed(series.items()) if has(value)), None)
    latest = Value(note="no data") if period is None else series[period]
    stage = context.stages.get(measured.name)
    absent = measured.absent
    return MeasureCard(
        name=measured.name,
        title=settings.title or definition.title,
        unit=settings.unit or definition.unit,
        formula=definition.formula,
        better=better,
        stage=stage,
        owner=settings.owner or context.owners.get(stage or ""),
        period=period,
        latest=latest,
        series=series,
        touchpoints=_at(measured, TOUCHPOINT, period, context),
        segments={
            context.names.get(each, each): _at(measured, each, period, context)
            for each in measured.estimates
            if each not in (ALL, TOUCHPOINT) and each not in context.hidden
        },
        target=settings.target,
        warning=settings.warning,
        target_source=settings.target_source or "",
        status=status_of(latest, settings.target, settings.warning, better),
        trend=trend_of(list(series.values()), better),
        link=link if absent is None else Link(),
        benchmarks=tuple(
            Benchmark(each.value, each.source, each.date)
            for each in context.config.benchmarks
            if each.measure == measured.name
        ),
        absent=absent,
        notes=(*measured.notes, *_late(period, context.labels), *_factors(measured, context)),
    )


def direction(measured: Measured, context: CardContext) -> str | None:
    """Return which direction is better: configured, else defined, else by the verdict."""
    chosen = measured.settings.better or measured.definition.better
    return chosen or context.better.get(measured.name)


def series_of(
    measured: Measured, dimension: str, group: str, labels: Sequence[str]
) -> dict[str, Value]:
    """Return the values of one group by period; empty if the measure is absent."""
    estimates = measured.estimates.get(dimension, {}).get(group, ())
    return {
        label: value_of(estimate) for label, estimate in zip(labels, estimates, strict=False)
    }  # fmt: skip


def value_of(estimate: Estimate) -> Value:
    """Return an estimate as a value of the scorecard."""
    e = estimate
    return Value(e.value, e.low, e.high, e.n, e.numerator, e.denominator, e.note)


def shown_value(value: Value, smallest: int) -> Value:
    """Return a group's value; without its numbers if fewer people than `smallest` are behind it.

    Examples
    --------
    >>> shown_value(Value(50.0, 1.0, 99.0, 2), 10).note
    'fewer than 10 people'
    """
    if has(value) and value.n < smallest:
        return Value(n=value.n, note=f"fewer than {smallest} people")
    return value


def has(value: Value) -> bool:
    """Return whether there is a number."""
    return value.value is not None


def trend_of(values: Sequence[Value], better: str | None) -> Trend:
    """Return the trend over periods; those without data are left out, at their places in time."""
    found = theil_sen([value.value for value in values])
    if found.slope is None or found.low is None or found.high is None:
        return Trend(periods=found.periods)
    if found.low <= 0 <= found.high:
        return Trend(found.slope, found.low, found.high, found.periods, "flat")
    up = found.slope > 0
    good = None if better is None else up == (better == "more")
    return Trend(
        found.slope, found.low, found.high, found.periods, "up" if up else "down", good
    )  # fmt: skip


def _at(
    measured: Measured, dimension: str, period: str | None, context: CardContext
) -> dict[str, Value]:
    if period is None:
        return {}
    place, smallest = context.labels.index(period), context.config.scorecard.smallest_group
    shown = {
        group: shown_value(value_of(estimates[place]), smallest)
        for group, estimates in measured.estimates.get(dimension, {}).items()
        if group
    }
    return {group: value for group, value in shown.items() if has(value) or value.n}


def factors_between(measured: Measured, first: str, last: str, labels: Sequence[str]) -> str | None:
    """Return a change between two periods in its factors; None if the measure has none."""
    estimates = measured.estimates.get(ALL, {}).get("", ())
    if not estimates:
        return None
    before, after = (estimates[labels.index(label)] for label in (first, last))
    return factor_sentence(change_by_factor(before, after)) or None


def _factors(measured: Measured, context: CardContext) -> tuple[str, ...]:
    """Say what changed between the last two periods with a value, in factors."""
    series = series_of(measured, ALL, "", context.labels)
    known = [label for label, value in series.items() if has(value)]
    if len(known) < 2:
        return ()
    told = factors_between(measured, known[-2], known[-1], context.labels)
    return () if told is None else (f"Change from {known[-2]} to {known[-1]}: {told}.",)


def _late(period: str | None, labels: Sequence[str]) -> tuple[str, ...]:
    if period is None or period == labels[-1]:
        return ()
    return (f"The last value is of {period}: there is no data for the time since.",)
