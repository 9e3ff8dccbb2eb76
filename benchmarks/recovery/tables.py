"""Printed results: tables of plain text and the requirements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from benchmarks.recovery import scoring
from benchmarks.recovery.jobs import PRODUCT, Job
from benchmarks.recovery.scoring import Record, mean

VERDICTS = ("driver", "harmful", "vanity", "consequence", "inert", "unverifiable")


@dataclass(frozen=True)
class Result:
    """One method's output on one simulated data set."""

    job: Job
    method: str
    truth: Record
    output: Record

    @property
    def has_enough_data(self) -> bool:
        """Whether there are at least 5,000 customers and 52 weeks."""
        capped = self.job.kind in ("few_customers", "short_history")
        return self.job.n_customers >= 5000 and self.job.n_weeks >= 52 and not capped

    @property
    def usable(self) -> bool:
        """Whether the method was not skipped."""
        return not self.output.get("skipped")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of plain text, the first column left-aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [head, ["-" * w for w in widths], *rows]
    ]
    return "\n".join(lines)


def number(value: float, digits: int = 2) -> str:
    """Return a formatted number, or a dash for NaN."""
    return "–" if value != value else f"{value:.{digits}f}"


def f1_table(results: list[Result]) -> str:
    """Return F1 by kind and method, with means over kinds."""
    methods = list(dict.fromkeys(r.method for r in results))
    by_cell: dict[tuple[str, str], list[float]] = defaultdict(list)
    for r in results:
        if r.usable:
            by_cell[r.job.kind, r.method].append(scoring.f1(r.truth, r.output))
    kinds = list(dict.fromkeys(r.job.kind for r in results))
    rows = [[k, *(number(mean(by_cell[k, m])) for m in methods)] for k in kinds]
    means = [mean(mean(by_cell[k, m]) for k in kinds if by_cell[k, m]) for m in methods]
    rows.append(["mean of kinds", *(number(value) for value in means)])
    return table(["F1 of selection", *methods], rows)


def false_alarm_table(results: list[Result]) -> str:
    """Return how often each method selects a behaviour although none has an effect."""
    methods = list(dict.fromkeys(r.method for r in results))
    rows = []
    for method in methods:
        without_effects = [
            r for r in results if r.method == method and r.usable and _has_no_effects(r)
        ]
        selected = [bool(r.output["chosen"]) for r in without_effects]
        share = mean(map(float, selected))
        rows.append([method, str(len(without_effects)), number(share)])
    return table(["no true effects", "data sets", "false alarm rate"], rows)


def _has_no_effects(r: Result) -> bool:
    return r.truth["identifiable"] and not scoring.drivers(r.truth) and not r.truth["optional"]


def verdict_table(results: list[Result]) -> str:
    """Return the confusion matrix of the package's verdicts, with precision and recall."""
    pairs = [
        p
        for r in results
        if r.method == PRODUCT and r.truth["identifiable"]
        for p in scoring.verdict_pairs(r.truth, r.output)
    ]
    rows = []
    for true in VERDICTS[:-1]:
        counts = [sum(t == true and s == v for t, s, _ in pairs) for v in VERDICTS]
        recall = mean(float(s == true) for t, s, _ in pairs if t == true)
        rows.append([true, *map(str, counts), number(recall)])
    precision = [mean(float(ok) for _, s, ok in pairs if s == v) for v in VERDICTS[:-1]]
    rows.append(["precision", *(number(p) for p in precision), "", ""])
    return table(["true (rows), given (columns)", *VERDICTS, "recall"], rows)


@dataclass(frozen=True)
class Lead:
    """Lead of the metric over a baseline in within-customer Spearman correlation.

    Attributes
    ----------
    share : share of data sets in which the lead is at least 0
    min : smallest lead in a data set
    worst_kind : the kind with the smallest mean lead over its seeds
    worst_mean : that mean lead
    """

    share: float
    min: float
    worst_kind: str
    worst_mean: float

    @classmethod
    def of(cls, leads: list[tuple[str, float]]) -> Lead:
        """Summarise the leads in data sets, given as (kind, lead)."""
        by_kind: dict[str, list[float]] = defaultdict(list)
        for kind, lead in leads:
            by_kind[kind].append(lead)
        means = {kind: mean(values) for kind, values in by_kind.items()}
        worst = min(means, key=lambda k: means[k])
        values = [lead for _, lead in leads]
        share = mean(float(lead >= 0) for lead in values)
        return cls(share, min(values), worst, means[worst])


@dataclass(frozen=True)
class Summary:
    """Summary statistics of the package's results, which requirements refer to."""

    f1: float
    worst_kind: tuple[str, float]
    false_alarms: float
    false_drivers: float
    harmful_recall: float
    consequence_recall: float
    weight_error: float
    weight_coverage: float
    effect_ratio: float
    effect_error: float
    effect_coverage: float
    all_effect_coverage: float
    leads: dict[str, Lead]
    errors: int
    n_data_sets: int


def summarise(results: list[Result]) -> Summary:
    """Summarise the package's results."""
    package_results = [r for r in results if r.method == PRODUCT]
    by_kind: dict[str, list[float]] = defaultdict(list)
    for r in package_results:
        by_kind[r.job.kind].append(scoring.f1(r.truth, r.output))
    kinds = {kind: mean(values) for kind, values in by_kind.items()}
    worst = min(kinds, key=lambda k: kinds[k], default="")
    identifiable = [r for r in package_results if r.truth["identifiable"]]
    pairs = [p for r in identifiable for p in scoring.verdict_pairs(r.truth, r.output)]
    weights = [w for r in package_results for w in scoring.weight_rows(r.truth, r.output)]
    effects = [e for r in package_results for e in scoring.effect_rows(r.truth, r.output)]
    with_effect = [e for e in effects if e[0] in ("driver", "harmful") and e[4]]
    leads: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for r in identifiable:
        if scoring.drivers(r.truth):
            for name, lead in (scoring.leads_over_baselines(r.output) or {}).items():
                leads[name].append((r.job.kind, lead))

    def recall(verdict: str) -> float:
        return mean(float(s == verdict) for t, s, _ in pairs if t == verdict)

    return Summary(
        f1=mean(kinds.values()),
        worst_kind=(worst, kinds.get(worst, float("nan"))),
        false_alarms=mean(
            float(bool(r.output["chosen"])) for r in package_results if _has_no_effects(r)
        ),
        false_drivers=mean(float(not ok) for _, s, ok in pairs if s == "driver"),
        harmful_recall=recall("harmful"),
        consequence_recall=recall("consequence"),
        weight_error=mean(abs(w - true) for w, _, _, true in weights),
        weight_coverage=mean(float(low <= true <= high) for _, low, high, true in weights),
        effect_ratio=mean(e / true for _, e, _, _, true in with_effect),
        effect_error=mean(abs(e / true - 1) for _, e, _, _, true in with_effect),
        effect_coverage=mean(float(low <= true <= high) for _, _, low, high, true in with_effect),
        all_effect_coverage=mean(float(low <= true <= high) for _, _, low, high, true in effects),
        leads={name: Lead.of(values) for name, values in leads.items()},
        errors=sum("error" in r.output for r in package_results),
        n_data_sets=len(package_results),
    )


def requirements(results: list[Result]) -> list[tuple[str, str, bool]]:
    """Return (requirement, measured value, whether it is met)."""
    enough = summarise([r for r in results if r.has_enough_data])
    few = summarise([r for r in results if not r.has_enough_data])
    rows = [
        ("mean F1 at least 0.97", number(enough.f1), enough.f1 >= 0.97),
        ("F1 of every kind at least 0.85", f"{enough.worst_kind[0]} {number(enough.worst_kind[1])}",
         enough.worst_kind[1] >= 0.85),
        ("no true effects: false alarm rate at most 2%", number(enough.false_alarms, 3),
         enough.false_alarms <= 0.02),
        ("false discovery rate of drivers at most 3%", number(enough.false_drivers, 3),
         enough.false_drivers <= 0.03),
        ("harmful: recall at least 0.9", number(enough.harmful_recall),
         enough.harmful_recall >= 0.9),
        ("consequence: recall at least 0.9", number(enough.consequence_recall),
         enough.consequence_recall >= 0.9),
        ("mean absolute error of weights at most 0.05", number(enough.weight_error, 3),
         enough.weight_error <= 0.05),
        ("coverage of weight intervals 90% to 98%", number(enough.weight_coverage),
         0.9 <= enough.weight_coverage <= 0.98),
        ("mean relative error of effects at most 25%", number(enough.effect_error),
         enough.effect_error <= 0.25),
        ("little data: false discovery rate at most 3%", number(few.false_drivers, 3),
         not few.false_drivers > 0.03),
    ]  # fmt: skip
    rows += [
        (f"within customers, Spearman at least that of {name}",
         f"share of data sets {number(s.share)}, smallest lead {number(s.min, 3)}; "
         f"worst kind {s.worst_kind} {number(s.worst_mean, 3)}", s.share == 1.0)
        for name, s in sorted(enough.leads.items())
    ]  # fmt: skip
    return rows


def requirement_table(results: list[Result]) -> str:
    """Return the requirements, the measured values and whether they are met."""
    rows = [[name, value, "yes" if ok else "NO"] for name, value, ok in requirements(results)]
    return table(["requirement", "measured", "met"], rows)


def effect_table(results: list[Result]) -> str:
    """Return errors and coverage of the package's effects and weights, by kind."""
    kinds = list(dict.fromkeys(r.job.kind for r in results))
    rows = []
    for kind in [*kinds, "all"]:
        summary = summarise([r for r in results if kind in (r.job.kind, "all")])
        rows.append([
            kind, number(summary.effect_ratio), number(summary.effect_error),
            number(summary.effect_coverage), number(summary.all_effect_coverage),
            number(summary.weight_error, 3), number(summary.weight_coverage), str(summary.errors),
        ])  # fmt: skip
    head = ["effects and weights", "ratio", "relative error", "coverage", "coverage, all",
            "weight error", "weight coverage", "failed runs"]  # fmt: skip
    return table(head, rows)


def all_tables(results: list[Result]) -> str:
    """Return all tables, reasons for skipped methods and failures."""
    enough = [r for r in results if r.has_enough_data]
    few = [r for r in results if not r.has_enough_data]
    has_product = any(r.method == PRODUCT for r in results)
    parts = []
    for title, subset in (("ENOUGH DATA (at least 5,000 customers and 52 weeks)", enough),
                        ("LITTLE DATA", few)):  # fmt: skip
        if subset:
            renderers = [f1_table, false_alarm_table]
            renderers += [verdict_table, effect_table] if has_product else []
            parts += [title, *(render(subset) for render in renderers)]
    if has_product:
        parts.append(requirement_table(results))
    skipped = {r.method: r.output["skipped"] for r in results if r.output.get("skipped")}
    parts += [f"{method}: skipped, {reason}" for method, reason in skipped.items()]
    failed = sorted({r.output["error"] for r in results if "error" in r.output})
    parts += [f"failed: {reason}" for reason in failed]
    return "\n\n".join(parts)
