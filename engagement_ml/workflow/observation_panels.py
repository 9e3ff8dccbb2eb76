"""Panels of the same rows with another observation window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features import Panel


def panel_with_window(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    observation_days: int,
    families: Sequence[Any] | None = None,
) -> Panel:
    """Return the panel with an observation window of `observation_days`.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
        The cutoffs.
    observation_days : int
    families : sequence of FeatureFamily, optional
        By default all that the configuration asks for.
    """
    from engagement_ml.features import build_panel

    lengths = config.windows.model_copy(update={"observation_days": observation_days})
    chosen = {} if families is None else {"families": tuple(families)}
    return build_panel(
        tables,
        config.model_copy(update={"windows": lengths}),
        replace(windows, observation_days=observation_days),
        **chosen,
    )
