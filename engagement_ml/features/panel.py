"""Panel: customers × cutoffs, features before each cutoff and outcomes after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engagement_ml.column_names import CLUSTER
from engagement_ml.config import PipelineConfig
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import behaviours
from engagement_ml.features.clusters import customer_clusters
from engagement_ml.features.covariates import Covariates
from engagement_ml.features.families import FAMILIES, enabled_families
from engagement_ml.features.family import FeatureFamily
from engagement_ml.features.numpy_panel import numpy_blocks
from engagement_ml.features.ratios import frequency_column
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class Panel:
    """One row per customer and cutoff.

    Attributes
    ----------
    frame : DataFrame
        Sorted by ``cutoff``, ``customer_id``; columns ``customer_id``, ``cutoff``
        (datetime64[us]), ``part`` (``"train"`` or ``"test"``), the features, and the outcomes:
        ``margin``, ``gain``, ``loss`` (float64, 0 without a transaction in the outcome window;
        margin = gain − loss), ``transactions`` (float64, their number) and ``churned`` (1 or 0,
        NaN if not at risk). If actors serve customers, also ``cluster`` (int), which is no feature.
    behaviours : tuple of str
    behaviour_features : dict of behaviour to its columns
    history_features, covariates, segments : tuple of str
        Column names; ``covariate__x`` numeric or categorical, ``segment__x`` text.
    joint_features : tuple of str
        Columns of all other feature families, such as ``session__x`` and ``ratio__x``.
    ends : bool
        Whether churn is an event, after which a customer has no rows.
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
        """All feature columns: per behaviour, joint, purchase history, covariates."""
        per_behaviour = (c for b in self.behaviours for c in self.behaviour_features[b])
        return (*per_behaviour, *self.joint_features, *self.history_features, *self.covariates)

    def part(self, name: str) -> Panel:
        """Return the rows of one part, ``"train"`` or ``"test"``, renumbered from 0."""
        rows = self.frame.loc[self.frame["part"] == name].reset_index(drop=True)
        return replace(self, frame=rows)


def build_panel(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    *,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> Panel:
    """Build features and outcomes for every customer at every cutoff.

    A customer has a row at each cutoff after entry (sign-up or, without one, first event or
    transaction), and none after a churn event. Nothing at or after a cutoff enters its features;
    an event exactly at the cutoff belongs to the outcome.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        From ``plan_windows(tables.history, config.windows)``: mature outcomes only.
    families : sequence of FeatureFamily, default FAMILIES
        A family whose key the configuration does not set is left out.

    Returns
    -------
    Panel

    Raises
    ------
    NotEnoughDataError
        If no customer has an event in any observation window.
    InputError
        If an event type has the name of a family's prefix.
    """
    blocks = list(panel_blocks(tables, config, windows, families=families))
    frame = pd.concat([block.frame for block in blocks], ignore_index=True)
    return replace(blocks[0], frame=_with_clusters(tables, frame))


def _with_clusters(tables: Tables, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the column `CLUSTER` if customers share actors."""
    ids, code = np.unique(frame["customer_id"].to_numpy(), return_inverse=True)
    clusters = customer_clusters(tables, ids, tables.history.start, tables.history.end)
    return frame if clusters is None else frame.assign(**{CLUSTER: clusters[code.ravel()]})


def panel_blocks(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    *,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> Iterator[Panel]:
    """Yield the panel block by block, so that it need not fit into memory.

    Each block has rows of one cutoff.

    Raises
    ------
    NotEnoughDataError
        After the last cutoff, if no customer has an event in any observation window.
    InputError
        If an event type has the name of a family's prefix.
    """
    enabled = enabled_families(families, tables, config)
    behaviour_features = {
        behaviour: tuple(
            family.column(feature, behaviour)
            for family in enabled
            if family.by_behaviour
            for feature in family.available(tables, config, behaviour)
        )
        for behaviour in tables.behaviours
    }
    measured = behaviours.FAMILY in enabled
    frequencies = [frequency_column(b) for b in tables.behaviours] if measured else []
    customers = Covariates.of(tables, config)
    any_event = not frequencies
    for rows in numpy_blocks(tables, config, windows, families):
        any_event = any_event or any(rows[column].to_numpy().any() for column in frequencies)
        yield Panel(
            frame=customers.add(rows),
            behaviours=tables.behaviours,
            behaviour_features=behaviour_features,
            history_features=_group_columns(enabled, config, "history"),
            covariates=tuple(customers.covariates),
            segments=tuple(customers.segments),
            joint_features=_group_columns(enabled, config, "joint"),
            ends=config.churn.kind == "event",
        )
    if not any_event:
        raise NotEnoughDataError(no_event(windows))


def _group_columns(
    families: Sequence[FeatureFamily], config: PipelineConfig, group: str
) -> tuple[str, ...]:
    return tuple(
        family.column(feature)
        for family in families
        if family.group == group and not family.by_behaviour
        for feature in family.features_for(config)
    )


def no_event(windows: Windows) -> str:
    """Return the error message for a panel without any event in an observation window."""
    first, last = windows.cutoffs[0], windows.cutoffs[-1]
    return (
        "no event of any behaviour lies in any observation window, the "
        f"{windows.observation_days} days before each of {len(windows.cutoffs)} cutoffs from "
        f"{first} to {last}; check that events and transactions cover the same time, and that "
        "not every behaviour has 'role: ignore'"
    )
