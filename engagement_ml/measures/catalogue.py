"""The catalogue: all measures, by name."""

from __future__ import annotations

from engagement_ml.config import MeasureConfig, PipelineConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.measures.definition import MeasureDefinition
from engagement_ml.measures.families import (
    activity,
    audience,
    behaviours,
    care,
    conversion,
    counts,
    durations,
    feature_use,
    loop,
    loyalty,
    messages,
    purchases,
    score,
    sessions,
    surveys,
    value,
)

MEASURES: tuple[MeasureDefinition, ...] = (
    *purchases.FAMILY,
    *loyalty.FAMILY,
    *value.FAMILY,
    *score.FAMILY,
    *conversion.FAMILY,
    *messages.FAMILY,
    *counts.FAMILY,
    *sessions.FAMILY,
    *activity.FAMILY,
    *feature_use.FAMILY,
    *durations.FAMILY,
    *audience.FAMILY,
    *care.FAMILY,
    *surveys.FAMILY,
    *loop.FAMILY,
    *behaviours.FAMILY,
)
"""Order of the scorecard."""
_EVERYWHERE = frozenset(
    {"kind", "title", "stage", "owner", "unit", "better", "target", "warning", "target_source"}
)


def _how_to_count(name: str) -> str:
    return f"to count events of that type, give 'kind: events' and 'event: {name}'; "


def definitions(
    config: PipelineConfig, catalogue: tuple[MeasureDefinition, ...] = MEASURES
) -> dict[str, tuple[MeasureDefinition, MeasureConfig]]:
    """Return the definition and the settings of each measure, built-in ones first.

    Raises
    ------
    ConfigError
        If a measure, or a key of one, is not known.
    """
    known = {each.name: each for each in catalogue}
    chosen = {
        name: (each, each.settings(config.measures.get(name))) for name, each in known.items()
    }
    for name, given in config.measures.items():
        kind = given.kind or name
        if kind not in known:
            key = f"measures.{name}" + (".kind" if given.kind else "")
            raise ConfigError(
                f"key '{key}': '{kind}' is no measure{nearest(kind, known)}; "
                + ("the kinds are " if given.kind else _how_to_count(name) + "the other kinds are ")
                + ", ".join(sorted(known))
            )
        definition = known[kind]
        for key in given.model_fields_set - _EVERYWHERE - set(definition.keys):
            raise ConfigError(
                f"key 'measures.{name}.{key}': the measure '{kind}' does not read it; it reads "
                f"{', '.join(sorted(definition.keys)) or 'only title, stage, owner and target'}"
            )
        chosen[name] = (definition, definition.settings(given))
    return chosen
