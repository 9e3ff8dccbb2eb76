"""The search for drivers: from periods and panel to verdicts, weights and their evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers import narrate
from engagement_ml.drivers.estimates import (
    Estimates,
    ends_by_event,
    estimate_within,
    fitted_margin,
    level_ratio,
    nothing,
    obstacle_survival,
    obstacle_within,
)
from engagement_ml.drivers.estimation.lag_model import estimation_sample
from engagement_ml.drivers.estimation.spans import (
    Spans,
    payment_cycle_profile,
    spans_from_config,
    tenure_weighted_lags,
)
from engagement_ml.drivers.evidence import CheckRow, Choice, DriverEvidence
from engagement_ml.drivers.experiment_override import calibrate
from engagement_ml.drivers.findings import choose_again, finding_of, look_in_time
from engagement_ml.drivers.selection.cross_section import Association, associate
from engagement_ml.drivers.selection.indicators import (
    Indicators,
    choose_indicators,
    purchase_history,
)
from engagement_ml.drivers.selection.response_curves import Curve, choose_scale, make_curve
from engagement_ml.drivers.selection.sample_splitting import split_check
from engagement_ml.drivers.selection.shap_importance import across_shap, within_shap
from engagement_ml.drivers.selection.weights import weigh
from engagement_ml.drivers.selection.window_rows import WindowRows, window_rows
from engagement_ml.drivers.validation.suite import compare_segments, pair_up, run_checks
from engagement_ml.drivers.validation.unprofitable import unprofitable_engaged
from engagement_ml.drivers.verdicts import (
    LEAST_Z,
    Finding,
    Verdict,
    judge,
)
from engagement_ml.experiments import ExperimentResult
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.features.rfm import TENURE
from engagement_ml.windows import Windows


def find_drivers(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    *,
    experiments: Sequence[ExperimentResult] = (),
    on_step: Callable[[str], None] | None = None,
) -> DriverEvidence:
    """Find which behaviours move margin, choose among them by SHAP, and weigh the chosen.

    Parameters
    ----------
    periods : Periods
        Up to ``windows.fit_until``, in periods of ``period_days(config.windows)``.
    panel : Panel or None
        Its mean gain is the level that effects are reported at; without it, that of the periods.
    windows : Windows
    config : PipelineConfig
    experiments : sequence of ExperimentResult
        Randomised tests, which outrank what the periods say of the same behaviour.
    on_step : callable, optional
        Told what is being done.

    Returns
    -------
    DriverEvidence
        An abstention where nothing passes, with the reason.
    """
    tell = on_step or (lambda _: None)
    spans, seed = spans_from_config(config.windows), config.random_seed
    names = periods.behaviours
    rows = window_rows(periods, spans)
    seen = window_rows(periods, spans, with_outcome=False)
    associations = associate(rows, names, seen)
    ends = ends_by_event(config)
    obstacle = obstacle_survival(periods, spans) if ends else obstacle_within(periods, spans)
    tell("estimating effects within entities")
    level = level_ratio(periods, spans, panel)
    mean_margin = level * fitted_margin(periods, spans)
    lags = tenure_weighted_lags(
        spans,
        None if panel is None else panel.frame[TENURE].to_numpy(),
        None if windows is None else payment_cycle_profile(periods, spans, windows.cutoffs),
    )
    estimates = nothing()
    if obstacle is None:
        estimates = estimate_within(periods, spans, config, level, lags, panel)
    tell("attributing change of margin by SHAP")
    importance = dict(zip(names, within_shap(rows, seed=seed), strict=True))
    if not any(importance.values()):
        # Without a mature outcome window there is nothing for SHAP: the effects order the choice.
        importance = {
            b: abs(w.effect) * associations[b].spread for b, w in estimates.within.items()
        }
        importance = {**dict.fromkeys(names, 0.0), **importance}
    naive = dict(zip(names, across_shap(rows, seed=seed), strict=True))
    smallest = config.select.smallest_effect * abs(mean_margin)
    tell("choosing again in bootstraps")
    stability = choose_again(estimates, importance, config)
    findings = {
        b: finding_of(b, config, estimates, associations[b], smallest, stability) for b in names
    }

    lasting = look_in_time(periods, spans, config, estimates, findings)
    findings |= {b: replace(findings[b], ended=e.turn) for b, e in lasting.items() if e.ended}

    def verdict_of(finding: Finding) -> Verdict:
        advice = narrate.advice(finding, obstacle, rows, periods)
        return judge(finding, currency=config.currency, entity=config.entity, advice=advice)

    observed = {b: verdict_of(findings[b]) for b in names}
    tests = calibrate(experiments, findings, observed, config)
    findings, verdicts = tests.findings, tests.verdicts
    drivers = [
        b
        for b in sorted(names, key=lambda b: (-importance[b], b))
        if verdicts[b].verdict == "driver" and findings[b].role in ("behaviour", "mediator")
    ]
    selected = drivers[: config.select.at_most]
    stability = tests.stability(stability, selected, importance)
    tell("fitting response curves")
    shaped = tests.curves(_curves(spans, seen, verdicts, tests.bending(), estimates), seen, names)
    choices = weigh(
        selected,
        shaped,
        tests.draws(selected),
        {b: seen.counts[:, names.index(b)] for b in selected},
        {b: config.behaviour(b).cost_per_event for b in selected},
    )
    reason = None if choices else narrate.abstention(verdicts, obstacle)
    indicators = None
    if config.select.require == "indicator":
        tell("choosing indicators")
        indicators = _indicators(periods, spans, rows, config, names)
        choices, reason = indicators.choices, narrate.no_indicator(indicators)
        selected = [c.behaviour for c in choices]
        shaped = {**shaped, **indicators.curves}
    tell("placebos, segments and pairs")
    apart = _split(estimates, drivers, choices, importance, associations, config)
    table = narrate.Table(
        names=names,
        config=config,
        findings=findings,
        verdicts=verdicts,
        importance=importance,
        naive=naive,
        stability=stability,
        indicators=indicators,
        curves=shaped,
        selected=tuple(selected),
        rows=rows,
        seen=seen,
        cells=int(estimation_sample(periods, spans.burn_in).sum()),
    )
    return DriverEvidence(
        evidence=config.select.require,
        choices=choices,
        reason=reason if not choices else None,
        drivers=tests.rows(table.driver_rows()),
        naive=table.naive_ranking(),
        responses={} if indicators else table.response_curves(),
        checks=(() if indicators or set(selected) & set(tests.tested) else apart)
        + run_checks(
            periods,
            spans,
            tests.observed,
            [] if indicators else [b for b in selected if b not in tests.tested],
            stability,
            associations,
            tests.untested(lasting),
            seed,
            ends,
            indicators,
            config.entity,
        ),
        segments=()
        if ends
        else compare_segments(periods, spans, findings, tests.untested(verdicts)),
        pairs=()
        if ends
        else pair_up(periods, spans, associations, tests.untested(verdicts), importance, findings),
        unprofitable=unprofitable_engaged(
            rows, names, choices, shaped, {b: config.label(b) for b in names}
        ),
        experiments=tests.experiments(table.experiment_plan()),
        notes=(
            *narrate.notes(obstacle, drivers[config.select.at_most :], estimates.responses, config),
            *tests.notes([] if indicators else selected),
            *narrate.unstable_note(indicators),
        ),
    )


def _split(
    estimates: Estimates,
    drivers: Sequence[str],
    choices: Sequence[Choice],
    importance: dict[str, float],
    associations: Mapping[str, Association],
    config: PipelineConfig,
) -> tuple[CheckRow, ...]:
    known = () if estimates.main is None else estimates.main.behaviours
    if estimates.main is None or not choices or not {c.behaviour for c in choices} <= set(known):
        return ()
    return (
        split_check(
            estimates.main,
            drivers,
            choices,
            importance,
            {b: associations[b].spread for b in drivers},
            {b: config.behaviour(b).cost_per_event for b in drivers},
            at_most=config.select.at_most,
            least_z=LEAST_Z,
            seed=config.random_seed,
            entity=config.entity,
        ),
    )


def _curves(
    spans: Spans,
    rows: WindowRows,
    verdicts: Mapping[str, Verdict],
    findings: Mapping[str, Finding],
    estimates: Estimates,
) -> dict[str, Curve]:
    main, found = estimates.main, {}
    for i, b in enumerate(verdicts):
        within = findings[b].within
        if within is None or main is None or verdicts[b].verdict not in ("driver", "harmful"):
            continue
        scale = choose_scale(
            rows.counts[:, i], main.response_functions.get(b), main.lags, spans.observation
        )
        found[b] = make_curve(rows.counts[:, i], within.effect, scale)
    return found


def _indicators(
    periods: Periods,
    spans: Spans,
    rows: WindowRows,
    config: PipelineConfig,
    names: tuple[str, ...],
) -> Indicators:
    eligible = tuple(b for b in names if config.behaviour(b).role in ("behaviour", "mediator"))
    return choose_indicators(
        rows,
        purchase_history(periods, spans, rows),
        names,
        eligible,
        at_most=config.select.at_most,
        seed=config.random_seed,
    )
