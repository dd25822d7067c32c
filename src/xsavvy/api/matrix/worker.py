# SPDX-License-Identifier: Apache-2.0
"""A worker process of this machine: a task comes in as a line of JSON, its result leaves as one."""

from collections.abc import Callable

from xsavvy.api.matrix.job import do_text
from xsavvy.api.process import serve

__all__ = ["answer"]


def answer(line: bytes, write: Callable[[bytes], None]) -> None:
    """Do one task."""
    write(do_text(line.decode()).encode())


if __name__ == "__main__":
    serve(answer)
