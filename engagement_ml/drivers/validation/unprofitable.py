"""Unprofitable engagement: customers in the top score quartile who lose money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.evidence import Choice, Unprofitable, UnprofitableRow
from engagement_ml.drivers.selection.response_curves import Curve
from engagement_ml.drivers.selection.window_rows import WindowRows

_TOP_SHARE = 0.25
_MAX_BEHAVIOURS = 5
_MIN_UNPROFITABLE = 10
"""Unprofitable customers from which on their behaviours are compared."""


def unprofitable_engaged(
    rows: WindowRows,
    names: Sequence[str],
    choices: Sequence[Choice],
    curves: Mapping[str, Curve],
    labels: Mapping[str, str],
) -> Unprofitable | None:
    """Profile unprofitable customers in the top score quartile at the last cutoff.

    Parameters
    ----------
    rows : WindowRows
    names : sequence of str
        The behaviours, in the order of the columns of ``rows.counts``.
    choices : sequence of Choice
    curves : mapping of behaviour to Curve
        At least those of the choices.
    labels : mapping of behaviour to str

    Returns
    -------
    Unprofitable or None
        None without a score or an engaged customer.
    """
    if not choices or rows.margin.size == 0:
        return None
    last = rows.cutoff == rows.cutoff.max()
    counts, margin = rows.counts[last], rows.margin[last]
    score = np.zeros(margin.size)
    for choice in choices:
        curve, x = curves[choice.behaviour], counts[:, names.index(choice.behaviour)]
        top = curve.shape(np.array([choice.cap]))[0]
        score += choice.weight * np.minimum(curve.shape(x) / max(top, 1e-12), 1.0)
    order = np.argsort(-score, kind="stable")
    engaged = order[: max(1, int(_TOP_SHARE * margin.size))]
    engaged = engaged[score[engaged] > 0]
    if engaged.size == 0:
        return None
    losing = engaged[margin[engaged] < 0]
    earning = engaged[margin[engaged] >= 0]
    compared = _compared(counts[losing], counts[earning], names, labels)
    return Unprofitable(
        n_engaged=int(engaged.size),
        n_unprofitable=int(losing.size),
        share=float(losing.size / engaged.size),
        margin_lost=float(abs(margin[losing].sum())),
        behaviours=tuple(compared[:_MAX_BEHAVIOURS]),
    )


def _compared(
    losing: FloatArray, earning: FloatArray, names: Sequence[str], labels: Mapping[str, str]
) -> list[UnprofitableRow]:
    """Return what the unprofitable do more of, by the ratio of means, largest first."""
    if len(losing) < _MIN_UNPROFITABLE:
        return []
    rows = []
    for b, name in enumerate(names):
        mean_losing = float(losing[:, b].mean())
        mean_earning = float(earning[:, b].mean()) if len(earning) else 0.0
        if mean_losing > mean_earning:
            ratio = mean_losing / mean_earning if mean_earning > 0 else None
            rows.append(UnprofitableRow(name, labels[name], ratio, mean_losing, mean_earning))
    return sorted(rows, key=lambda r: (r.ratio is not None, -float(r.ratio or 0.0)))
