# SPDX-License-Identifier: Apache-2.0
"""Threads that run the same kernel function, each on its lane, and a Ctrl-C that waits for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType


class Team:
    """The calling thread and its helpers, which are started when first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.helpers: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[int], int], lanes: Iterable[int]) -> list[int]:
        """Call a function for each lane, all at once; return the results in order."""
        first, *others = lanes
        if not others:
            return [work(first)]
        if self.helpers is None:
            self.helpers = ThreadPoolExecutor(max(1, self.threads - 1), "search")
        futures = [self.helpers.submit(work, lane) for lane in others]
        return [work(first), *(future.result() for future in futures)]

    def close(self) -> None:
        """End the helpers."""
        if self.helpers is not None:
            self.helpers.shutdown()


class Flag:
    """Whether the user has pressed Ctrl-C."""

    def __init__(self) -> None:
        self.up = False

    def lift(self, _signal: int, _frame: FrameType | None) -> None:
        """Note the signal."""
        self.up = True


@contextmanager
def patient() -> Iterator[Flag]:
    """Turn Ctrl-C into a flag, so that it never comes upon the search between two steps.

    Does nothing outside the main thread, or when the program has its own handler.
    """
    flag = Flag()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield flag
        return
    signal.signal(signal.SIGINT, flag.lift)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
