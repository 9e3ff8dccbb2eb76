"""The part of a run that says who the unprofitable engaged customers are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features import Panel
from engagement_ml.features.ratios import frequency_column
from engagement_ml.formatting import plural
from engagement_ml.metric import EngagementMetric
from engagement_ml.metric.percentiles import engaged_from
from engagement_ml.profiles import UnprofitableProfile, compare_counts, profile_unprofitable
from engagement_ml.profiles.rules import meets
from engagement_ml.workflow.further.part import Fitted, Found, Part, Sources
from engagement_ml.workflow.metric_builder import score_function
from engagement_ml.workflow.results import csv_text

if TYPE_CHECKING:
    import pandas as pd

FILE = "unprofitable.csv"
_COLUMNS = ("customer_id", "rule", "net_margin", "score")


def find_unprofitable(gathered: None, fitted: Fitted) -> Found:
    """Return the profile at the last cutoff of the panel, which no fitting of the metric saw."""
    config, panel = fitted.config, fitted.panel
    last = _engaged(panel, config, fitted.metric)
    if last is None:
        reason = "the metric abstains, so that no customer counts as engaged"
        return Found({UNPROFITABLE.field: UnprofitableProfile(0, 0, None, reason=reason)})
    frame, limit = last
    net = frame["net_"].to_numpy()
    kinds, labels = _columns(panel, config)
    profile = profile_unprofitable(
        frame, net, kinds, labels, seed=config.random_seed, entity=config.entity
    )
    counts = frame[[frequency_column(b) for b in panel.behaviours]].to_numpy(dtype=float)
    profile = replace(
        profile,
        engaged_from=limit,
        cutoff=str(panel.frame["cutoff"].max().date()),
        behaviours=compare_counts(
            counts, net, panel.behaviours, [config.label(b) for b in panel.behaviours]
        ),
        notes=(*profile.notes, *_notes(config)),
    )
    return Found({UNPROFITABLE.field: profile}, {FILE: _csv(profile, frame)})


def _csv(profile: UnprofitableProfile, frame: pd.DataFrame) -> str:
    """Return the text of ``unprofitable.csv``: the engaged customers of the groups that lose.

    Both halves are in it, in the order of the groups and of customers; it has no rows if no group
    loses.
    """
    losing = (
        (group.rule, frame[meets(frame, group.conditions)])
        for group in profile.groups
        if group.loses
    )
    return csv_text(
        _COLUMNS,
        (
            (customer, rule, round(net, 2), round(score, 2))
            for rule, inside in losing
            for customer, net, score in zip(
                inside["customer_id"], inside["net_"], inside["score_"], strict=True
            )
        ),
    )


def _engaged(
    panel: Panel, config: PipelineConfig, metric: EngagementMetric
) -> tuple[pd.DataFrame, float] | None:
    """Return the engaged customers at the last cutoff, with ``net_`` and ``score_``; and the limit.

    None if the metric abstains.
    """
    score = score_function(metric)
    if score is None:
        return None
    cutoff = panel.frame["cutoff"]
    frame = panel.frame.loc[cutoff == cutoff.max()].sort_values("customer_id", ignore_index=True)
    import pandas as pd

    named = {b.behaviour: frame[frequency_column(b.behaviour)] for b in metric.behaviours}
    scores = score(pd.DataFrame(named))
    limit = engaged_from(metric.score_quantiles, config.scorecard.engaged_from)
    if limit is None:
        # Scores of the last training cutoff are all 0: those above it are engaged.
        limit = float(scores[scores > 0].min()) if (scores > 0).any() else 0.0
    chosen = (scores >= limit) & (scores > 0)
    cost = _cost(frame, panel, config)
    net = frame["margin"].to_numpy(dtype=float) - cost
    added = pd.DataFrame({"net_": net, "score_": scores}, index=frame.index)
    return pd.concat([frame, added], axis=1).loc[chosen].reset_index(drop=True), limit


def _cost(frame: pd.DataFrame, panel: Panel, config: PipelineConfig) -> FloatArray:
    """Return what serving each customer's events of the observation window cost."""
    cost = np.zeros(len(frame))
    for b in panel.behaviours:
        each = config.behaviour(b).cost_per_event
        if each:
            cost += each * frame[frequency_column(b)].to_numpy(dtype=float)
    return cost


def _columns(panel: Panel, config: PipelineConfig) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kind and the label of each column that a rule may name.

    Covariates that no leak was found in, segments among them as text, and counts of behaviours.
    """
    import pandas as pd

    kinds, labels = {}, {}
    for column in panel.covariates:
        name = column.removeprefix("covariate__")
        segment = f"segment__{name}"
        chosen = segment if segment in panel.segments else column
        text = isinstance(panel.frame[chosen].dtype, pd.CategoricalDtype)
        kinds[chosen] = "level" if text or chosen == segment else "number"
        labels[chosen] = name
    for b in panel.behaviours:
        kinds[frequency_column(b)], labels[frequency_column(b)] = "count", config.label(b)
    return kinds, labels


def _notes(config: PipelineConfig) -> tuple[str, ...]:
    if any(each.cost_per_event for each in config.behaviours.values()):
        return ()
    return (
        f"No behaviour has a 'cost_per_event', so that serving {plural(config.entity)} costs "
        "nothing here; with it, more of them may lose money.",
    )


def _gather(sources: Sources) -> None:
    """Read nothing: the panel has it all."""


UNPROFITABLE = Part(
    "profile",
    "Looking for unprofitable engaged customers",
    lambda config: True,
    _gather,
    find_unprofitable,
)
