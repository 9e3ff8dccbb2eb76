"""Placebo behaviours: series that cannot act must show no effect.

The estimates are run on series of similar customers, and on the customers' own series at another
time (`placebo_series`). The largest |z| of many draws is what habit, season, shared waves and
understated errors reach where nothing acts. Evidence that does not exceed it is no evidence. What
neither series holds is a wave of one customer alone, so passing does not rule that out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import CheckRow
from engagement_ml.drivers.finding import Veto
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.validation.placebo_series import shift_in_time, similar_donors
from engagement_ml.drivers.validation.score_test import ScoreTest
from engagement_ml.formatting import number, percent, plural

_MAX_PROBES = 6
NAME = "placebo behaviours"
SHIFTED = "shifted behaviours"


@dataclass(frozen=True)
class PlaceboDraws:
    """z of placebo series.

    Attributes
    ----------
    swapped, shifted : arrays (draws, B)
        Of similar customers' series in place of the customers' own, and of the customers' own at
        another time beside the real ones.
    converged : bool
        Whether the models that they are tested in converged.
    """

    swapped: FloatArray
    shifted: FloatArray
    converged: bool = True

    @staticmethod
    def reached(z: FloatArray, quantile: float) -> float:
        """Return the quantile over the draws of the largest absolute z in each."""
        return float(np.quantile(np.abs(z).max(axis=1), quantile)) if z.size else 0.0


@dataclass(frozen=True)
class PlaceboBehaviours:
    """Swaps behaviours between similar customers, and shifts them in time.

    Behaviours whose z does not exceed what placebos reach are vetoed.
    """

    name: str = NAME
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        entities = plural(context.study.config.entity)
        return (
            f"Do behaviours that are swapped between similar {entities} show an effect? They keep "
            f"habit, season and waves that such {entities} share, but cannot act."
        )

    def applies(self, context: CheckContext) -> bool:
        """Return whether within-customer effects on margin per period are identified."""
        return context.within_periods and context.estimates.main is not None

    def run(self, context: CheckContext) -> CheckResult:
        """Test placebo series of the behaviours with evidence and of the most correlated ones."""
        study, main = context.study, context.estimates.main
        assert main is not None
        draws = placebo_draws(study, main.behaviours, _probes(context))
        limits = study.thresholds
        reached = {
            NAME: draws.reached(draws.swapped, limits.placebo_quantile),
            SHIFTED: draws.reached(draws.shifted, limits.placebo_quantile),
        }
        if not draws.converged:
            return CheckResult("the models that test them did not converge", None)
        vetoes = _vetoes(context, max(reached.values()))
        shifted = CheckRow(
            SHIFTED,
            f"Do behaviours that are shifted in time within {plural(study.config.entity)} show an "
            "effect? They keep habit and slow trends, but happen at other times.",
            _value(context, reached[SHIFTED]),
            reached[SHIFTED] < limits.min_z,
        )
        value, passed = _value(context, reached[NAME]), reached[NAME] < limits.min_z
        return CheckResult(value, passed, vetoes, also=(shifted,))


def _probes(context: CheckContext) -> tuple[str, ...]:
    """Return behaviours with evidence, the strongest first, then the most correlated ones."""
    main, within = context.estimates.main, context.estimates.within
    assert main is not None
    associations, min_z = context.study.associations, context.study.thresholds.min_z
    strong = [b for b in main.behaviours if abs(within[b].z) >= min_z]
    strong.sort(key=lambda b: (-abs(within[b].z), b))
    correlated = sorted(main.behaviours, key=lambda b: (-abs(associations[b].spearman), b))
    return tuple(dict.fromkeys((*strong, *correlated)))[:_MAX_PROBES]


def _value(context: CheckContext, reached: float) -> str:
    limits = context.study.thresholds
    value = (
        f"|z| stays below {number(reached, 1)} in {percent(limits.placebo_quantile)} of "
        f"{limits.placebo_draws} draws; a driver needs {number(limits.min_z)}"
    )
    if reached < limits.min_z:
        return value
    ratio = number(reached / limits.min_z, 1)
    return f"{value}, so evidence is overstated {ratio} times and a driver needs more than that"


def _vetoes(context: CheckContext, reached: float) -> dict[str, Veto]:
    """Return a veto of every behaviour with evidence that placebos reach, too."""
    limits, within = context.study.thresholds, context.estimates.within
    if reached < limits.min_z:
        return {}
    return {
        b: Veto(
            NAME,
            f"placebo behaviours, which cannot act, reach z {number(reached, 1)}, and its z is "
            f"{number(effect.z, 1)}",
        )
        for b, effect in within.items()
        if limits.min_z <= abs(effect.z) <= reached
    }


def placebo_draws(
    study: Study, behaviours: tuple[str, ...], probes: tuple[str, ...]
) -> PlaceboDraws:
    """Test placebo series of some behaviours.

    Parameters
    ----------
    study : Study
    behaviours : tuple of str
        Those of the model.
    probes : tuple of str
        Those whose series are swapped and shifted.

    Returns
    -------
    PlaceboDraws
    """
    rolling = study.rolling_counts(behaviours)
    controls = rolling.controls[..., len(behaviours) :]
    # another customer's series stands in place of one's own, which would hold the same waves
    without = ScoreTest(rolling.gain, controls, rolling.cells, study.groups, rolling.clusters)
    swapped = [without.of(x).z for x in _swapped(study, rolling, probes)]
    # a shifted series is correlated with the real one, whose effect must be held fixed
    design = np.concatenate([rolling.counts, rolling.controls], axis=2)
    beside = ScoreTest(rolling.gain, design, rolling.cells, study.groups, rolling.clusters)
    shifted = [beside.of(x).z for x in _shifted(study, probes)]
    converged = without.converged and beside.converged
    return PlaceboDraws(np.array(swapped), np.array(shifted), converged)


def _swapped(
    study: Study, rolling: RollingCounts, probes: tuple[str, ...]
) -> Iterator[Float32Array]:
    """Yield rolling counts of similar customers, a draw at a time."""
    rng, periods = np.random.default_rng([study.seed, 3]), study.periods
    present = np.maximum(periods.exit - periods.entry, 1)
    margin = (periods.gain - periods.loss).sum(axis=1) / present
    columns = [rolling.behaviours.index(b) for b in probes]
    levels = [
        periods.counts[..., periods.behaviours.index(b)].sum(axis=1) / present for b in probes
    ]
    for _ in range(study.thresholds.placebo_draws):
        series = [
            rolling.counts[
                similar_donors(level, margin, periods.entry, periods.exit, study.groups, rng), :, c
            ]
            for c, level in zip(columns, levels, strict=True)
        ]
        yield np.stack(series, axis=2)


def _shifted(study: Study, probes: tuple[str, ...]) -> Iterator[Float32Array]:
    """Yield rolling counts of the customers' own series at another time, a draw at a time."""
    rng, periods, spans = np.random.default_rng([study.seed, 5]), study.periods, study.spans
    counts = np.ascontiguousarray(
        periods.counts[..., [periods.behaviours.index(b) for b in probes]]
    )
    window = ((1, spans.observation),)
    for _ in range(study.thresholds.placebo_draws):
        moved = shift_in_time(counts, periods.entry, periods.exit, study.lags.longest, rng)
        yield lagged_sums(moved, window, periods.entry)[..., 0]
