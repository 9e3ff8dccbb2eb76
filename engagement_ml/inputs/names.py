"""Names of event types: which are behaviours, and checks against the configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import ConfigError, InputError, Report, nearest, stop
from engagement_ml.tables.schema import listed

RESERVED = frozenset({"customer_id", "cutoff", "part", "score", "history", "covariate", "segment"})
"""Names of columns and groups of columns in results; no event type may have them."""
SESSION, RATIO = "session", "ratio"
"""Groups of columns in results that are reserved if the configuration has such features."""


def behaviours_of(
    config: PipelineConfig, counts: Mapping[str, int], label: str, report: Report = stop
) -> tuple[str, ...]:
    """Return the sorted event types that are behaviours; their names become columns of results.

    Parameters
    ----------
    config : PipelineConfig
        Event types with ``role: ignore`` and the churn event are no behaviours.
    counts : mapping of str to int
        Usable events per event type.
    label : str
        Name of the events in messages.
    report : callable, optional
        Called with each problem; by default, the first is raised.

    Raises
    ------
    ConfigError
        If there is no behaviour, or a ratio has the name of one.
    InputError
        If an event type has a reserved name, or two differ only in case.
    """
    names = sorted(
        name
        for name in counts
        if name != config.churn.event_type and config.behaviour(name).role != "ignore"
    )
    if not names:
        report(
            ConfigError(
                f"key 'behaviours': {label} has no event type to train on: each has 'role: ignore' "
                f"or is the churn event ({listed(sorted(counts))})"
            )
        )
    reserved = set(RESERVED)
    if config.features.sessions is not None:
        reserved.add(SESSION)
    if config.features.ratios:
        reserved.add(RATIO)
    ratios = {ratio.name.lower(): i for i, ratio in enumerate(config.features.ratios)}
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in ratios:
            report(
                ConfigError(
                    f"key 'features.ratios.{ratios[name.lower()]}.name': '{name}' is an event type "
                    f"of {label}; give the ratio another name"
                )
            )
        if name.lower() in reserved:
            report(
                InputError(f"{label}: event type '{name}' is a reserved name of results; rename it")
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            report(differ_only_in_case(label, other, name))
    return tuple(names)


def differ_only_in_case(label: str, one: str, other: str) -> InputError:
    """Return the error about two event types that results could not tell apart."""
    return InputError(
        f"{label}: event types '{one}' and '{other}' differ only in case; write them the same way"
    )


def configured_event_types(config: PipelineConfig) -> list[tuple[str, str]]:
    """Return each (key, event type) that a configuration names."""
    named = [(f"behaviours.{name}", name) for name in config.behaviours]
    named += [
        (f"experiments.{i}.behaviour", test.behaviour) for i, test in enumerate(config.experiments)
    ]
    named += [
        (f"sequences.{i}.{key}", name)
        for i, sequence in enumerate(config.sequences)
        for key, name in (("first", sequence.first), ("then", sequence.then))
    ]
    named += config.features.named()
    if config.churn.event_type is not None:
        named.append(("churn.event_type", config.churn.event_type))
    if config.attribution is not None:
        named += config.attribution.named()
    return named


def check_configured_names(
    config: PipelineConfig,
    label: str,
    tables: Collection[str],
    counts: Mapping[str, int],
    report: Report = stop,
    lacking: Report | None = None,
) -> None:
    """Check that the data has every event type and table that the configuration names.

    Problems are given to `report`, which by default raises the first. If the events are a sample of
    rows, event types that it lacks are given to `lacking`.

    Raises
    ------
    ConfigError
        If an event type has no event, or segments are configured without a customers table.
    """
    for key, name in configured_event_types(config):
        if name not in counts:
            (lacking or report)(
                ConfigError(
                    f"key '{key}': {label} has no event of type '{name}'{nearest(name, counts)}; "
                    f"its event types are {listed(sorted(counts))}"
                )
            )
    if config.segments and "customers" not in tables:
        report(
            ConfigError(
                f"key 'segments': '{config.segments[0]}' is a column of the customers table, "
                "which is missing; give 'sources.customers'"
            )
        )
