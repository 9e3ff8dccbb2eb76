"""Measurement of a version of the metric beside the champion, on one reading of the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import BehaviourConfig, PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.formatting import listed
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.lifecycle.backcast import CutoffCounts
from engagement_ml.metric import EngagementMetric
from engagement_ml.progress import Progress
from engagement_ml.tables.quality import TableQuality
from engagement_ml.windows import DAY, Windows, plan_windows
from engagement_ml.workflow.metric_builder import score_function
from engagement_ml.workflow.observation_panels import panel_with_window
from engagement_ml.workflow.sampling import draw_training_sample, sample_detail

if TYPE_CHECKING:
    from engagement_ml.features import Panel

_SEGMENT = "segment__"
Counts = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Version:
    """A version of the metric, with the first day that it was not fitted on."""

    metric: EngagementMetric
    fit_until: dt.date


@dataclass(frozen=True)
class VersionData:
    """What was measured of a version on the tables.

    Attributes
    ----------
    measured : dict
        As ``compare_versions`` returns it; empty if no cutoff could be measured.
    unseen : bool or None
        Whether no version was fitted on the outcomes; None if nothing was measured.
    customers : int or None
    quality : tuple of TableQuality
    cutoffs : tuple of date
        The cutoffs that were measured.
    counts : tuple of CutoffCounts
        For the backcast; empty without a champion.
    notes : tuple of str
    """

    measured: dict[str, Any]
    unseen: bool | None
    customers: int | None
    quality: tuple[TableQuality, ...]
    cutoffs: tuple[dt.date, ...]
    counts: tuple[CutoffCounts, ...]
    notes: tuple[str, ...]


def measure_version(
    new: Version,
    champion: Version | None,
    config: PipelineConfig,
    frames: Mapping[str, Any] | None,
    vanity: Sequence[str],
    progress: Progress,
) -> VersionData:
    """Read the tables and measure a version and the champion on the same customers.

    The windows are those of the version. The champion is counted in its own observation window,
    and a cutoff is used only if the history covers both windows.

    Raises
    ------
    EngagementError
        If the tables cannot be used; see ``read_tables`` and ``plan_windows``.
    """
    from engagement_ml.evaluation.version_comparison import compare_versions
    from engagement_ml.features.behaviours import FAMILY

    config = _config_for(config, new.metric, champion)
    progress.start("Reading tables")
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, on_part=progress.update)
        quality, notes = tables.quality, [*tables.notes]
        windows = _covered(plan_windows(tables.history, config.windows), new, champion)
        notes += _absent(tables, new.metric, champion)
        tables, sample = draw_training_sample(tables, config, windows, progress)
        progress.start("Counting events", sample_detail(sample, config.entity))
        panel = _panel(tables, config, windows)
        counts = {"metric": _counts(panel, new.metric)}
        if champion is not None:
            days = champion.metric.observation_days
            own = (
                panel
                if days == windows.observation_days
                else panel_with_window(tables, config, windows, days, (FAMILY,))
            )
            counts["champion"] = _counts(own, champion.metric)
    measured: dict[str, Any] = {}
    if windows.test:
        progress.start("Comparing versions")
        longest = _longest(new, champion)
        measured = compare_versions(
            panel,
            {
                name: _scores(version.metric, counts[name])
                for name, version in (("metric", new), ("champion", champion))
                if version is not None
            },
            vanity=[name for name in vanity if name in panel.behaviours],
            windows=replace(windows, observation_days=longest),
            fit_until=_fit_until(new, champion),
            seed=config.random_seed,
        )
        notes += measured["notes"]
    return VersionData(
        measured=measured,
        unseen=_unseen(windows, new, champion),
        customers=measured.get("n_entities"),
        quality=quality,
        cutoffs=windows.test,
        counts=tuple(_at_cutoffs(panel, windows, counts)) if champion is not None else (),
        notes=tuple(notes),
    )


def _config_for(
    config: PipelineConfig, metric: EngagementMetric, champion: Version | None
) -> PipelineConfig:
    """Return the configuration with the metric's windows, in which all behaviours are counted."""
    lengths = ("observation_days", "outcome_days", "gap_days")
    windows = config.windows.model_copy(update={key: getattr(metric, key) for key in lengths})
    metrics = [metric, *([champion.metric] if champion is not None else [])]
    names = dict.fromkeys(each.behaviour for m in metrics for each in m.behaviours)
    # What today's configuration leaves out must be counted for a metric that has it.
    ignored = [name for name in names if config.behaviour(name).role == "ignore"]
    counted = {
        name: config.behaviours.get(name, BehaviourConfig()).model_copy(
            update={"role": "confounder"}
        )
        for name in ignored
    }
    update: dict[str, Any] = {
        "windows": windows,
        "behaviours": {**config.behaviours, **counted},
    }
    if (keep := config.event_types.keep) is not None:
        kept = tuple(dict.fromkeys((*keep, *names)))
        update["event_types"] = config.event_types.model_copy(update={"keep": kept})
    return config.model_copy(update=update)


def _longest(new: Version, champion: Version | None) -> int:
    days = new.metric.observation_days
    return days if champion is None else max(days, champion.metric.observation_days)


def _fit_until(new: Version, champion: Version | None) -> dt.date:
    return new.fit_until if champion is None else max(new.fit_until, champion.fit_until)


def _covered(windows: Windows, new: Version, champion: Version | None) -> Windows:
    """Return the windows at whose cutoffs the history covers both observation windows.

    If some test cutoffs have outcomes that neither version was fitted on, only these are kept.
    """
    first = windows.history.start + _longest(new, champion) * DAY
    train, test = (
        tuple(cutoff for cutoff in part if cutoff >= first)
        for part in (windows.train, windows.test)
    )
    until = _fit_until(new, champion)
    unseen = tuple(cutoff for cutoff in test if windows.outcome(cutoff).start >= until)
    if not train and not test:
        raise NotEnoughDataError(
            f"the history from {windows.history.start} has no cutoff whose observation windows of "
            f"both versions, at most {_longest(new, champion)} days, it covers; give a longer one"
        )
    return replace(windows, train=train, test=unseen or test)


def _unseen(windows: Windows, new: Version, champion: Version | None) -> bool | None:
    if not windows.test:
        return None
    until = _fit_until(new, champion)
    return all(windows.outcome(cutoff).start >= until for cutoff in windows.test)


def _absent(tables: Tables, metric: EngagementMetric, champion: Version | None) -> list[str]:
    """Return notes on behaviours of which the events have none."""
    notes = []
    named = {"this version": metric}
    if champion is not None:
        named["the champion"] = champion.metric
    for who, each in named.items():
        absent = [b.behaviour for b in each.behaviours if b.behaviour not in tables.behaviours]
        if absent:
            notes.append(f"the events have no {listed(absent)}, of {who}: it counts as no events")
    return notes


def _panel(tables: Tables, config: PipelineConfig, windows: Windows) -> Panel:
    from engagement_ml.features import behaviours, build_panel, rfm

    families = (behaviours.FAMILY, rfm.FAMILY)
    return build_panel(tables, config, windows, families=families)


def _counts(panel: Panel, metric: EngagementMetric) -> dict[str, FloatArray]:
    """Return the metric's counts in the panel's rows; 0 for a behaviour without events."""
    from engagement_ml.evaluation.baselines import counts_of

    nothing = np.zeros(len(panel.frame))
    return {
        each.behaviour: counts_of(panel, each.behaviour)
        if each.behaviour in panel.behaviours
        else nothing
        for each in metric.behaviours
    }


def _scores(metric: EngagementMetric, counts: Counts) -> FloatArray:
    import pandas as pd

    score = score_function(metric)
    assert score is not None
    return score(pd.DataFrame(dict(counts)))


def _at_cutoffs(panel: Panel, windows: Windows, counts: Mapping[str, Counts]) -> list[CutoffCounts]:
    """Return the counts at the measured cutoffs, or else at the last one."""
    found = []
    cutoffs = panel.frame["cutoff"].dt.date.to_numpy()
    for cutoff in windows.test or windows.cutoffs[-1:]:
        rows = np.flatnonzero(cutoffs == cutoff)
        at = panel.frame.iloc[rows]
        found.append(
            CutoffCounts(
                cutoff=cutoff,
                customers=at["customer_id"].to_numpy(),
                before={name: values[rows] for name, values in counts["champion"].items()},
                after={name: values[rows] for name, values in counts["metric"].items()},
                segments={
                    name.removeprefix(_SEGMENT): at[name].to_numpy(dtype=object)
                    for name in panel.segments
                },
            )
        )
    return [each for each in found if len(each.customers)]
