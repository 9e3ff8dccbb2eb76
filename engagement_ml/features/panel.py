"""The panel: entities × cutoffs, what was done before each cutoff, what came of it after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import ratios, rfm, sessions
from engagement_ml.features.aggregations import features_of, measured
from engagement_ml.features.covariates import Covariates
from engagement_ml.features.numpy_panel import rows_in_blocks
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class Panel:
    """One row per entity and cutoff.

    Attributes
    ----------
    frame : DataFrame
        Sorted by ``cutoff``, ``customer_id``; columns ``customer_id``, ``cutoff``
        (datetime64[us]), ``part`` (``"train"`` or ``"test"``), the features, and the outcomes:
        ``margin``, ``gain``, ``loss`` (float64, 0 where there is no transaction in the outcome
        window; margin = gain − loss), ``transactions`` (float64, their number) and ``churned``
        (1 or 0, NaN where not at risk).
    behaviours : tuple of str
    behaviour_features : dict of behaviour to its columns
    history_features, covariates, segments : tuple of str
        Column names; ``covariate__x`` numeric or categorical, ``segment__x`` text.
    joint_features : tuple of str
        Columns of several behaviours together: ``session__x`` and ``ratio__x``, where the
        configuration asks for them.
    ends : bool
        Whether churn is an event, after which an entity has no rows.
    """

    frame: pd.DataFrame
    behaviours: tuple[str, ...]
    behaviour_features: dict[str, tuple[str, ...]]
    history_features: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    joint_features: tuple[str, ...] = ()
    ends: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """All feature columns: of the behaviours, singly and jointly, the history, covariates."""
        of_behaviours = (c for b in self.behaviours for c in self.behaviour_features[b])
        return (*of_behaviours, *self.joint_features, *self.history_features, *self.covariates)

    def part(self, name: str) -> Panel:
        """Return the rows of one part, ``"train"`` or ``"test"``, renumbered from 0."""
        rows = self.frame.loc[self.frame["part"] == name].reset_index(drop=True)
        return replace(self, frame=rows)


def build_panel(tables: Tables, config: PipelineConfig, windows: Windows) -> Panel:
    """Build features and outcomes for every entity at every cutoff.

    An entity has a row from its entry (sign-up or, without one, first event or transaction)
    before the cutoff on, and none once a churn event lies before the cutoff. Nothing at or after
    a cutoff touches a feature of it; an event exactly at the cutoff belongs to the outcome.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        As ``plan_windows(tables.history, config.windows)`` gives them: mature outcomes only.

    Returns
    -------
    Panel

    Raises
    ------
    NotEnoughDataError
        Where no entity has any event in any observation window.
    """
    parts = list(panel_parts(tables, config, windows))
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return replace(parts[0], frame=frame)


def panel_parts(tables: Tables, config: PipelineConfig, windows: Windows) -> Iterator[Panel]:
    """Yield the panel some rows at a time, for what need not hold all of it at once.

    Each part has rows of one cutoff.

    Raises
    ------
    NotEnoughDataError
        After the last cutoff, where no entity has any event in any observation window.
    """
    behaviour_features = {
        b: tuple(f"{b}__{f.name}" for f in features_of(tables) if measured(tables, f, b))
        for b in tables.behaviours
    }
    counts = [c for names in behaviour_features.values() for c in names if c.endswith(ratios.COUNT)]
    customers = Covariates.of(tables, config)
    anything = False
    for rows in rows_in_blocks(tables, config, windows):
        anything = anything or any(rows[column].to_numpy().any() for column in counts)
        yield Panel(
            frame=customers.add(rows),
            behaviours=tables.behaviours,
            behaviour_features=behaviour_features,
            history_features=tuple(f"history__{f.name}" for f in rfm.FEATURES),
            covariates=tuple(customers.covariates),
            segments=tuple(customers.segments),
            joint_features=_joint(config),
            ends=config.churn.kind == "event",
        )
    if not anything:
        raise NotEnoughDataError(no_event(windows))


def _joint(config: PipelineConfig) -> tuple[str, ...]:
    asked = sessions.FEATURES if config.features.sessions is not None else ()
    of_sessions = (f"{sessions.GROUP}__{feature.name}" for feature in asked)
    return (*of_sessions, *(f"{ratios.GROUP}__{ratio.name}" for ratio in config.features.ratios))


def no_event(windows: Windows) -> str:
    """Return what to say where nothing happened in any observation window."""
    first, last = windows.cutoffs[0], windows.cutoffs[-1]
    return (
        "no event of any behaviour lies in any observation window, the "
        f"{windows.observation_days} days before each of {len(windows.cutoffs)} cutoffs from "
        f"{first} to {last}; check that events and transactions cover the same time, and that "
        "not every behaviour has 'role: ignore'"
    )
