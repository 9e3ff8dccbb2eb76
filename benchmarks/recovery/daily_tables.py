"""Printed results of the daily data sets: tables of plain text and the requirements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.recovery import scoring
from benchmarks.recovery.jobs import DAILY, PRODUCT
from benchmarks.recovery.scoring import mean
from benchmarks.recovery.tables import Result, number, table, verdict_table

NULL = "_null"
MAX_FALSE, MAX_FALSE_KIND = 0.02, 0.05
CLEAR_SIGN = 0.005  # share of mean margin per standard deviation from which a sign is scored


def kind_of(result: Result) -> str:
    """Return the kind, the same for a null twin."""
    return result.job.kind.removeprefix(DAILY).removesuffix(NULL)


def is_null(result: Result) -> bool:
    return result.job.kind.endswith(NULL)


@dataclass(frozen=True)
class Summary:
    """Summary of the package's results on some daily data sets.

    Attributes
    ----------
    called, false : number of verdicts `driver`, and of those that are wrong
    nulls, alarms : number of null twins, and of those with a `driver`
    f1 : mean F1 of selection over the kinds, null twins left out
    recall : share of the true drivers that are called `driver`
    ratio, error, coverage : of effects called driver or harmful that have a true effect: median
        ratio to the truth, mean absolute relative error, and coverage of 95% intervals
    no_convergence : verdicts but `unverifiable` that rest on a fit that did not converge
    errors : failed runs
    """

    called: int
    false: int
    nulls: int
    alarms: int
    f1: float
    recall: float
    ratio: float
    error: float
    coverage: float
    no_convergence: int
    errors: int

    @property
    def false_share(self) -> float:
        return self.false / self.called if self.called else 0.0


def summarise(results: list[Result]) -> Summary:
    """Summarise the package's results."""
    runs = [r for r in results if r.method == PRODUCT]
    pairs = [p for r in runs for p in scoring.verdict_pairs(r.truth, r.output)]
    nulls = [r for r in runs if is_null(r)]
    acting = [r for r in runs if not is_null(r)]
    effects = [e for r in acting for e in scoring.effect_rows(r.truth, r.output)]
    effects = [e for e in effects if e[0] in ("driver", "harmful") and e[4]]
    ratios = [e / true for _, e, _, _, true in effects]
    kinds = dict.fromkeys(kind_of(r) for r in acting)
    called = [ok for _, verdict, ok in pairs if verdict == "driver"]
    rows = [row for r in runs for row in r.output.get("verdicts", {}).values()]
    return Summary(
        called=len(called),
        false=sum(not ok for ok in called),
        nulls=len(nulls),
        alarms=sum(bool(scoring.behaviours_with(r.output, "driver")) for r in nulls),
        f1=mean(
            mean(scoring.f1(r.truth, r.output) for r in acting if kind_of(r) == k) for k in kinds
        ),
        recall=mean(float(v == "driver") for t, v, _ in pairs if t == "driver"),
        ratio=float(np.median(ratios)) if ratios else float("nan"),
        error=mean(abs(ratio - 1) for ratio in ratios),
        coverage=mean(float(low <= true <= high) for _, _, low, high, true in effects),
        no_convergence=sum(map(scoring.rests_on_no_convergence, rows)),
        errors=sum("error" in r.output for r in runs),
    )


def kind_table(results: list[Result]) -> str:
    """Return the package's results by kind."""
    kinds = list(dict.fromkeys(kind_of(r) for r in results))
    rows = []
    for kind in [*kinds, "all"]:
        s = summarise([r for r in results if kind in (kind_of(r), "all")])
        rows.append([
            kind, f"{s.false}/{s.called}", f"{s.alarms}/{s.nulls}", number(s.f1), number(s.recall),
            number(s.ratio), number(s.error), number(s.coverage), str(s.no_convergence),
            str(s.errors),
        ])  # fmt: skip
    head = ["daily kinds", "false drivers", "null twins with a driver", "F1", "recall",
            "effect ratio", "error", "coverage", "not converged", "failed runs"]  # fmt: skip
    return table(head, rows)


def passing(result: Result) -> set[str]:
    """Return the behaviours that the method holds to be drivers, selected or not."""
    if result.method == PRODUCT:
        return scoring.behaviours_with(result.output, "driver")
    return set(result.output.get("passed", result.output["chosen"]))


def false_ones(result: Result) -> set[str]:
    """Return the behaviours that the method wrongly holds to be drivers."""
    truth = result.truth
    optional = set(truth["optional"])
    return {
        b for b in passing(result) - optional if "driver" not in scoring.correct_verdicts(truth, b)
    }


def method_rows(results: list[Result]) -> dict[str, tuple[float, float, float]]:
    """Return by method: mean F1 over kinds, false share of what passes, null alarm rate."""
    rows = {}
    for method in dict.fromkeys(r.method for r in results):
        usable = [r for r in results if r.method == method and r.usable]
        acting = [r for r in usable if not is_null(r)]
        kinds = dict.fromkeys(kind_of(r) for r in acting)
        f1 = mean(
            mean(scoring.f1(r.truth, r.output) for r in acting if kind_of(r) == k) for k in kinds
        )
        number_passing = sum(len(passing(r) - set(r.truth["optional"])) for r in usable)
        wrong = sum(len(false_ones(r)) for r in usable)
        alarms = mean(float(bool(passing(r))) for r in usable if is_null(r))
        rows[method] = (f1, wrong / max(number_passing, 1), alarms)
    return rows


def method_table(results: list[Result]) -> str:
    """Return the comparison of methods."""
    rows = [
        [method, *(number(value) for value in values)]
        for method, values in method_rows(results).items()
    ]
    head = ["methods on daily kinds", "mean F1", "false among drivers", "null twins with one"]
    return table(head, rows)


def method_by_kind_table(results: list[Result], *, false: bool) -> str:
    """Return F1, or false drivers of all, by kind and method; the latter with null twins."""
    methods = list(dict.fromkeys(r.method for r in results))
    rows = []
    for kind in dict.fromkeys(kind_of(r) for r in results):
        cells = []
        for method in methods:
            here = [r for r in results if (kind_of(r), r.method) == (kind, method) and r.usable]
            if false:
                held = sum(len(passing(r) - set(r.truth["optional"])) for r in here)
                cells.append(f"{sum(len(false_ones(r)) for r in here)}/{held}")
            else:
                scores = [scoring.f1(r.truth, r.output) for r in here if not is_null(r)]
                cells.append(number(mean(scores)))
        rows.append([kind, *cells])
    return table(["false drivers" if false else "F1 of selection", *methods], rows)


@dataclass(frozen=True)
class Turns:
    """Turning responses: right signs, optima found, their errors, and turns that are none."""

    signs: list[bool]
    found: list[bool]
    errors: list[float]
    false: list[bool]


def turns(results: Iterable[Result]) -> Turns:
    """Return how turning responses were found."""
    out = Turns([], [], [], [])
    for r in results:
        if r.method != PRODUCT:
            continue
        for behaviour, row in r.output.get("verdicts", {}).items():
            true = r.truth.get("optimum", {}).get(behaviour)
            given = row.get("optimum")
            if true is None:
                out.false.append(given is not None)
                continue
            out.found.append(given is not None)
            if given is not None:
                out.errors.append(abs(given / true - 1))
            effect = r.truth["effect"][behaviour]
            size = abs(effect) * r.truth["std"][behaviour] / r.truth["mean_margin"]
            if size >= CLEAR_SIGN and row["effect"] is not None:
                out.signs.append(row["effect"] * effect > 0)
    return out


def segment_calls(results: Iterable[Result]) -> tuple[list[bool], list[bool]]:
    """Return whether differing effects were found, and whether equal ones were called different."""
    found, false = [], []
    for r in results:
        if r.method != PRODUCT:
            continue
        for behaviour in r.truth.get("segment_effect", {}):
            differs = scoring.differs_by_segment(r.truth, behaviour)
            said = r.output.get("segments", {}).get(behaviour, False)
            if differs is not None:
                (found if differs else false).append(said)
    return found, false


def shape_table(results: list[Result]) -> str:
    """Return how turning responses and differences between segments were found."""
    t = turns(results)
    found, false = segment_calls(results)
    rows = [
        ["turning: sign of the effect right", number(_share(t.signs)), str(len(t.signs))],
        ["turning: optimum found", number(_share(t.found)), str(len(t.found))],
        ["turning: mean error of the optimum", number(mean(t.errors)), str(len(t.errors))],
        ["other responses: called turning", number(_share(t.false), 3), str(len(t.false))],
        ["segments that differ: found", number(_share(found)), str(len(found))],
        ["segments that are equal: called different", number(_share(false)), str(len(false))],
    ]
    return table(["turning and segments", "share", "of"], rows)


def _share(values: list[bool]) -> float:
    return mean(map(float, values))


def requirements(results: list[Result]) -> list[tuple[str, str, bool]]:
    """Return (requirement, measured value, whether it is met)."""
    whole = summarise(results)
    by_kind = {
        kind: summarise([r for r in results if kind_of(r) == kind])
        for kind in dict.fromkeys(kind_of(r) for r in results)
    }
    worst = max(by_kind, key=lambda k: by_kind[k].false_share)
    far = max(by_kind, key=lambda k: np.nan_to_num(by_kind[k].error))
    least = min(by_kind, key=lambda k: np.nan_to_num(by_kind[k].coverage, nan=1.0))
    methods = method_rows(results)
    rivals = {m: row[0] for m, row in methods.items() if m != PRODUCT and row[0] == row[0]}
    best = max(rivals, key=lambda m: rivals[m], default="none")
    t, (found, false) = turns(results), segment_calls(results)
    quiet = 1 - whole.alarms / whole.nulls if whole.nulls else float("nan")
    return [
        ("daily: false among drivers at most 2%", number(whole.false_share, 3),
         whole.false_share <= MAX_FALSE),
        ("… at most 5% in every kind", f"{worst} {number(by_kind[worst].false_share, 3)}",
         by_kind[worst].false_share <= MAX_FALSE_KIND),
        ("null twins: no driver in at least 98%", number(quiet, 3), not quiet < 0.98),
        ("daily: mean F1 at least 0.90", number(whole.f1), not whole.f1 < 0.9),
        ("… above every other method", f"{best} {number(rivals.get(best, 0.0))}",
         not whole.f1 <= rivals.get(best, 0.0)),
        ("recall of drivers at least 0.85", number(whole.recall), not whole.recall < 0.85),
        ("mean relative error of effects at most 12%", number(whole.error), not whole.error > 0.12),
        ("… at most 20% in every kind", f"{far} {number(by_kind[far].error)}",
         not by_kind[far].error > 0.2),
        ("coverage of intervals 92% to 97%", number(whole.coverage),
         not (whole.coverage < 0.92 or whole.coverage > 0.97)),
        ("… at least 85% in every kind", f"{least} {number(by_kind[least].coverage)}",
         not by_kind[least].coverage < 0.85),
        ("turning responses: sign right in all", number(_share(t.signs)), all(t.signs)),
        ("turning responses: optimum found, within 25%",
         f"{number(_share(t.found))}, error {number(mean(t.errors))}",
         all(t.found) and not mean(t.errors) > 0.25),
        ("segments that differ: found in 90%", number(_share(found)), not _share(found) < 0.9),
        ("equal segments: called different in at most 5%", number(_share(false)),
         not _share(false) > 0.05),
        ("no verdict on a fit that did not converge", str(whole.no_convergence),
         whole.no_convergence == 0),
    ]  # fmt: skip


def all_tables(results: list[Result]) -> str:
    """Return all tables, the requirements, reasons for skipped methods and failures."""
    has_product = any(r.method == PRODUCT for r in results)
    parts = ["DAILY DATA SETS"]
    if has_product:
        parts += [kind_table(results), verdict_table(results), shape_table(results)]
    parts.append(method_table(results))
    parts += [method_by_kind_table(results, false=false) for false in (False, True)]
    if has_product:
        rows = [[n, value, "yes" if ok else "NO"] for n, value, ok in requirements(results)]
        parts.append(table(["requirement", "measured", "met"], rows))
    skipped = {r.method: r.output["skipped"] for r in results if r.output.get("skipped")}
    parts += [f"{method}: skipped, {reason}" for method, reason in skipped.items()]
    failed = sorted({r.output["error"] for r in results if "error" in r.output})
    parts += [f"failed: {reason}" for reason in failed]
    return "\n\n".join(parts)
