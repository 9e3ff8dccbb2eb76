"""Measuring a contest on the rows that all contestants have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.contest import Contest, measure_contest
from engagement_ml.evaluation.cutoff_groups import cluster_numbers, group_by_cutoff, number_entities
from engagement_ml.evaluation.names import RFM
from engagement_ml.evaluation.paired_changes import (
    group_by_pair,
)
from engagement_ml.formatting import listed
from engagement_ml.workflow.contest_plan import Plan

if TYPE_CHECKING:
    from engagement_ml.features import Panel

N_BOOTSTRAP = 200


def measure(
    rows: Panel,
    plan: Plan,
    scores: Mapping[str, FloatArray],
    baselines: Mapping[str, FloatArray],
    config: PipelineConfig,
    *,
    only_baselines: bool = False,
) -> dict[str, Any]:
    """Measure the contest on the rows that all contestants have.

    With `only_baselines`, contestants are not compared with one another, and not by segment.

    Returns
    -------
    dict
        As ``measure_contest`` returns it, with ``customers`` and ``rows``, the numbers compared;
        ``of``, the customers at these cutoffs; ``pairs``, the cutoffs of the measured changes.

    Raises
    ------
    NotEnoughDataError
        If no customer has a score of all contestants.
    """
    keep = np.ones(len(rows.frame), dtype=np.bool_)
    for values in scores.values():
        keep &= np.isfinite(values)
    measured = rows.frame["cutoff"].dt.date.isin(plan.measured).to_numpy()
    if plan.measured and scores and not (keep & measured).any():
        who = listed(scores)
        raise NotEnoughDataError(
            f"no {config.entity} has a score of {who} at one cutoff from {plan.measured[0]} to "
            f"{plan.measured[-1]}; give scores dated at or before these cutoffs, or let older "
            "scores count with a larger --max-score-age"
        )
    kept = replace(rows, frame=rows.frame.loc[keep].reset_index(drop=True))
    codes, n_entities = number_entities(kept.frame)
    groups = [
        group
        for cutoff, group in zip(
            sorted(kept.frame["cutoff"].unique()), group_by_cutoff(kept.frame, codes), strict=True
        )
        if cutoff.date() in plan.measured
    ]
    pair_groups = group_by_pair(
        kept.frame,
        codes,
        plan.pairs.pairs,
        observation_days=plan.windows.observation_days,
        segments=kept.segments,
        ends=kept.ends,
    )
    measurable = [group.is_measurable for group in pair_groups]
    contest = Contest(
        margin=kept.frame["margin"].to_numpy(dtype=np.float64),
        contestants={name: values[keep] for name, values in scores.items()},
        baselines={name: values[keep] for name, values in baselines.items()},
        groups=tuple(groups),
        pair_groups=tuple(g for g, ok in zip(pair_groups, measurable, strict=True) if ok),
        control=baselines[RFM][keep] if RFM in baselines else None,
        segments=kept.frame[list(kept.segments)] if kept.segments and not only_baselines else None,
        resamples=Resamples(
            n_entities,
            N_BOOTSTRAP,
            config.random_seed,
            cluster_numbers(kept.frame, codes, n_entities),
        ),
        pairwise=not only_baselines,
    )
    pairs = [pair for pair, ok in zip(plan.pairs.pairs, measurable, strict=True) if ok]
    return {
        **measure_contest(contest),
        "customers": len(np.unique(np.concatenate([g.entities for g in groups]))) if groups else 0,
        "of": int(rows.frame.loc[measured, "customer_id"].nunique()),
        "rows": sum(len(group.rows) for group in groups),
        "pairs": [[str(first), str(second)] for first, second in pairs],
    }
