"""Registry of feature families: the order of `FAMILIES` is the order of the panel's columns."""

from __future__ import annotations

from collections.abc import Sequence

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.features import behaviours, ratios, rfm, sessions
from engagement_ml.features.family import FeatureFamily
from engagement_ml.inputs import Tables

FAMILIES: tuple[FeatureFamily, ...] = (
    behaviours.FAMILY,
    sessions.FAMILY,
    ratios.FAMILY,
    rfm.FAMILY,
)


def enabled_families(
    families: Sequence[FeatureFamily], tables: Tables, config: PipelineConfig
) -> tuple[FeatureFamily, ...]:
    """Return the families that the configuration asks for.

    Raises
    ------
    InputError
        If an event type has the name of a family's prefix, so that columns would collide.
    ValueError
        If two features have the same column.
    """
    enabled = tuple(family for family in families if family.enabled(config))
    columns: set[str] = set()
    for family in enabled:
        for feature in family.features_for(config):
            name = family.column(feature)
            if name in columns:
                raise ValueError(
                    f"two feature families define '{name}'; rename one of the features"
                )
            columns.add(name)
    prefixes = {family.prefix.lower() for family in enabled if not family.by_behaviour}
    for behaviour in tables.behaviours:
        if behaviour.lower() in prefixes:
            raise InputError(
                f"events: event type '{behaviour}' is the prefix of a feature family; rename the "
                "event type"
            )
    return enabled
