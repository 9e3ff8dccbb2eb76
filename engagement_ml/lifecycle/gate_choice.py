"""Checks of the gate on the choice of behaviours, its robustness, and its approval."""

from __future__ import annotations

from engagement_ml.config.gate import ANY, GateConfig
from engagement_ml.formatting import listed, percent, plural, quantity
from engagement_ml.lifecycle.facts import GateFacts
from engagement_ml.lifecycle.gate_check import GateCheck, not_measured

STABILITY = ("stability", "selection and weights on separate halves")
"""Checks that belong to the stability of the choice."""
PLACEBOS = (
    "placebo behaviours", "shifted behaviours", "placebo outcome", "negative controls",
    "counts of long before",
)  # fmt: skip
"""Checks of what cannot act."""
_TESTS = PLACEBOS[:3]
"""Those whose result is unknown only if a fit did not converge."""
_STRENGTH = {"driver": 2, "indicator": 1}


def evidence(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that an indicator does not replace drivers."""
    if not config.keep_evidence or facts.champion is None:
        return None
    new, old = (_STRENGTH.get(each, 0) for each in (facts.evidence, facts.champion.evidence))
    passed = new >= old
    theirs = _words(facts.champion.evidence)
    sentence = f"its evidence is {_words(facts.evidence)}, the champion's is {theirs}"
    return GateCheck("keep_evidence", f"{theirs} or more", _words(facts.evidence), passed, sentence)


def stable(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that resampled customers lead to the same choice."""
    least = config.min_selection_frequency
    if least is None:
        return None
    name, wanted = "min_selection_frequency", f"at least {percent(least)}, and its checks passed"
    if facts.tested:
        return GateCheck(name, wanted, "tested", True, "randomised tests settle its behaviours")
    share = facts.selection_frequency
    stability = facts.checks.get(STABILITY[0])
    if share is None or (stability is None and STABILITY[0] not in config.allow_failed):
        return not_measured(name, wanted, "the stability of the choice")
    failed = [check for check in STABILITY if facts.checks.get(check) is False]
    failed = [check for check in failed if check not in config.allow_failed]
    passed = share >= least and not failed
    found = percent(share) + (f", failed: {listed(failed)}" if failed else "")
    who = plural(facts.entity)
    sentence = (
        f"resampled {who} lead to each chosen behaviour in at least {percent(share)} of cases"
    )
    if share < least:
        sentence += f", less than {percent(least)}"
    if failed:
        sentence += f", and the choice is unstable (failed: {listed(failed)})"
    return GateCheck(name, wanted, found, passed, sentence)


def placebos(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that behaviours which cannot act show no effect."""
    # An indicator claims no effect, and a randomised test needs no placebo.
    if not config.placebos or facts.evidence != "driver" or facts.tested:
        return None
    results = {name: facts.checks[name] for name in PLACEBOS if name in facts.checks}
    failed = [name for name, passed in results.items() if passed is False]
    failed = [name for name in failed if name not in config.allow_failed]
    if not any(passed is not None for passed in results.values()):
        return not_measured("placebos", "passed", "placebos")
    unknown = [name for name, passed in results.items() if passed is None and name in _TESTS]
    if unknown:
        return not_measured("placebos", "passed", listed(unknown))
    found = f"failed: {listed(failed)}" if failed else f"passed: {listed(results)}"
    sentence = f"placebos show an effect ({found})" if failed else "placebos show no effect"
    return GateCheck("placebos", "passed", found, not failed, sentence)


def robustness(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check that no other robustness check failed."""
    others = {
        name: passed
        for name, passed in facts.checks.items()
        if name not in (*STABILITY, *PLACEBOS, *config.allow_failed)
    }
    failed = [name for name, passed in others.items() if passed is False]
    n_passed = sum(passed is True for passed in others.values())
    found = f"failed: {listed(failed)}" if failed else f"{quantity(n_passed, 'check')} passed"
    sentence = f"robustness checks failed: {listed(failed)}" if failed else found
    return GateCheck("robustness_checks", "none failed", found, not failed, sentence)


def tags(facts: GateFacts, config: GateConfig) -> GateCheck | None:
    """Check the tags of the version in the registry."""
    if not config.require_tag:
        return None
    lacking = {
        tag: value
        for tag, value in config.require_tag.items()
        if not (facts.tags.get(tag) or "").strip() or value not in (ANY, facts.tags.get(tag))
    }
    wanted = listed(_tag(tag, value) for tag, value in config.require_tag.items())
    present = [f"{tag}: {facts.tags[tag]}" for tag in config.require_tag if facts.tags.get(tag)]
    found = listed(present) or "no such tag"
    missing = listed(_tag(tag, value) for tag, value in lacking.items())
    sentence = f"the version lacks the tag {missing}" if lacking else f"it has the tag {found}"
    return GateCheck("require_tag", wanted, found, not lacking, sentence)


def _tag(tag: str, value: str) -> str:
    return f"{tag} (any value)" if value == ANY else f"{tag}: {value}"


def _words(evidence: str) -> str:
    return evidence.replace("_", " ")
