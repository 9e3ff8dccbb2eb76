"""Sentences about the response to contacts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engagement_ml.contact.rates import per_week
from engagement_ml.contact.search import ContactResponse
from engagement_ml.drivers.estimation.turning import Turning
from engagement_ml.drivers.explanations import explain, failed_clause
from engagement_ml.drivers.finding import Rule
from engagement_ml.drivers.wording import Wording
from engagement_ml.formatting import count, decimals_for, listed, percent


def explain_contacts(response: ContactResponse) -> str:
    """Return the sentence behind the verdict on the number of contacts."""
    if response.turns:
        assert response.finding.turning is not None
        return _turns(response, response.finding.turning)
    if response.bends:
        unknown = "the interval of its optimum is wider than the counts observed"
        return (
            f"the response turns, but where is not known, as {unknown}; on average, "
            f"{_within(response)}; {response.settled_by}"
        )
    write = _SENTENCES.get(response.verdict.rule, _inconclusive)
    ends = "" if response.study.config.churn.kind == "no_transaction" else _ENDS
    return write(response) + ends


_ENDS = (
    "; churn is an event here, so this is the effect on it, and no optimum is looked for on the way"
)


def _turns(response: ContactResponse, turning: Turning) -> str:
    days, wording = response.study.config.windows.observation_days, _wording(response)
    low, high = count(turning.optimum_low), count(turning.optimum_high)
    text = (
        f"more contacts raise margin up to {count(turning.optimum)} in {days} days, about "
        f"{per_week(turning.optimum, days)} a week (95% interval {low} to {high}), and lower it "
        "beyond"
    )
    if turning.break_even is not None:
        text += f"; from {count(turning.break_even)} on, margin is lower than without any contact"
    return f"{text}; on average over {wording.entities} as they are, {_estimate(response)}"


def _wording(response: ContactResponse) -> Wording:
    return Wording.of(response.study)


def _estimate(response: ContactResponse) -> str:
    """Return what one more contact changes, with its interval."""
    finding, money = response.finding, _wording(response).money
    low, high = finding.bounds
    decimals = decimals_for(finding.effect, low, high)
    net = f", net of {money(response.cost)} for the contact" if response.cost > 0 else ""
    return (
        f"one more contact changes margin by {money(finding.effect, decimals)} over the next "
        f"{response.study.config.windows.outcome_days} days "
        f"({money.spread(low, high, decimals)}{net})"
    )


def _within(response: ContactResponse) -> str:
    entity = _wording(response).entity
    return f"when a {entity} gets more contacts than usual, {_estimate(response)}"


def _passed(response: ContactResponse) -> str:
    if response.verdict.verdict == "harmful":
        return f"contacts lower margin: {_within(response)}"
    text, curve = f"contacts raise margin: {_within(response)}", response.curve
    point = None if curve is None else curve.saturation_point
    if point is None:
        return f"{text}; within the counts observed, one more contact still pays"
    days = response.study.config.windows.observation_days
    amount = f"from {count(point)} in {days} days on, about {per_week(point, days)} a week"
    if response.cost > 0:
        return f"{text}; {amount}, one more earns less than it costs"
    return f"{text}; {amount}, one more earns less than a tenth of the first"


def _targeted(response: ContactResponse) -> str:
    after = response.finding.purchase_response
    wording = _wording(response)
    first, last = after.lag
    change = float(np.expm1(after.strength))
    span = wording.span(last) if first == last else f"{first} to {wording.span(last)}"
    return (
        f"{span} after buying more than usual, {wording.entities} get "
        f"{percent(abs(change))} {'more' if change > 0 else 'fewer'} contacts (per standard "
        f"deviation of purchases): purchases decide who is contacted, so the effect cannot be "
        f"separated from the choice; {response.settled_by}"
    )


def _hidden_cause(response: ContactResponse) -> str:
    factor = response.finding.factor
    label = response.study.config.label
    others = () if factor is None else factor.together_with[:3]
    return (
        f"contacts move together with {listed(label(b) for b in others)} within "
        f"{_wording(response).entities}, as a hidden cause would make them; once that is allowed "
        f"for, no effect is certain; {response.settled_by}"
    )


def _vetoed(response: ContactResponse) -> str:
    reasons = [veto.reason for veto in response.finding.vetoes]
    return "; ".join([_within(response), *reasons, response.settled_by])


def _inconclusive(response: ContactResponse) -> str:
    if response.finding.within is None:
        return _not_identified(response)
    case = (response.verdict, response.finding, _wording(response))
    if response.verdict.rule != "inconclusive":
        return explain(*case, response.settled_by, response.study.thresholds)
    clause = failed_clause(*case, response.study.thresholds)
    return f"{_within(response)}, which is not certain: {clause}; {response.settled_by}"


def _not_identified(response: ContactResponse) -> str:
    return f"no effect can be estimated: {response.settled_by}"


_SENTENCES: dict[Rule, Callable[[ContactResponse], str]] = {
    "passed": _passed,
    "targeted": _targeted,
    "follows purchases": _targeted,
    "hidden cause": _hidden_cause,
    "vetoed": _vetoed,
    "not identified": _not_identified,
    "not converged": lambda response: (
        f"the fit behind it did not converge, so it is no evidence; {response.settled_by}"
    ),
    "below smallest effect": lambda response: (
        f"the number of contacts makes no difference worth having: {_within(response)}"
    ),
    "correlated only": lambda response: (
        f"{_wording(response).entities} who get more contacts bring more margin, but contacts do "
        f"not move it: {_within(response)}"
    ),
    "unstable": lambda response: (
        f"unstable: {_within(response)}; it passes in only "
        f"{percent(response.finding.frequency)} of bootstrap samples; {response.settled_by}"
    ),
}
