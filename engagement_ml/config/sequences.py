"""What a sequence of two event types is as a behaviour, and which sequences can be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engagement_ml.column_names import fold
from engagement_ml.config.outcomes import SequenceConfig
from engagement_ml.config.sections import BehaviourConfig


def behaviour_of_sequence(
    sequence: SequenceConfig, behaviour: Callable[[str], BehaviourConfig]
) -> BehaviourConfig:
    """Return the settings of a sequence that has none of its own under ``behaviours``.

    Its label is made of its members'. If a member is a consequence of purchases, so is it. It costs
    nothing to serve: its members' costs are counted with them.
    """
    first, then = behaviour(sequence.first), behaviour(sequence.then)
    label = sequence.label
    if label is None and (first.label or then.label):
        label = f"{first.label or sequence.first}, then {then.label or sequence.then}"
    consequence = "consequence" in (first.role, then.role)
    return BehaviourConfig(label=label, role="consequence" if consequence else "behaviour")


def check_sequences(
    sequences: Sequence[SequenceConfig],
    churn_event: str | None,
    behaviour: Callable[[str], BehaviourConfig],
) -> None:
    """Refuse sequences that occur twice, and members that are no behaviours.

    Raises
    ------
    ValueError
    """
    seen: dict[str, int] = {}
    for place, sequence in enumerate(sequences):
        other = seen.setdefault(fold(sequence.name), place)
        if other != place:
            raise ValueError(
                f"key 'sequences.{place}': '{sequence.name}' is sequences.{other} as well; keep one"
            )
        for key, name in (("first", sequence.first), ("then", sequence.then)):
            if name == churn_event:
                raise ValueError(
                    f"key 'sequences.{place}.{key}': '{name}' is the churn event, not a behaviour"
                )
            if behaviour(name).role == "ignore":
                raise ValueError(
                    f"key 'sequences.{place}.{key}': '{name}' has 'role: ignore'; remove that "
                    "role, as a sequence is judged beside its members"
                )
    names = {fold(name): name for name in (each.name for each in sequences)}
    for place, sequence in enumerate(sequences):
        for key, name in (("first", sequence.first), ("then", sequence.then)):
            if fold(name) in names:
                raise ValueError(
                    f"key 'sequences.{place}.{key}': '{name}' is a sequence; give an event type"
                )
