"""TreeSHAP explanations of a fitted model, and the rows that they are drawn from.

A fitted notebook model keeps a bounded random sample of rows instead of the whole panel: SHAP plots
show a few thousand points at most, and the panel may hold millions of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError, NotEnoughDataError, nearest

if TYPE_CHECKING:
    import pandas as pd
    import shap

    from engagement_ml.drivers.selection.shap_importance import FittedBooster
    from engagement_ml.features import Panel, Periods
    from engagement_ml.metric import EngagementMetric
    from engagement_ml.models import ProfitModel

ExplanationKind = Literal["profit", "within"]
KINDS: tuple[str, ...] = get_args(ExplanationKind)
MAX_EXPLAINED_ROWS = 5_000
MAX_SCORED_CUSTOMERS = 20_000
COUNT = "__frequency"


@dataclass(frozen=True)
class ExplanationData:
    """What a fitted model keeps of its training data.

    Attributes
    ----------
    panel : Panel
        At most 5,000 rows, drawn at random from all cutoffs.
    behaviours : tuple of str
        The columns of the within-customer model.
    within : FittedBooster or None
        The within-customer model of all customers, with at most 5,000 of its rows; None if there
        was too little change to fit it.
    scores : DataFrame or None
        ``score`` and ``margin`` (of the outcome window) of at most 20,000 customers at the last
        cutoff; None if the metric abstained.
    """

    panel: Panel
    behaviours: tuple[str, ...]
    within: FittedBooster | None
    scores: pd.DataFrame | None


def explanation_data(
    panel: Panel, periods: Periods, config: PipelineConfig, metric: EngagementMetric
) -> ExplanationData:
    """Fit the within-customer model to all customers, and draw the rows to keep."""
    from engagement_ml.drivers.estimation.spans import spans_from_config
    from engagement_ml.drivers.selection.shap_importance import fit_within_booster
    from engagement_ml.drivers.selection.window_rows import window_rows

    seed = config.random_seed
    rows = window_rows(periods, spans_from_config(config.windows))
    within = fit_within_booster(rows, seed=seed)
    if within is not None:
        within = replace(within, x=within.x[_draw(len(within.x), MAX_EXPLAINED_ROWS, seed)])
    sample = panel.frame.iloc[_draw(len(panel.frame), MAX_EXPLAINED_ROWS, seed)]
    return ExplanationData(
        panel=replace(panel, frame=sample.reset_index(drop=True)),
        behaviours=periods.behaviours,
        within=within,
        scores=None if metric.abstained else _scores(panel.frame, metric, seed),
    )


def explain(
    kind: str,
    kept: ExplanationData,
    profit: ProfitModel,
    config: PipelineConfig,
    *,
    data: Any = None,
    labels: bool = True,
) -> shap.Explanation:
    """Return TreeSHAP values of the profit model or of the within-customer model.

    See ``EngagementModel.explain`` for the parameters.

    Raises
    ------
    InputError
        If `kind` is not known, or `data` lacks a column.
    NotEnoughDataError
        If there was too little change within customers to fit the within-customer model.
    """
    if kind not in KINDS:
        raise InputError(
            f"explain: kind {kind!r} is not known{nearest(kind, KINDS)}; "
            f"give one of {', '.join(KINDS)}"
        )
    frame = getattr(data, "frame", data)
    if kind == "profit":
        return _explain_profit(profit, kept.panel.frame if frame is None else frame, config, labels)
    return _explain_within(kept, frame, config, labels)


def _explain_profit(
    profit: ProfitModel, frame: pd.DataFrame, config: PipelineConfig, labels: bool
) -> shap.Explanation:
    design = profit.design_
    X = design.matrix(frame)
    values = np.asarray(profit.booster_.predict(X, pred_contrib=True), dtype=np.float64)
    names = list(design.columns)
    if labels:
        names = [
            _feature_label(column, design.behaviours[group], config) if group >= 0 else column
            for column, group in zip(design.columns, design.groups, strict=True)
        ]
    return _explanation(values, X, names, _shown_values(X, frame, design.columns, design.levels))


def _explain_within(
    kept: ExplanationData, frame: pd.DataFrame | None, config: PipelineConfig, labels: bool
) -> shap.Explanation:
    if kept.within is None:
        raise NotEnoughDataError(
            f"explain: no model of changes within {config.entity}s was fitted, as there are fewer "
            "than 50 rows with an earlier or later one of the same customer, or margin does not "
            "change; kind='profit' explains the profit model"
        )
    change = kept.within.x if frame is None else _changes(frame, kept.behaviours)
    names = [config.label(b) if labels else b for b in kept.behaviours]
    return _explanation(kept.within.shap_values(change), change, names)


def _explanation(
    values: FloatArray, X: FloatArray, names: list[str], shown: Any = None
) -> shap.Explanation:
    import shap

    return shap.Explanation(
        values=values[:, :-1],
        base_values=values[:, -1],
        data=X,
        display_data=shown,
        feature_names=names,
    )


def _changes(frame: pd.DataFrame, behaviours: Sequence[str]) -> FloatArray:
    """Return changes within customers from the counts of a panel frame."""
    from engagement_ml.drivers.selection.shap_importance import within_changes

    columns = [b + COUNT for b in behaviours]
    for column in ("customer_id", "cutoff", *columns):
        if column not in frame.columns:
            raise InputError(
                f"explain: column '{column}' is missing{nearest(column, map(str, frame.columns))}; "
                "give a frame with the columns that em.features(...) returns"
            )
    _, entity = np.unique(frame["customer_id"].to_numpy(), return_inverse=True)
    _, cutoff = np.unique(frame["cutoff"].to_numpy(), return_inverse=True)
    counts = np.nan_to_num(frame[columns].to_numpy(dtype=np.float64, na_value=np.nan))
    if not len(frame) or np.bincount(entity).max() < 2:
        raise NotEnoughDataError(
            "explain: no customer has two rows, so there is no change to explain; "
            "give rows of several cutoffs"
        )
    change, _ = within_changes(counts, entity, cutoff)
    return change


def _scores(frame: pd.DataFrame, metric: EngagementMetric, seed: int) -> pd.DataFrame:
    """Return score and later margin at the last cutoff."""
    import pandas as pd

    last = frame.loc[frame["cutoff"] == frame["cutoff"].max()]
    last = last.iloc[_draw(len(last), MAX_SCORED_CUSTOMERS, seed)]
    counts = pd.DataFrame(
        {b.behaviour: last[b.behaviour + COUNT].to_numpy() for b in metric.behaviours}
    )
    scores = metric.score(counts)["score"].to_numpy()
    return pd.DataFrame({"score": scores, "margin": last["margin"].to_numpy()})


def _feature_label(column: str, behaviour: str, config: PipelineConfig) -> str:
    label = config.label(behaviour)
    feature = column.removeprefix(f"{behaviour}__").replace("_", " ")
    return column if label == behaviour else f"{label}: {feature}"


def _shown_values(
    X: FloatArray, frame: pd.DataFrame, columns: Sequence[str], levels: dict[str, Any]
) -> Any:
    """Return the matrix with text in place of codes; None if no column holds codes."""
    if not levels:
        return None
    shown = X.astype(object)
    for number, column in enumerate(columns):
        if column in levels:
            shown[:, number] = frame[column].astype(object).to_numpy()
    return shown


def _draw(n: int, at_most: int, seed: int) -> Any:
    """Return at most `at_most` of `n` row numbers, drawn at random, in order."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))
