# SPDX-License-Identifier: Apache-2.0
"""A worker process of this machine: a task comes in as a line of JSON, its result leaves as one.

It ends as soon as nobody holds the other end of its input, also in the middle of a search.
"""

import os
import sys
import threading
from queue import SimpleQueue

from xsavvy.api.matrix.job import do_text

__all__ = ["serve"]


def serve() -> None:
    """Do tasks from standard input until it ends; whatever else prints goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        tasks: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=_read, args=(tasks,), daemon=True).start()
        while True:
            answers.write(do_text(tasks.get().decode()).encode() + b"\n")
            answers.flush()


def _read(tasks: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    os._exit(0)


if __name__ == "__main__":
    serve()
