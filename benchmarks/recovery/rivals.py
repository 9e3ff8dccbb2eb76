"""Competing methods: each selects at most three behaviours from the same feature table.

A method whose package cannot be imported is skipped, with the reason.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pandas as pd

from benchmarks.recovery.panel import BaselinePanel

MAX_BEHAVIOURS = 3
ROWS = 8_000  # sample size for the slow methods


class SkippedError(Exception):
    """The method cannot run; the message gives the reason."""


def correlation(panel: BaselinePanel, seed: int) -> list[str]:
    """Rank by the Spearman correlation of counts with margin."""
    ranked = panel.counts.corrwith(panel.margin, method="spearman").fillna(0.0)
    return _top(ranked)


def shap_behaviours(panel: BaselinePanel, seed: int) -> list[str]:
    """Rank by mean absolute SHAP value of LightGBM on the counts."""
    return _top(_mean_abs_shap(panel.counts, panel.margin, seed)[list(panel.counts)])


def shap_history(panel: BaselinePanel, seed: int) -> list[str]:
    """Rank by mean absolute SHAP value, with purchase history as additional features."""
    features = panel.counts.join(panel.history)
    return _top(_mean_abs_shap(features, panel.margin, seed)[list(panel.counts)])


def powershap(panel: BaselinePanel, seed: int) -> list[str]:
    """Select with powershap: SHAP values compared with a random feature's, p below 0.01."""
    package = _import("powershap")
    panel = panel.sample(ROWS, seed)
    selector = package.PowerShap(
        model=_booster(seed, trees=60),
        automatic=False,
        power_iterations=10,
        show_progress=False,
    )
    features = panel.counts.join(panel.history)
    selector.fit(features, panel.margin.to_numpy())
    tested = selector._processed_shaps_df
    selected = (tested["p_value"] < selector.power_alpha) & tested.index.isin(panel.counts)
    return _top(tested.loc[selected, "impact"])


def double_machine_learning(panel: BaselinePanel, seed: int) -> list[str]:
    """Select with EconML's LinearDML: one treatment at a time, the rest as controls, 5% level."""
    dml = _import("econml.dml")
    panel = panel.sample(ROWS, seed)
    importance = {}
    for name in panel.counts:
        controls = panel.counts.drop(columns=name).join(panel.history)
        model = dml.LinearDML(
            model_y=_booster(seed, trees=60),
            model_t=_booster(seed, trees=60),
            cv=2,
            random_state=seed,
        )
        treated = panel.counts[name].to_numpy()
        model.fit(panel.margin.to_numpy(), treated, X=None, W=controls.to_numpy())
        effect = float(np.ravel(model.const_marginal_effect())[0])
        low, _ = (float(np.ravel(b)[0]) for b in model.const_marginal_effect_interval(alpha=0.05))
        if low > 0:
            importance[name] = effect * float(treated.std())
    return _top(pd.Series(importance, dtype=float))


def shap_select(panel: BaselinePanel, seed: int) -> list[str]:
    """Select with shap-select: margin regressed on out-of-sample SHAP values, 5% level."""
    package = _import("shap_select")
    panel = panel.sample(ROWS, seed)
    features = panel.counts.join(panel.history)
    half = np.random.default_rng(seed).random(len(features)) < 0.5
    model = _booster(seed).fit(features[half], panel.margin[half])
    tested = package.shap_select(
        model, features[~half], panel.margin[~half], task="regression", threshold=0.05
    ).set_index("feature name")
    chosen = tested[(tested["selected"] == 1) & tested.index.isin(panel.counts)]
    return _top(chosen["t-value"])


def boruta_shap(panel: BaselinePanel, seed: int) -> list[str]:
    """Select with BorutaShap: features whose SHAP values exceed those of permuted shadows."""
    package = _import("borutashap_v2")
    panel = panel.sample(ROWS // 2, seed)
    features = panel.counts.join(panel.history)
    model = _booster(seed, trees=60)
    selector = package.BorutaShap(model=model, importance_measure="shap", classification=False)
    selector.fit(features, panel.margin, n_trials=20, random_state=seed, verbose=False)
    accepted = [f for f in selector.accepted if f in panel.counts]
    importance = _mean_abs_shap(features, panel.margin, seed)
    return _top(importance[accepted])


RIVALS: dict[str, Callable[[BaselinePanel, int], list[str]]] = {
    "correlation": correlation,
    "SHAP": shap_behaviours,
    "SHAP, history": shap_history,
    "powershap": powershap,
    "double ML": double_machine_learning,
    "shap-select": shap_select,
    "BorutaShap": boruta_shap,
}


@dataclass(frozen=True)
class Choice:
    """The behaviours that a method selected, or why it was skipped."""

    chosen: tuple[str, ...]
    skipped: str | None = None


def run_method(method: str, panel: BaselinePanel, seed: int) -> Choice:
    """Run one method with its warnings and output suppressed."""
    quiet = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            warnings.simplefilter("ignore")
            return Choice(tuple(RIVALS[method](panel, seed)))
    except SkippedError as reason:
        return Choice((), str(reason))


def _import(module: str):  # type: ignore[no-untyped-def]
    try:
        return import_module(module)
    except ImportError as error:
        raise SkippedError(f"{module} cannot be imported: {error}") from None


def _booster(seed: int, trees: int = 100):  # type: ignore[no-untyped-def]
    from lightgbm import LGBMRegressor

    return LGBMRegressor(
        n_estimators=trees,
        learning_rate=0.08,
        num_leaves=15,
        min_child_samples=40,
        random_state=seed,
        n_jobs=1,
        verbosity=-1,
    )


def _mean_abs_shap(features: pd.DataFrame, margin: pd.Series, seed: int) -> pd.Series:
    model = _booster(seed).fit(features, margin)
    some = features.sample(min(4000, len(features)), random_state=seed)
    values = model.predict(some, pred_contrib=True)
    return pd.Series(np.abs(values[:, :-1]).mean(axis=0), index=list(features))


def _top(importance: pd.Series) -> list[str]:
    ordered = importance.sort_values(ascending=False, kind="stable")
    return [str(name) for name in ordered.index[:MAX_BEHAVIOURS]]
