"""A starter configuration as YAML, with comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engagement_ml.config import parse_config
from engagement_ml.starter.event_types import ENTRIES
from engagement_ml.starter.plan import TablePlan
from engagement_ml.starter.starting import Starter, relative
from engagement_ml.yaml_line import yaml_line

_LISTED = 40
"""Event types that are listed; rarer ones are left out."""
_WIDTH = 100
_ABSENT = {
    "events": "events.parquet      # required: one row per event",
    "transactions": "orders.parquet   # required: one row per purchase, with its margin",
    "customers": "customers.parquet   # optional: one row per customer, for segments",
}


def starter_yaml(starter: Starter, file: Path) -> str:
    """Return the configuration as the text of a YAML file.

    Parameters
    ----------
    starter : Starter
    file : Path
        Where the text will be; paths of tables are relative to its folder.
    """
    parts = (
        _head(starter, file),
        [yaml_line("name", starter.name) + "   # name of the registered model"],
        _sources(starter, file.parent),
        _columns(starter),
        _shapes(starter),
        _words(starter),
        _windows(starter),
        _behaviours(starter),
        _churn(starter),
        _segments(starter),
        [
            "select: {at_most: 3, require: driver}   # behaviours in the metric, and the evidence",
            "# tracking: {uri: null}                 # no MLflow tracking",
            "random_seed: 0",
        ],
    )
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def checked_yaml(starter: Starter, file: Path) -> str:
    """Return the text of the YAML file, after checking that it is a valid configuration."""
    import yaml

    text = starter_yaml(starter, file)
    parse_config(yaml.safe_load(text), origin=str(file))
    return text


def scalar(text: str) -> str:
    """Return a text as YAML writes it, in quotes where it must be.

    Examples
    --------
    >>> print(scalar("page_view"), scalar("yes"), scalar('"Net amount" * 2'))
    page_view "yes" '"Net amount" * 2'
    """
    if '"' in text and "\\" not in text and text.isascii() and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return yaml_line("x", text).removeprefix("x: ")


def _head(starter: Starter, file: Path) -> list[str]:
    lines = [
        "# Starter configuration, written by 'engagement-ml init' from the files alone.",
        f"# Next: engagement-ml check {file.name}",
    ]
    if starter.unsure:
        lines += ["#", "# Please check:"]
        lines += [line for each in starter.unsure for line in comment_lines(each)]
    if starter.unused:
        lines += ["#", "# Not read:"]
        lines += [line for each in starter.unused for line in comment_lines(each)]
    return lines


def comment_lines(sentence: str) -> list[str]:
    """Return a sentence as an entry of a list in comments, folded.

    Examples
    --------
    >>> comment_lines("check  the currency")
    ['# - check the currency']
    """
    lines: list[str] = []
    line = "# -"
    for word in sentence.split():
        if len(line) + 1 + len(word) > _WIDTH and line.strip("# -"):
            lines.append(line)
            line = "#  "
        line = f"{line} {word}"
    return [*lines, line]


def _sources(starter: Starter, folder: Path) -> list[str]:
    lines = ["sources:   # paths are relative to this file"]
    for table, plan in starter.plans.items():
        line = f"  {table}: {scalar(relative(plan.sample.source, folder))}"
        lines.append(line + (f"   # {plan.export}" if plan.export else ""))
    for table, example in _ABSENT.items():
        if table not in starter.plans:
            lines.append(f"  # {table}: {example}")
    return lines


def _columns(starter: Starter) -> list[str]:
    lines = []
    for table, plan in starter.plans.items():
        entries = [
            _with_comment("    " + f"{scalar(column)}: {scalar(source)}", plan.comments.get(column))
            for column, source in plan.columns.items()
            if column != source or column in plan.comments
        ]
        if entries:
            lines += [f"  {table}:", *entries]
    return ["columns:   # our name: the name in your file", *lines] if lines else []


def _shapes(starter: Starter) -> list[str]:
    lines = []
    for table, plan in starter.plans.items():
        if plan.shape:
            lines += [f"  {table}:", *_shape(plan)]
    return ["shape:   # how your files are written", *lines] if lines else []


def _shape(plan: TablePlan) -> Iterator[str]:
    """Yield the lines of one table's shape."""
    for key, value in plan.shape.items():
        if isinstance(value, Mapping):
            yield f"    {key}:"
            for column, each in value.items():
                line = f"      {column}: {scalar(str(each))}"
                yield _with_comment(line, plan.comments.get(column))
        else:
            yield f"    {key}: {scalar(str(value))}"
    if _is_local(plan):
        yield "    # timezone: Europe/Berlin   # if the times are not in UTC"


def _is_local(plan: TablePlan) -> bool:
    """Return whether times are written without a zone in a format of text."""
    return plan.time is not None and not plan.time.startswith("epoch") and "%z" not in plan.time


def _with_comment(line: str, comment: str | None) -> str:
    return line if comment is None else f"{line}   # {' '.join(comment.split())}"


def _words(starter: Starter) -> list[str]:
    lines = [yaml_line("entity", starter.entity) + "   # what people read for a customer"]
    if starter.currency is not None:
        lines.append(
            f"{yaml_line('currency', starter.currency.code)}   # {starter.currency.reason}"
        )
    return lines


def _windows(starter: Starter) -> list[str]:
    windows, config = starter.windows, starter.windows.config
    days = ""
    if windows.first is not None and windows.last is not None:
        days = f"   # the tables cover {windows.first} to {windows.last}"
        if windows.enough:
            days += f": {windows.train} cutoffs for training, {windows.test} for evaluation"
    return [
        f"windows:{days}",
        f"  observation_days: {config.observation_days}   # behaviours are counted in them",
        f"  outcome_days: {config.outcome_days}   # margin is summed in them, afterwards",
        f"  every_days: {config.every_days}",
    ]


def _behaviours(starter: Starter) -> list[str]:
    """Return the event types: entries for the purchases, comments for all others."""
    if not starter.event_types:
        return ["behaviours: {}"]
    active = [each for each in starter.event_types if each.bought]
    lines = ["behaviours:   # per event type: what you know" if active else "behaviours: {}"]
    lines += [
        f"  {scalar(each.name)}: {{role: ignore}}   # {each.count:,} rows: {each.reason}"
        for each in active
    ]
    others = [each for each in starter.event_types if not each.bought][:_LISTED]
    lines.append(
        "  # Event types by number of rows. To use a suggestion, remove its '# '"
        + ("" if active else ", and the {} above")
    )
    for each in others:
        entry = ENTRIES.get(each.suggestion or "", "{}")
        reason = f"; {each.reason}" if each.reason else ""
        lines.append(f"  # {scalar(each.name)}: {entry}   # {each.count:,} rows{reason}")
    left = len(starter.event_types) - len(active) - len(others)
    return [*lines, f"  # ... and {left} rarer ones"] if left else lines


def _churn(starter: Starter) -> list[str]:
    lines = ["churn: {kind: no_transaction}   # no transaction in the outcome window"]
    for each in starter.event_types:
        if each.suggestion == "churn" and not each.bought:
            entry = yaml_line("churn", {"kind": "event", "event_type": each.name})
            lines.append(f"# {entry}   # if this event ends the business with the customer")
    return lines


def _segments(starter: Starter) -> list[str]:
    if not starter.segments:
        return []
    names: Sequence[str] = list(starter.segments)
    counted = ", ".join(f"{name} ({n} values)" for name, n in starter.segments.items())
    return ["segments: []", f"# {yaml_line('segments', list(names[:2]))}   # possible: {counted}"]
