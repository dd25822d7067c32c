# SPDX-License-Identifier: Apache-2.0
"""Tasks on the cores of this machine: one process per core, each fed through its own pipes.

A worker that dies takes one task with it; that task is unfinished, a new worker goes on with the next.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue

import msgspec

from xsavvy.api.process import cause, started, stopped
from xsavvy.checker.native.store import available

from .job import unfinished
from .result import JobResult, Task

__all__ = ["COMMAND", "on_this_machine", "shares"]

COMMAND = [sys.executable, "-m", "xsavvy.api.matrix.worker"]


def on_this_machine(tasks: Sequence[Task], jobs: int | None = None) -> Iterator[JobResult]:
    """Do tasks in a number of processes (None: one per usable core), and give results as they come."""
    waiting: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    done: SimpleQueue[JobResult] = SimpleQueue()
    benches = [_Bench(waiting, done) for _ in range(_workers(len(tasks), jobs))]
    try:
        for bench in benches:
            bench.start()
        for _ in tasks:
            yield done.get()
    finally:
        for bench in benches:
            bench.stop()
        for bench in benches:
            bench.join()


def shares(tasks: int, jobs: int | None, memory: int | None) -> tuple[int, int]:
    """Return how many threads, and how many bytes, each search of a number of tasks may take."""
    workers = max(1, _workers(tasks, jobs))
    whole = available() * 7 // 8 if memory is None else memory
    return max(1, len(os.sched_getaffinity(0)) // workers), whole // workers


def _workers(tasks: int, jobs: int | None) -> int:
    return min(jobs or len(os.sched_getaffinity(0)), tasks)


class _Bench(threading.Thread):
    """A place for one worker process; the thread waits for its answers."""

    def __init__(self, waiting: "SimpleQueue[Task]", done: "SimpleQueue[JobResult]") -> None:
        super().__init__(daemon=True)
        self._waiting = waiting
        self._done = done
        self._worker: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Let the worker do tasks until none waits."""
        while not self._stopped:
            try:
                task = self._waiting.get_nowait()
            except Empty:
                break
            self._done.put(self._do(task))
        self._end()

    def stop(self) -> None:
        """End the worker, whatever it does."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()

    def _do(self, task: Task) -> JobResult:
        try:
            worker = self._worker or self._hire()
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(msgspec.json.encode(task) + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
            if line.endswith(b"\n"):
                return msgspec.json.decode(line, type=JobResult)
        except OSError:
            pass  # the pipe is closed: the worker is gone, which its status explains
        except ValueError as error:
            # What was asked or answered is no JSON; the next task gets another worker.
            self._end()
            return unfinished(task.job, f"the worker cannot be talked to: {error}", task.digest)
        return unfinished(task.job, cause(self._end()), task.digest)

    def _hire(self) -> subprocess.Popen[bytes]:
        """Start a worker that finds the same modules and does not see the terminal's Ctrl-C."""
        with self._lock:
            if self._stopped:
                raise OSError("stopped")
            self._worker = started(COMMAND)
            return self._worker

    def _end(self) -> int:
        worker, self._worker = self._worker, None
        if worker is None:
            return 0
        return stopped(worker)
