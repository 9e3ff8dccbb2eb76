"""Kill a function, as ``kill -9`` does, at the n-th change that it makes to a database or a file.

`killed_at` runs a function in a process of its own and kills the process just before its n-th
change: a commit to any database, or a rename of a file. So the state after every change can be
tested: count the changes with `changes_of`, then kill at each of them.

>>> killed_at(3, register, folder, store)  # doctest: +SKIP
True
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import Callable
from typing import Any

_PRELOADED = ["engagement_ml.workflow.registering", "tests.killing_preload"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_PRELOADED)
_WRITES = re.compile(
    r"\s*(?:INSERT INTO|UPDATE|DELETE FROM|(?:CREATE|ALTER|DROP) \w+)\s+\W?(?P<table>\w+)",
    re.IGNORECASE,
)


def killed_at(moment: int, function: Callable[..., object], *args: Any) -> bool:
    """Run a function in a process that is killed before its change number `moment`, from 0.

    Parameters
    ----------
    moment : int
    function : callable
        A function of a module; it and its arguments are pickled.

    Returns
    -------
    bool
        Whether the process was killed; if not, the function has returned before.

    Raises
    ------
    AssertionError
        If the function has raised; its traceback is on standard error.
    """
    process = _CONTEXT.Process(target=_run, args=(moment, None, function, args))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def changes_of(function: Callable[..., object], *args: Any) -> list[str]:
    """Return the changes that a function makes, in their order: what `killed_at` counts."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_run, args=(-1, sender, function, args))
    process.start()
    sender.close()
    found: list[str] = receiver.recv()
    process.join()
    assert process.exitcode == 0
    return found


def at_once(function: Callable[..., object], *arguments: tuple[Any, ...]) -> list[int]:
    """Run a function in a process for each of `arguments`, all at once; return their exit codes."""
    barrier = _CONTEXT.Barrier(len(arguments))
    processes = [
        _CONTEXT.Process(target=_after_all, args=(barrier, function, each)) for each in arguments
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def _after_all(barrier: Any, function: Callable[..., object], args: tuple[Any, ...]) -> None:
    barrier.wait()
    function(*args)


def _run(moment: int, sender: Any, function: Callable[..., object], args: tuple[Any, ...]) -> None:
    changes = _count_changes(moment)
    function(*args)
    if sender is not None:
        sender.send(changes)


def _count_changes(moment: int) -> list[str]:
    """Kill this process before change number `moment`; return a list that gets all before it."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    changes: list[str] = []

    def before(change: str) -> None:
        if len(changes) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        changes.append(change)

    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if match := _WRITES.match(statement):
            written.append(match["table"])

    def commit(_: Any) -> None:
        # Reading is no change.
        if written:
            label = f"commit {written[-1]}"
            written.clear()
            before(label)

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", commit)
    rename, link = os.replace, os.link

    def replace(source: Any, target: Any, **options: Any) -> None:
        before(f"replace {os.path.basename(target)}")
        rename(source, target, **options)

    def linked(source: Any, target: Any, **options: Any) -> None:
        before(f"link {os.path.basename(target)}")
        link(source, target, **options)

    os.replace, os.link = replace, linked
    return changes
