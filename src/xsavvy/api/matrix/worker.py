# SPDX-License-Identifier: Apache-2.0
"""A worker process of this machine: a task comes in as a line of JSON, its result leaves as one."""

from collections.abc import Callable

from xsavvy.api.matrix.job import do_text
from xsavvy.api.process import answer_lines

__all__ = ["serve"]


def serve() -> None:
    """Do tasks from standard input until it ends."""
    answer_lines(_do)


def _do(line: bytes, write: Callable[[bytes], None]) -> None:
    write(do_text(line.decode()).encode())


if __name__ == "__main__":
    serve()
