"""One check of the gate: what was wanted, what was found, and the result as a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.formatting import number, percent
from engagement_ml.lifecycle.estimates import Estimate

NOT_MEASURED = "not measured"
TITLES = {
    "measured_out_of_time": "measured out of time",
    "min_customers": "enough customers",
    "max_dropped_share": "few rows dropped",
    "min_correlation": "margin follows it",
    "min_gain_on_vanity": "better than vanity",
    "min_gain_on_purchases": "better than past purchases",
    "max_loss_between": "not worse between",
    "max_loss_within": "not worse within",
    "keep_evidence": "evidence as strong",
    "min_selection_frequency": "choice is stable",
    "placebos": "placebos show nothing",
    "robustness_checks": "robustness checks",
    "max_moved_share": "few customers move",
    "require_tag": "approved by tag",
}
"""What people read for each check."""


@dataclass(frozen=True)
class GateCheck:
    """One check of the gate.

    Attributes
    ----------
    name : str
        A key of `GateConfig`, or ``measured_out_of_time``.
    wanted, found : str
        What was asked for and what is there, for people.
    passed : bool
    sentence : str
        The result in one sentence, without a full stop.
    """

    name: str
    wanted: str
    found: str
    passed: bool
    sentence: str

    @property
    def title(self) -> str:
        """What people read for the check."""
        return TITLES[self.name]


def above(name: str, what: str, estimate: Estimate | None, limit: float) -> GateCheck:
    """Return the check that the lower bound of an estimate exceeds a limit."""
    if estimate is None:
        return not_measured(name, wanted_above(limit), what)
    passed = estimate.low > limit
    sentence = f"{what} is {estimate}"
    if not passed:
        sentence += f", and its lower bound must be above {number(limit, 3)}"
    return GateCheck(name, wanted_above(limit), str(estimate), passed, sentence)


def wanted_above(limit: float) -> str:
    """Return what is wanted of a lower bound."""
    return f"lower bound above {number(limit, 3)}"


def not_measured(name: str, wanted: str, what: str) -> GateCheck:
    """Return the failed check of something that was not measured."""
    return GateCheck(name, wanted, NOT_MEASURED, False, f"{what}: {NOT_MEASURED}")


def shown_share(share: float) -> str:
    """Return a share in percent, with a decimal unless it is 0."""
    return percent(share, 0 if share == 0 else 1)
