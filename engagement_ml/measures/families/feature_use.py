"""Measures of features: how many customers use one, and how many features each uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.formatting import number
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.kinds.functions import TotalsFunction, divide, share
from engagement_ml.measures.kinds.kind import Estimate
from engagement_ml.measures.rows.activity import event_rows
from engagement_ml.measures.rows.occurrences import events_of

FEATURES = ("feature_used", "feature_use", "use_feature")
LOW_ADOPTION = 20.0
"""Percent below which adoption is low, unless there is a target."""
MANY = 30
"""Active customers from which on low adoption is worth a warning."""
_ONE, _ZERO = nw.lit(1), nw.lit(0)


def _adoption_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    used = nw.col("event_type").is_in(names)
    with_object = settings.object is not None
    key, frame = _feature_rows(context) if with_object else event_rows(context)
    if with_object:
        context.require("events", "object")
        used = used & (nw.col("object") == settings.object)
    did = nw.when(used).then(_ONE).otherwise(_ZERO)
    # Whoever uses the feature is active.
    active = nw.when(used).then(_ONE).otherwise(nw.col("active"))
    return Rows(key, lambda: frame, {"users": did.max(), "active": active.max()})


def _breadth_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    names = context.event_types(settings.event, "event")
    if context.has("events", "object"):
        key, frame = _feature_rows(context)
        feature, n_features = nw.col("object"), _distinct_objects(context, names)
    else:
        key, frame = event_rows(context)
        feature, n_features = nw.col("event_type"), len(names)
    if n_features < 2:
        raise AbsentError("two features: values of column object of events, or types in 'event'")
    used = nw.col("event_type").is_in(names)
    used_feature = nw.when(used & ~feature.is_null()).then(feature)
    others = nw.when(used & ~feature.is_null()).then(_ZERO).otherwise(_ONE)
    active = nw.when(used).then(_ONE).otherwise(nw.col("active"))
    columns = {
        # Null stands for events that use no feature.
        "used": used_feature.n_unique() - others.max(),
        "possible": active.max() * n_features,
    }
    return Rows(key, lambda: frame, columns, notes=(f"{n_features} features",))


def _feature_rows(context: MeasureContext) -> tuple[str, nw.LazyFrame[Any]]:
    """Return the rows of ``event_rows`` with the events' ``object``."""
    context.require("events", "object")
    key, frame = event_rows(context, columns=("object",))
    return key, frame


def _distinct_objects(context: MeasureContext, names: Sequence[str]) -> int:
    objects = events_of(context, names).select(nw.col("object")).filter(~nw.col("object").is_null())
    row = context.engine.rows(objects.select(nw.col("object").n_unique()), source="events")[0]
    return int(row["object"])


def low_adoption(series: Sequence[Estimate], settings: MeasureConfig) -> str:
    """Warn that many customers are active and few use the feature, in the last period.

    The feature is used by few if the interval lies below the target or, without one, below
    `LOW_ADOPTION` percent; `MANY` customers are many.
    """
    shown = [each for each in series if each.value is not None]
    if not shown:
        return ""
    last = shown[-1]
    limit = LOW_ADOPTION if settings.target is None else settings.target
    if last.high is None or last.high >= limit or (last.denominator or 0) < MANY:
        return ""
    return (
        f"{number(last.denominator, 0)} customers are active, and only {number(last.numerator, 0)} "
        "use it: activity does not show that the feature is used"
    )


FAMILY = (
    MeasureDefinition(
        name="adoption",
        title="Feature adoption",
        kind=share("users", "active"),
        unit="percent",
        better="more",
        formula="customers who use the feature / customers active in the period",
        needs="events of the feature (`event`, and `object` if one type stands for all features)",
        rows=_adoption_rows,
        edge_cases="Activity as for `dau`. Many active customers and low adoption give a warning: "
        f"at least {MANY} active, and an interval below the target or, without one, below "
        f"{LOW_ADOPTION:.0f}%.",
        keys=("event", "object"),
        defaults={"event": FEATURES},
        remark=low_adoption,
    ),
    MeasureDefinition(
        name="adoption_breadth",
        title="Breadth of use",
        kind=TotalsFunction(
            ("used", "possible"), divide, "used", "possible", scale=100.0, bounds=(0.0, 100.0)
        ),
        unit="percent",
        better="more",
        formula="mean share of the features that an active customer uses in the period",
        needs="events of features, with `object` or of several types",
        rows=_breadth_rows,
        edge_cases="The features are the values of `object` in the whole history or, without that "
        "column, the types in `event`. Activity as for `dau`.",
        keys=("event",),
        defaults={"event": FEATURES},
    ),
)
