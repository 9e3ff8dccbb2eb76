"""The gate: may a version of the metric become the champion? A pure decision on facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from engagement_ml.config.gate import GateConfig
from engagement_ml.lifecycle import gate_choice, gate_measured
from engagement_ml.lifecycle.facts import GateFacts
from engagement_ml.lifecycle.gate_check import GateCheck

_CHECKS: tuple[Callable[[GateFacts, GateConfig], GateCheck | None], ...] = (
    gate_measured.out_of_time,
    gate_measured.customers,
    gate_measured.dropped_rows,
    gate_measured.correlation,
    gate_measured.vanity,
    gate_measured.purchases,
    gate_measured.between,
    gate_measured.within,
    gate_choice.evidence,
    gate_choice.stable,
    gate_choice.placebos,
    gate_choice.robustness,
    gate_measured.moved,
    gate_choice.tags,
)


@dataclass(frozen=True)
class Decision:
    """The gate's decision.

    Attributes
    ----------
    checks : tuple of GateCheck
        Those that were asked for.
    """

    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[GateCheck, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def reason(self) -> str | None:
        """Why the version may not become champion, in one line; None if it may."""
        return "; ".join(check.sentence for check in self.failed) or None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def decide(facts: GateFacts, config: GateConfig | None = None) -> Decision:
    """Decide whether a version may become the champion.

    Every check that the configuration asks for must pass. What was not measured has failed, so
    that missing numbers let nothing through, and better numbers never fail a check that worse ones
    pass.

    Parameters
    ----------
    facts : GateFacts
    config : GateConfig, optional
        By default its defaults.

    Returns
    -------
    Decision

    Examples
    --------
    >>> from engagement_ml.lifecycle.facts import GateFacts
    >>> decision = decide(GateFacts(evidence="driver", customers=120))
    >>> decision.passed, decision.checks[1].sentence
    (False, 'only 120 customers were measured, 500 are asked for')
    """
    settings = config or GateConfig()
    found = (check(facts, settings) for check in _CHECKS)
    return Decision(tuple(each for each in found if each is not None))
