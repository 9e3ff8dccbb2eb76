"""Start a command from a small process, so that its peak memory is its own.

Between fork and exec, a process has the pages of the one that started it, and Linux counts them
towards its peak. This script is started in between: it imports nothing large.

Usage: ``python -I -S launcher.py RESULT COMMAND…``. It writes wall time, processor time and the
largest resident memory (as the system counts it) to RESULT, and ends as the command did.
"""

import os
import sys
import time


def main(result: str, command: list[str]) -> int:
    """Run the command, write its cost to the file `result`, return its exit status."""
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    with open(result, "w", encoding="ascii") as file:
        file.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
