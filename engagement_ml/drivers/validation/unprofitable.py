"""Which engaged entities are unprofitable, and what they do more of than the profitable."""

from __future__ import annotations

import numpy as np

from engagement_ml.drivers.evidence import Choice, Unprofitable, UnprofitableRow
from engagement_ml.drivers.selection.response_curves import Curve
from engagement_ml.drivers.selection.window_rows import WindowRows

_ENGAGED_SHARE = 0.25
_MOST_BEHAVIOURS = 5


def unprofitable_engaged(
    rows: WindowRows,
    names: tuple[str, ...],
    choices: tuple[Choice, ...],
    curves: dict[str, Curve],
    labels: dict[str, str],
) -> Unprofitable | None:
    """Look at the top quarter by score of the last cutoff: who loses money in the outcome window.

    Returns
    -------
    Unprofitable or None
        None where there is no score or no engaged entity.
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
    engaged = order[: max(1, int(_ENGAGED_SHARE * margin.size))]
    engaged = engaged[score[engaged] > 0]
    if engaged.size == 0:
        return None
    losing = engaged[margin[engaged] < 0]
    earning = engaged[margin[engaged] >= 0]
    found: list[UnprofitableRow] = []
    for b, name in enumerate(names):
        mean_losing = float(counts[losing, b].mean()) if losing.size else 0.0
        mean_earning = float(counts[earning, b].mean()) if earning.size else 0.0
        if mean_losing > mean_earning and losing.size >= 10:
            found.append(
                UnprofitableRow(
                    behaviour=name,
                    label=labels[name],
                    ratio=mean_losing / mean_earning if mean_earning > 0 else None,
                    mean_unprofitable=mean_losing,
                    mean_profitable=mean_earning,
                )
            )
    found.sort(key=lambda r: (r.ratio is not None, -float(r.ratio or 0.0)))
    return Unprofitable(
        n_engaged=int(engaged.size),
        n_unprofitable=int(losing.size),
        share=float(losing.size / engaged.size),
        margin_lost=float(abs(margin[losing].sum())),
        behaviours=tuple(found[:_MOST_BEHAVIOURS]),
    )
