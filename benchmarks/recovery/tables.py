"""What the benchmark prints: tables of plain text, and what must hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from benchmarks.recovery import scoring
from benchmarks.recovery.jobs import OURS, Job
from benchmarks.recovery.scoring import Record, mean

VERDICTS = ("driver", "harmful", "vanity", "consequence", "inert", "unverifiable")


@dataclass(frozen=True)
class Answer:
    """What one method said of one world."""

    job: Job
    method: str
    truth: Record
    found: Record

    @property
    def enough(self) -> bool:
        """5,000 customers and over, a year."""
        capped = self.job.kind in ("few_customers", "short_history")
        return self.job.n_customers >= 5000 and self.job.n_weeks >= 52 and not capped

    @property
    def usable(self) -> bool:
        return not self.found.get("skipped")


def table(head: list[str], rows: list[list[str]]) -> str:
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
    return "–" if value != value else f"{value:.{digits}f}"


def f1_table(answers: list[Answer]) -> str:
    """F1 by kind and method, means over kinds below."""
    methods = list(dict.fromkeys(a.method for a in answers))
    by_cell: dict[tuple[str, str], list[float]] = defaultdict(list)
    for a in answers:
        if a.usable:
            by_cell[a.job.kind, a.method].append(scoring.f1(a.truth, a.found))
    kinds = list(dict.fromkeys(a.job.kind for a in answers))
    rows = [[k, *(number(mean(by_cell[k, m])) for m in methods)] for k in kinds]
    means = [mean(mean(by_cell[k, m]) for k in kinds if by_cell[k, m]) for m in methods]
    rows.append(["mean of kinds", *(number(value) for value in means)])
    return table(["F1 of the chosen", *methods], rows)


def false_alarm_table(answers: list[Answer]) -> str:
    """How often a driver is named where none is."""
    methods = list(dict.fromkeys(a.method for a in answers))
    rows = []
    for method in methods:
        mine = [a for a in answers if a.method == method and a.usable and _nothing_acts(a)]
        named = [bool(a.found["chosen"]) for a in mine]
        rows.append([method, str(len(mine)), number(mean(map(float, named)))])
    return table(["Where nothing acts", "worlds", "names a driver"], rows)


def _nothing_acts(a: Answer) -> bool:
    return a.truth["identifiable"] and not scoring.drivers(a.truth) and not a.truth["either"]


def verdict_table(answers: list[Answer]) -> str:
    """True verdicts by said verdicts of our answers, precision and recall."""
    pairs = [
        p
        for a in answers
        if a.method == OURS and a.truth["identifiable"]
        for p in scoring.verdict_pairs(a.truth, a.found)
    ]
    rows = []
    for true in VERDICTS[:-1]:
        said = [sum(t == true and s == v for t, s, _ in pairs) for v in VERDICTS]
        recall = mean(float(s == true) for t, s, _ in pairs if t == true)
        rows.append([true, *map(str, said), number(recall)])
    precision = [mean(float(ok) for _, s, ok in pairs if s == v) for v in VERDICTS[:-1]]
    rows.append(["precision", *(number(p) for p in precision), "", ""])
    return table(["true, down; said, across", *VERDICTS, "recall"], rows)


@dataclass(frozen=True)
class Steers:
    """By how much the metric's change foretells change better than a baseline's."""

    share: float  # of worlds in which it does at least as well
    least: float  # lead, of all worlds
    kind: str  # the kind whose mean lead over its seeds is least
    mean: float

    @classmethod
    def of(cls, leads: list[tuple[str, float]]) -> Steers:
        by_kind: dict[str, list[float]] = defaultdict(list)
        for kind, lead in leads:
            by_kind[kind].append(lead)
        means = {kind: mean(values) for kind, values in by_kind.items()}
        worst = min(means, key=lambda k: means[k])
        known = [lead for _, lead in leads]
        share = mean(float(lead >= 0) for lead in known)
        return cls(share, min(known), worst, means[worst])


@dataclass(frozen=True)
class Figures:
    """The numbers that must hold, of our answers."""

    f1: float
    worst: tuple[str, float]
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
    steers: dict[str, Steers]
    errors: int
    worlds: int


def figures(answers: list[Answer]) -> Figures:
    mine = [a for a in answers if a.method == OURS]
    by_kind: dict[str, list[float]] = defaultdict(list)
    for a in mine:
        by_kind[a.job.kind].append(scoring.f1(a.truth, a.found))
    kinds = {kind: mean(values) for kind, values in by_kind.items()}
    worst = min(kinds, key=lambda k: kinds[k], default="")
    identifiable = [a for a in mine if a.truth["identifiable"]]
    pairs = [p for a in identifiable for p in scoring.verdict_pairs(a.truth, a.found)]
    weights = [w for a in mine for w in scoring.weight_rows(a.truth, a.found)]
    effects = [e for a in mine for e in scoring.effect_rows(a.truth, a.found)]
    acting = [e for e in effects if e[0] in ("driver", "harmful") and e[4]]
    gains: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for a in identifiable:
        if scoring.drivers(a.truth):
            for name, gain in (scoring.steering(a.found) or {}).items():
                gains[name].append((a.job.kind, gain))

    def recall(verdict: str) -> float:
        return mean(float(s == verdict) for t, s, _ in pairs if t == verdict)

    return Figures(
        f1=mean(kinds.values()),
        worst=(worst, kinds.get(worst, float("nan"))),
        false_alarms=mean(float(bool(a.found["chosen"])) for a in mine if _nothing_acts(a)),
        false_drivers=mean(float(not ok) for _, s, ok in pairs if s == "driver"),
        harmful_recall=recall("harmful"),
        consequence_recall=recall("consequence"),
        weight_error=mean(abs(w - true) for w, _, _, true in weights),
        weight_coverage=mean(float(low <= true <= high) for _, low, high, true in weights),
        effect_ratio=mean(e / true for _, e, _, _, true in acting),
        effect_error=mean(abs(e / true - 1) for _, e, _, _, true in acting),
        effect_coverage=mean(float(low <= true <= high) for _, _, low, high, true in acting),
        all_effect_coverage=mean(float(low <= true <= high) for _, _, low, high, true in effects),
        steers={name: Steers.of(leads) for name, leads in gains.items()},
        errors=sum("error" in a.found for a in mine),
        worlds=len(mine),
    )


def requirements(answers: list[Answer]) -> list[tuple[str, str, bool]]:
    """(what must hold, what was found, whether it holds) on the worlds with enough data."""
    enough = figures([a for a in answers if a.enough])
    few = figures([a for a in answers if not a.enough])
    rows = [
        ("mean F1 at least 0.97", number(enough.f1), enough.f1 >= 0.97),
        ("no kind's F1 under 0.85", f"{enough.worst[0]} {number(enough.worst[1])}",
         enough.worst[1] >= 0.85),
        ("nothing acts: a driver named in at most 2%", number(enough.false_alarms, 3),
         enough.false_alarms <= 0.02),
        ("called driver and not: at most 3%", number(enough.false_drivers, 3),
         enough.false_drivers <= 0.03),
        ("harmful: recall at least 0.9", number(enough.harmful_recall),
         enough.harmful_recall >= 0.9),
        ("consequence: recall at least 0.9", number(enough.consequence_recall),
         enough.consequence_recall >= 0.9),
        ("weights within 0.05 of the shares", number(enough.weight_error, 3),
         enough.weight_error <= 0.05),
        ("weight intervals cover 90% to 98%", number(enough.weight_coverage),
         0.9 <= enough.weight_coverage <= 0.98),
        ("effects within 25% on average", number(enough.effect_error),
         enough.effect_error <= 0.25),
        ("few data: called driver and not, at most 3%", number(few.false_drivers, 3),
         not few.false_drivers > 0.03),
    ]  # fmt: skip
    rows += [
        (f"change foretells change at least as well as {name}",
         f"in {number(s.share)} of worlds, by {number(s.least, 3)} at worst; "
         f"worst kind {s.kind} {number(s.mean, 3)}", s.share == 1.0)
        for name, s in sorted(enough.steers.items())
    ]  # fmt: skip
    return rows


def requirement_table(answers: list[Answer]) -> str:
    """What must hold on our answers, and whether it does."""
    holds = [[what, found, "yes" if ok else "NO"] for what, found, ok in requirements(answers)]
    return table(["must hold", "found", "holds"], holds)


def effect_table(answers: list[Answer]) -> str:
    """Ratio of effects to the truth, errors of weights, coverage, by kind, of our answers."""
    kinds = list(dict.fromkeys(a.job.kind for a in answers))
    rows = []
    for kind in [*kinds, "all"]:
        some = figures([a for a in answers if kind in (a.job.kind, "all")])
        rows.append([
            kind, number(some.effect_ratio), number(some.effect_error),
            number(some.effect_coverage), number(some.all_effect_coverage),
            number(some.weight_error, 3), number(some.weight_coverage), str(some.errors),
        ])  # fmt: skip
    head = ["effects and weights", "est/true", "|est/true-1|", "covered", "covered, all",
            "weight error", "covered", "errors"]  # fmt: skip
    return table(head, rows)


def everything(answers: list[Answer]) -> str:
    """All tables."""
    enough = [a for a in answers if a.enough]
    few = [a for a in answers if not a.enough]
    asked_us = any(a.method == OURS for a in answers)
    parts = []
    for title, some in (("ENOUGH DATA (5,000 customers and over, a year)", enough),
                        ("FEW DATA", few)):  # fmt: skip
        if some:
            made = [f1_table, false_alarm_table]
            made += [verdict_table, effect_table] if asked_us else []
            parts += [title, *(make(some) for make in made)]
    if asked_us:
        parts.append(requirement_table(answers))
    skipped = {a.method: a.found["skipped"] for a in answers if a.found.get("skipped")}
    parts += [f"{method}: skipped, {reason}" for method, reason in skipped.items()]
    failed = sorted({a.found["error"] for a in answers if "error" in a.found})
    parts += [f"failed: {reason}" for reason in failed]
    return "\n\n".join(parts)
