"""Prints the command line: usage, arguments and options of each command."""

from __future__ import annotations

import re

import click
import typer


def command_pages() -> str:
    """Return a section for each command, from its help."""
    from engagement_ml.cli.app import app

    group = typer.main.get_command(app)
    context = click.Context(group, info_name="engagement-ml")
    parts = [_section(group, context, "engagement-ml")]
    for name, command in group.commands.items():
        inner = click.Context(command, info_name=name, parent=context)
        parts.append(_section(command, inner, f"engagement-ml {name}"))
    return "\n\n".join(parts)


def _section(command: click.Command, context: click.Context, name: str) -> str:
    usage = command.get_usage(context).removeprefix("Usage: ").strip()
    parts = [f"## {name}", _paragraphs(command.help), f"```text\n{usage}\n```"]
    rows = [row for parameter in command.get_params(context) for row in _row(parameter, context)]
    if rows:
        parts += ["\n".join(["| argument or option | meaning |", "| --- | --- |", *rows])]
    example = [
        line.strip() for line in (command.epilog or "").splitlines() if "engagement-ml" in line
    ]
    if example:
        parts += ["```sh\n" + "\n".join(example) + "\n```"]
    return "\n\n".join(part for part in parts if part)


def _paragraphs(text: str | None) -> str:
    return re.sub(r"[ \t]*\n[ \t]*", "\n", (text or "").replace("\b", "").strip())


def _row(parameter: click.Parameter, context: click.Context) -> list[str]:
    record = parameter.get_help_record(context)
    if record is None:
        return []
    name, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
    return [f"| `{name}` | {text} |"]
