"""Competing methods of panel econometrics, which compare customers with themselves.

Each returns the importance of the behaviours that pass its test, of which at most three are
selected. A method whose package cannot be imported is skipped, with
the reason.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.recovery.panel import BaselinePanel
from benchmarks.recovery.rivals import Choice, SkippedError, _booster, _import, _top
from benchmarks.recovery.world import Weekly

WEEKS = 12  # length of the trailing sums
MIN_Z = 4.0
ROWS = 8_000  # sample size of the slow methods, in rows of whole customers


def fixed_effects_poisson(weekly: Weekly, panel: BaselinePanel, seed: int) -> pd.Series:
    """Regress weekly gains on twelve-week sums, with customer and week effects.

    ``pyfixest.fepois`` with standard errors clustered by customer; z at least 4 and positive.
    """
    package = _import("pyfixest")
    total = np.cumsum(weekly.counts, axis=1, dtype=np.float64)
    n, n_weeks, _ = total.shape
    before = total[:, WEEKS - 1 : -1].copy()
    before[:, 1:] -= total[:, : -WEEKS - 1]
    week = np.arange(WEEKS, n_weeks)
    present = (week >= weekly.entry[:, None] + WEEKS) & (week < weekly.exit[:, None])
    customer = np.broadcast_to(np.arange(n)[:, None], present.shape)
    names = [f"x{j}" for j in range(len(weekly.behaviours))]
    frame = pd.DataFrame(before[present], columns=names)
    std = frame.std()
    used = [name for name in names if std[name] > 0]
    frame = frame[used] / std[used]
    frame["gain"] = weekly.gain[:, WEEKS:][present]
    frame["customer"] = customer[present]
    frame["week"] = np.broadcast_to(week, present.shape)[present]
    formula = f"gain ~ {' + '.join(used)} | customer + week"
    fit = package.fepois(formula, data=frame, vcov={"CRV1": "customer"})
    tested = fit.tidy()
    z = tested["Estimate"] / tested["Std. Error"]
    passed = tested.loc[z >= MIN_Z, "Estimate"]
    behaviours = dict(zip(names, weekly.behaviours, strict=True))
    return passed.rename(index=behaviours)


def changes(panel: BaselinePanel) -> tuple[pd.DataFrame, pd.Series]:
    """Return changes of counts and margin between successive windows of the same customer."""
    by = panel.customer
    counts = panel.counts.groupby(by).diff()
    margin = panel.margin.groupby(by).diff()
    kept = margin.notna()
    return counts[kept].reset_index(drop=True), margin[kept].reset_index(drop=True)


def dml_on_changes(weekly: Weekly, panel: BaselinePanel, seed: int) -> pd.Series:
    """Select with EconML's LinearDML on changes, the other changes as controls, 5% level."""
    dml = _import("econml.dml")
    counts, margin = changes(_customers(panel, seed))
    importance = {}
    for name in counts:
        treated = counts[name].to_numpy()
        if not treated.std():
            continue
        model = dml.LinearDML(
            model_y=_booster(seed, trees=60),
            model_t=_booster(seed, trees=60),
            cv=2,
            random_state=seed,
        )
        model.fit(margin.to_numpy(), treated, X=None, W=counts.drop(columns=name).to_numpy())
        effect = float(np.ravel(model.const_marginal_effect())[0])
        low, _ = (float(np.ravel(b)[0]) for b in model.const_marginal_effect_interval(alpha=0.05))
        if low > 0:
            importance[name] = effect * float(treated.std())
    return pd.Series(importance, dtype=float)


def doubleml_panel(weekly: Weekly, panel: BaselinePanel, seed: int) -> pd.Series:
    """Select with DoubleML's partially linear panel regression in first differences, 5% level."""
    package = _import("doubleml")
    if not hasattr(package, "DoubleMLPLPR"):
        raise SkippedError("this version of doubleml has no panel estimator (DoubleMLPLPR)")
    panel = _customers(panel, seed)
    behaviours = list(panel.counts)
    names = [f"x{j}" for j in range(len(behaviours))]
    frame = panel.counts.set_axis(names, axis=1)
    frame["margin"] = panel.margin
    frame["customer"] = panel.customer
    frame["window"] = panel.customer.groupby(panel.customer).cumcount()
    np.random.seed(seed)  # noqa: NPY002 (DoubleML draws its folds from NumPy's global state)
    importance = {}
    for name, behaviour in zip(names, behaviours, strict=True):
        if not frame[name].std():
            continue
        others = [x for x in names if x != name]
        data = package.DoubleMLPanelData(
            frame, "margin", name, "window", "customer", x_cols=others, static_panel=True
        )
        model = package.DoubleMLPLPR(
            data, _booster(seed, trees=60), _booster(seed, trees=60), n_folds=2
        ).fit()
        if model.confint(level=0.95).iloc[0, 0] > 0:
            importance[behaviour] = float(model.coef[0]) * float(frame[name].std())
    return pd.Series(importance, dtype=float)


def _customers(panel: BaselinePanel, seed: int) -> BaselinePanel:
    """Return all rows of a random sample of customers, about ROWS rows."""
    customers = panel.customer.unique()
    share = ROWS / len(panel.customer)
    if share >= 1:
        return panel
    number = int(share * len(customers))
    sampled = np.random.default_rng(seed).permutation(customers)[:number]
    kept = panel.customer.isin(sampled)
    parts = (panel.counts, panel.history, panel.margin, panel.customer)
    return BaselinePanel(*(part[kept].reset_index(drop=True) for part in parts))


PANEL_RIVALS: dict[str, Callable[[Weekly, BaselinePanel, int], pd.Series]] = {
    "FE Poisson": fixed_effects_poisson,
    "DML on changes": dml_on_changes,
    "DoubleML panel": doubleml_panel,
}


@dataclass(frozen=True)
class PanelChoice(Choice):
    """The selected behaviours, and all that pass the method's test."""

    passed: tuple[str, ...] = ()


def run_panel_method(method: str, weekly: Weekly, panel: BaselinePanel, seed: int) -> PanelChoice:
    """Run one method with its warnings and output suppressed."""
    quiet = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            warnings.simplefilter("ignore")
            importance = PANEL_RIVALS[method](weekly, panel, seed)
    except SkippedError as reason:
        return PanelChoice((), str(reason))
    passed = tuple(str(name) for name in importance.index)
    return PanelChoice(tuple(_top(importance)), None, passed)
