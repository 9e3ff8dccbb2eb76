"""The lift of a randomised experiment, from a frame or file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.experiments.measuring import Lift, measure
from engagement_ml.experiments.reading import Layout, read_arms
from engagement_ml.faults import machine_faults_named


@machine_faults_named()
def lift(
    table: Any,
    *,
    arm: str,
    treated: str | float | bool,
    control: str | float | bool,
    outcome: str,
    events: str | None = None,
    segments: str | Sequence[str] = (),
) -> Lift:
    """Return the lift of a randomised experiment: in total, per event and by segment.

    Parameters
    ----------
    table : frame or path
        Any frame that Narwhals accepts, or the path of a Parquet or CSV file, with one row per
        entity. Nulls in `outcome` and `events` are refused.
    arm : str
        The column with the arm of each row; rows of other arms are left out.
    treated, control : str, number or bool
        The two arms to compare.
    outcome : str
        The column with the outcome, in any unit.
    events : str, optional
        The column with the events of a behaviour per entity, if the experiment encouraged the
        treated to do more of it. The lift per event is then estimated, too (Wald estimator).
    segments : str or sequence of str, optional
        Columns to compare lifts by, with at most 50 values each.

    Returns
    -------
    Lift
        The difference of means with Welch's 95% interval, the lift per event with Fieller's, and
        lifts by segment with the p-value of their homogeneity.

    Raises
    ------
    InputError
        If the table cannot be used; the message names column and row.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"mail": ["yes"] * 4 + ["no"] * 4, "spend": [3, 4, 5, 6, 1, 2, 3, 2]})
    >>> result = lift(table, arm="mail", treated="yes", control="no", outcome="spend")
    >>> result
    lift 2.5 (0.5447 to 4.455); 4 treated, 4 control
    >>> result.lift.low > 0
    True
    """
    layout = Layout(
        arm=arm,
        treated=treated,
        control=control,
        outcome=outcome,
        events=events,
        segments=(segments,) if isinstance(segments, str) else tuple(segments),
    )
    if treated == control:
        raise InputError(f"'treated' and 'control' are the same, {control!r}; name two arms")
    with open_duckdb() as engine:
        return measure(read_arms(engine, table, layout))
