"""The customer journey: its stages, their measures, and the loop that they form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engagement_ml.config import PipelineConfig
from engagement_ml.config.scorecard import StageConfig
from engagement_ml.errors import ConfigError, nearest
from engagement_ml.formatting import first_upper
from engagement_ml.scorecard.card import MeasureCard, StageCard, Value

DEFAULT: Mapping[str, tuple[str, ...]] = {
    "awareness": (
        "open_rate", "click_rate", "click_to_open", "influence", "influence_raw", "bounce_rate",
        "subscriber_growth", "referred_newcomers",
    ),
    "consideration": (
        "session_minutes", "pages_per_session", "conversion", "watch_minutes", "watch_completion",
    ),
    "onboarding": ("booking_rate", "response_hours", "response_within"),
    "purchase": (
        "cart_abandonment", "checkout_minutes", "checkout_within", "purchase_frequency",
        "average_order_value", "margin_per_customer",
    ),
    "usage": (
        "dau", "wau", "mau", "stickiness", "adoption", "adoption_breadth", "login_frequency",
        "review_hours", "review_within", "appointment_adherence", "medication_adherence",
        "medication_adherent",
    ),
    "service": ("complaints", "csat", "csat_mean", "ces", "esat", "response_rate"),
    "retention": (
        "retention", "churn_rate", "repeat_purchase", "repeat_service", "clv", "clv_predicted",
        "engaged_buying", "engagement_score",
    ),
    "advocacy": ("nps", "share_rate", "mentions", "referral_rate",
                 "referral_conversion"),
}  # fmt: skip
"""Stages and built-in measures, if the configuration has no journey."""


def stages_of(
    config: PipelineConfig, kinds: Mapping[str, str], events: Mapping[str, str]
) -> dict[str, str]:
    """Return the stage of each measure that has one.

    The first of these counts: ``stage`` of the measure, the stage that lists it, the stage of the
    behaviour that it counts, the built-in stage of its kind if the journey has that stage.

    Parameters
    ----------
    config : PipelineConfig
    kinds : mapping of measure to str
        Name of the built-in measure that each is computed as.
    events : mapping of measure to event type
        Of measures that count one behaviour.

    Raises
    ------
    ConfigError
        If a stage lists a measure that is not known.
    """
    listed = {}
    for stage, settings in config.journey.items():
        for name in settings.measures:
            if name not in kinds:
                raise ConfigError(
                    f"key 'journey.{stage}.measures': '{name}' is no measure"
                    f"{nearest(name, kinds)}; give it under 'measures' with its 'kind'"
                )
            listed[name] = stage
    built_in = {m: s for s, ms in DEFAULT.items() for m in ms if _in_journey(config, s)}
    found = {}
    for name, kind in kinds.items():
        settings_of = config.measures.get(name)
        given = settings_of.stage if settings_of is not None else None
        of_event = config.behaviour(events[name]).stage if name in events else None
        if not _in_journey(config, of_event):
            of_event = None
        chosen = given or listed.get(name) or of_event or built_in.get(kind)
        if chosen is not None:
            found[name] = chosen
    return found


def _in_journey(config: PipelineConfig, stage: str | None) -> bool:
    return stage is not None and (not config.journey or stage in config.journey)


def journey_of(config: PipelineConfig, used: Iterable[str]) -> dict[str, StageConfig]:
    """Return the stages in their order: those configured, else the default ones that are used.

    Stages of behaviours that the default journey lacks come last.
    """
    if config.journey:
        return dict(config.journey)
    present = list(dict.fromkeys(used))
    known = [stage for stage in DEFAULT if stage in present]
    return {stage: StageConfig() for stage in [*known, *(s for s in present if s not in DEFAULT)]}


def stage_cards(
    journey: Mapping[str, StageConfig], measures: Sequence[MeasureCard]
) -> tuple[StageCard, ...]:
    """Return the stages with their measures, and the row of each in stage × touchpoint.

    A stage leads to the next one, and the last to the first: what advocates do brings newcomers.
    """
    names = list(journey)
    cards = []
    for place, (name, settings) in enumerate(journey.items()):
        inside = [m for m in measures if m.stage == name and m.absent is None]
        follows = settings.leads_to or (names[(place + 1) % len(names)] if len(names) > 1 else None)
        matrix: dict[str, Mapping[str, Value]] = {m.name: m.touchpoints for m in inside}
        cards.append(
            StageCard(
                name=name,
                title=settings.title or first_upper(name.replace("_", " ")),
                measures=tuple(m.name for m in measures if m.stage == name),
                warning_signs=(*settings.warning_signs, *_signs(inside)),
                owner=settings.owner,
                leads_to=follows,
                matrix={m: values for m, values in matrix.items() if values},
            )
        )
    return tuple(cards)


def _signs(measures: Sequence[MeasureCard]) -> list[str]:
    """Return the signs that are there now: missed targets, and trends in the worse direction."""
    signs = [f"{m.title}: the target is missed" for m in measures if m.status == "missed"]
    signs += [
        f"{m.title} goes {m.trend.direction}"
        for m in measures
        if m.trend.good is False and m.status != "missed"
    ]
    return signs
