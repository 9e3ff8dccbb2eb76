"""What a score has to do with margin: evidence, verdict and sentence of each of its forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.lag_model import estimation_sample
from engagement_ml.drivers.selection.cross_section import clipped, rank_correlation
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.features.period_panel import Periods
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.covariates import most_frequent
from engagement_ml.scorecard.surveys.effect import (
    MIN_REACH,
    estimate_effect,
    restrict,
)
from engagement_ml.scorecard.surveys.finding import (
    Between,
    Rule,
    ScoreFinding,
    ScoreVerdict,
    judge,
    passes,
)
from engagement_ml.scorecard.surveys.reverse import (
    ScoreResponse,
    behaviours_before,
    response_to_purchases,
)

RECENT = 4
"""Weeks of behaviours that are held constant in the check of an effect."""
MAX_BEHAVIOURS = 12
"""Behaviours that are held constant, the most frequent ones."""
BIASED: tuple[Rule, ...] = (
    "no behaviours",
    "behaviours before",
    "behaviours explain",
    "before as after",
    "churn left out",
)
"""Reasons that more answers would not remove."""


@dataclass(frozen=True)
class Form:
    """A form of the score: a value of each answer.

    Attributes
    ----------
    name : {"last", "change", "promoter", "detractor"}
    raw : float array (m,)
        Its value across customers.
    centred : float array (m,)
        Its value within customers.
    valid : bool array (m,)
        Answers that have a value.
    """

    name: str
    raw: FloatArray
    centred: FloatArray
    valid: BoolArray


@dataclass(frozen=True)
class ScoreEvidence:
    """One form of a score: evidence, verdict, and how many more people would tell.

    `more_people` is None if the verdict is certain, or if more answers would not tell.
    """

    finding: ScoreFinding
    verdict: ScoreVerdict
    more_people: int | None


def forms_of(answers: Answers) -> tuple[Form, ...]:
    """Return the forms of a score; promoters and detractors only on 0 to 10."""
    every = np.ones(answers.n, dtype=bool)
    forms = [
        Form("last", answers.score, answers.centred(answers.score), every),
        Form("change", answers.change, answers.change, answers.has_previous),
    ]
    if answers.scale == "0-10":
        for name, marked in (("promoter", answers.is_high), ("detractor", answers.is_low)):
            value = marked.astype(np.float64)
            forms.append(Form(name, value, answers.centred(value), every))
    return tuple(forms)


def score_evidence(
    periods: Periods,
    answers: Answers,
    *,
    outcome: int,
    smallest_share: float,
    controls: tuple[str, ...] = (),
    without_churn: bool = False,
    thresholds: Thresholds = THRESHOLDS,
) -> tuple[ScoreEvidence, ...]:
    """Return evidence and verdict of each form of a survey's score.

    Parameters
    ----------
    periods : Periods
    answers : Answers
    outcome : int
        Periods of an outcome window.
    smallest_share : float
        Smallest effect of interest, as a share of mean margin, for one standard deviation.
    controls : tuple of str
        Behaviours that a driver must do more than.
    without_churn : bool, default False
        Whether margin ends with an event, after which customers are not in the panel.
    thresholds : Thresholds
    """
    cells = estimation_sample(periods, 0)
    net = (periods.gain - periods.loss)[cells]
    smallest = smallest_share * abs(float(net.mean())) * outcome if net.size else 0.0
    pool = np.flatnonzero(answers.counts(len(periods.entities)) >= 2)
    if len(pool) == 0:
        response = ScoreResponse(thresholds=thresholds)
    else:
        response = response_to_purchases(periods, answers, thresholds)
    checks = _Checks(periods, answers, outcome, controls, thresholds)
    found: list[ScoreEvidence] = []
    for form in forms_of(answers):
        between = between_customers(periods, answers, form, outcome)
        finding = ScoreFinding(
            form.name, None, between, response, smallest, without_churn=without_churn
        )
        if len(pool):
            effect = estimate_effect(
                periods,
                answers,
                form.centred,
                form.valid,
                outcome=outcome,
                thresholds=thresholds,
            )
            pretrend = found[0].finding.effect if form.name == "change" else None
            finding = replace(finding, effect=effect, pretrend=pretrend)
            if passes(finding, thresholds):
                finding = checks.of(finding, form)
        verdict = judge(finding, thresholds)
        found.append(ScoreEvidence(finding, verdict, _more_people(finding, verdict)))
    return tuple(found)


def between_customers(periods: Periods, answers: Answers, form: Form, outcome: int) -> Between:
    """Compare customers: mean margin of the outcome windows after answers, by mean value."""
    n_weeks = periods.gain.shape[1]
    whole = form.valid & (answers.week + outcome < periods.exit[answers.customer])
    whole &= answers.week + outcome < n_weeks
    value, customer, week = form.raw[whole], answers.customer[whole], answers.week[whole]
    std = float(form.raw[form.valid].std()) if form.valid.any() else 0.0
    if value.size == 0:
        return Between(0.0, 0.0, 0.0, std, 0)
    total = np.zeros((len(periods.entities), n_weeks + 1))
    np.cumsum(periods.gain - periods.loss, axis=1, out=total[:, 1:])
    later = total[customer, week + 1 + outcome] - total[customer, week + 1]
    people, place = np.unique(customer, return_inverse=True)
    size = np.bincount(place)
    score, margin = np.bincount(place, value) / size, np.bincount(place, clipped(later)) / size
    rho, variance = rank_correlation(score, margin), float(score.var())
    slope = float(np.mean((score - score.mean()) * margin)) / variance if variance > 0 else 0.0
    return Between(rho, rho * math.sqrt(len(people) - 1), slope, std, len(people))


@dataclass(frozen=True)
class _Checks:
    """What the recorded behaviours say against an effect, asked only where one is found."""

    periods: Periods
    answers: Answers
    outcome: int
    behaviours: tuple[str, ...]
    thresholds: Thresholds

    @cached_property
    def chosen(self) -> tuple[str, ...]:
        """The behaviours that are held constant."""
        return most_frequent(self.periods, self.behaviours, MAX_BEHAVIOURS)

    @cached_property
    def panel(self) -> tuple[Periods, Answers, BoolArray]:
        """Panel and answers of the customers with two answers, and which answers these are."""
        pool = np.flatnonzero(self.answers.counts(len(self.periods.entities)) >= 2)
        return restrict(self.periods, self.answers, pool)

    @cached_property
    def before(self) -> dict[str, float]:
        """Behaviours that differ before an answer, with the score; the same for all its forms."""
        periods, answers, _ = self.panel
        return behaviours_before(periods, answers, self.chosen, max(self.outcome, MIN_REACH))

    @cached_property
    def controls(self) -> Float32Array:
        """The behaviours of the last weeks, as regressors, shape (n, T, B)."""
        periods = self.panel[0]
        columns = [periods.behaviours.index(b) for b in self.chosen]
        counts = np.log1p(periods.counts[..., columns])
        return lagged_sums(counts, ((1, RECENT),), periods.entry)[..., 0]

    def of(self, finding: ScoreFinding, form: Form) -> ScoreFinding:
        """Add what the behaviours say to a finding."""
        assert finding.effect is not None
        if not self.chosen:
            return finding
        finding = replace(finding, n_behaviours=len(self.chosen))
        if self.before:
            return replace(finding, before=self.before)
        periods, answers, kept = self.panel
        held = estimate_effect(
            periods,
            answers,
            form.centred[kept],
            form.valid[kept],
            outcome=self.outcome,
            controls=self.controls,
            thresholds=self.thresholds,
        )
        return replace(finding, left=held.z if held.converged else None)


def _more_people(finding: ScoreFinding, verdict: ScoreVerdict) -> int | None:
    """Return how many more people with two answers would narrow the interval enough.

    Enough is half a width of the smallest effect of interest, for one standard deviation.
    """
    effect = finding.effect
    if verdict.verdict != "unverifiable" or verdict.rule in BIASED:
        return None
    people = 0 if effect is None else effect.people
    fewest = THRESHOLDS.min_buyers - people if verdict.rule == "few answers" else 0
    if effect is None or not effect.converged or finding.smallest <= 0 or people < 2:
        return fewest or None
    half = Z * effect.error * finding.between.std
    needed = math.ceil(people * (half / finding.smallest) ** 2) - people
    return max(needed, fewest, 1)


def as_mapping(evidence: ScoreEvidence, sentence: str, adds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence as the card holds it; what is no evidence has no effect."""
    finding, verdict = evidence.finding, evidence.verdict
    effect = finding.effect
    shown = effect is not None and effect.converged and verdict.rule != "few answers"
    low, high = effect.interval if effect is not None and shown else (None, None)
    return {
        "form": finding.form,
        "verdict": verdict.verdict,
        "effect": effect.effect if effect is not None and shown else None,
        "low": low,
        "high": high,
        "z": effect.z if effect is not None and shown else None,
        "people": 0 if effect is None else effect.people,
        "reason": sentence,
        "more_answers": evidence.more_people,
        "between": {"spearman": finding.between.spearman, "people": finding.between.people},
        "adds": dict(adds),
    }
