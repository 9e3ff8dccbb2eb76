"""What people use instead: each takes the usual panel and names at most three behaviours.

A method whose package is missing or fails to import is skipped, with the reason.
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

from benchmarks.recovery.panel import UsualPanel

AT_MOST = 3
ROWS = 8_000  # the slow methods get a sample of so many rows


class SkippedError(Exception):
    """The method cannot run here; the message says why."""


def correlation(panel: UsualPanel, seed: int) -> list[str]:
    """Spearman correlation of counts with margin, highest first."""
    ranked = panel.counts.corrwith(panel.margin, method="spearman").fillna(0.0)
    return _top(ranked)


def shap_behaviours(panel: UsualPanel, seed: int) -> list[str]:
    """Mean absolute SHAP of LightGBM on the counts alone."""
    return _top(_mean_abs_shap(panel.counts, panel.margin, seed)[list(panel.counts)])


def shap_history(panel: UsualPanel, seed: int) -> list[str]:
    """The same with purchase history as further features."""
    features = panel.counts.join(panel.history)
    return _top(_mean_abs_shap(features, panel.margin, seed)[list(panel.counts)])


def powershap(panel: UsualPanel, seed: int) -> list[str]:
    """powershap: SHAP beside a random feature over iterations, p below 0.01."""
    package = _need("powershap")
    panel = panel.sample(ROWS, seed)
    selector = package.PowerShap(
        model=_booster(seed, trees=60),
        automatic=False,
        power_iterations=10,
        show_progress=False,
    )
    features = panel.counts.join(panel.history)
    selector.fit(features, panel.margin.to_numpy())
    found = selector._processed_shaps_df
    found = found[(found["p_value"] < selector.power_alpha) & found.index.isin(panel.counts)]
    return _top(found["impact"])


def double_machine_learning(panel: UsualPanel, seed: int) -> list[str]:
    """EconML's LinearDML, a behaviour at a time, all else as controls; positive at 5%."""
    dml = _need("econml.dml")
    panel = panel.sample(ROWS, seed)
    worth = {}
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
            worth[name] = effect * float(treated.std())
    return _top(pd.Series(worth, dtype=float))


def shap_select(panel: UsualPanel, seed: int) -> list[str]:
    """shap-select: margin regressed on SHAP values out of sample, significant at 5%."""
    package = _need("shap_select")
    panel = panel.sample(ROWS, seed)
    features = panel.counts.join(panel.history)
    half = np.random.default_rng(seed).random(len(features)) < 0.5
    model = _booster(seed).fit(features[half], panel.margin[half])
    found = package.shap_select(
        model, features[~half], panel.margin[~half], task="regression", threshold=0.05
    ).set_index("feature name")
    chosen = found[(found["selected"] == 1) & found.index.isin(panel.counts)]
    return _top(chosen["t-value"])


def boruta_shap(panel: UsualPanel, seed: int) -> list[str]:
    """BorutaShap: features whose SHAP beats that of their shuffled shadows."""
    package = _need("borutashap_v2")
    panel = panel.sample(ROWS // 2, seed)
    features = panel.counts.join(panel.history)
    model = _booster(seed, trees=60)
    selector = package.BorutaShap(model=model, importance_measure="shap", classification=False)
    selector.fit(features, panel.margin, n_trials=20, random_state=seed, verbose=False)
    accepted = [f for f in selector.accepted if f in panel.counts]
    importance = _mean_abs_shap(features, panel.margin, seed)
    return _top(importance[accepted])


RIVALS: dict[str, Callable[[UsualPanel, int], list[str]]] = {
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
    """What a method chose, or why it was skipped."""

    chosen: tuple[str, ...]
    skipped: str | None = None


def choose(method: str, panel: UsualPanel, seed: int) -> Choice:
    """Run one method, its warnings and prints kept from the screen."""
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


def _need(module: str):  # type: ignore[no-untyped-def]
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


def _top(worth: pd.Series) -> list[str]:
    ordered = worth.sort_values(ascending=False, kind="stable")
    return [str(name) for name in ordered.index[:AT_MOST]]
