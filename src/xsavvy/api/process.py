# SPDX-License-Identifier: Apache-2.0
"""Other processes of this program: lines go in, lines come out, and none outlives the one that started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["answer_lines", "cause", "started", "stopped"]


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that finds the same modules and does not see the terminal's Ctrl-C. Raises OSError."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(  # noqa: S603  # this interpreter, and a module's name
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


def stopped(process: subprocess.Popen[bytes]) -> int:
    """Close the ends of a process and wait for its status."""
    assert process.stdout is not None
    process.stdout.close()
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass  # what was not yet written has no reader any more
    return process.wait()


def cause(status: int) -> str:
    """Say how a process ended.

    >>> cause(-9)
    'the worker process was killed by SIGKILL (the kernel does that when memory runs out)'
    """
    if status >= 0:
        return f"the worker process ended with status {status}"
    name = signal.Signals(-status).name
    hint = " (the kernel does that when memory runs out)" if -status == signal.SIGKILL else ""
    return f"the worker process was killed by {name}{hint}"


def answer_lines(do: Callable[[bytes, Callable[[bytes], None]], None]) -> None:
    """Do the tasks that come as lines of standard input; `do` gets one, and a function that writes a line.

    Ends as soon as nobody holds the other end of the input, also in the middle of a task. Whatever else prints goes to
    standard error.
    """
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        tasks: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=_read, args=(tasks,), daemon=True).start()

        def write(line: bytes) -> None:
            answers.write(line + b"\n")
            answers.flush()

        while True:
            do(tasks.get(), write)


def _read(tasks: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    os._exit(0)
