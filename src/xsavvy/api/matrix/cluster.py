# SPDX-License-Identifier: Apache-2.0
"""Tasks on a Dask cluster: names go out and results come back, as JSON; no object of the model travels.

A worker with other code is refused before anything starts. Dask gives the task of a dead worker to another one;
a task that takes several workers with it is unfinished. Source: distributed's documentation, "Resilience".
"""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from xsavvy.api.usage import UsageError

from .identity import code_identity
from .job import do_text, unfinished
from .result import JobResult, Task

__all__ = ["connected", "on_cluster", "same_code"]

CONNECT_SECONDS = 10
PATIENCE_SECONDS = 60
LOOK_SECONDS = 1
_ADDRESS = re.compile(r"([a-z]+://)?[^\s/]+:\d{1,5}")


def on_cluster(tasks: Sequence[Task], address: str) -> Iterator[JobResult]:
    """Do tasks on the workers of a scheduler, and give results as they come. Raises UsageError."""
    if not tasks:
        return
    client = connected(address)
    try:
        same_code(client, address)
        yield from _results(client, tasks)
    finally:
        client.close(timeout=CONNECT_SECONDS)


def connected(address: str) -> Any:
    """Return a client of a scheduler. Raises UsageError."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--cluster needs Dask, which is not installed: pip install 'xsavvy[cluster]'"
        ) from None
    # A client that finds no port in an address fails, and then prints a traceback when it is collected.
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"cluster {address!r}: no scheduler answers there: expected an address such as tcp://HOST:8786"
        )
    try:
        connect: Any = Client
        return connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"cluster {address!r}: no scheduler answers within {CONNECT_SECONDS} s ({words});"
            " expected an address such as tcp://HOST:8786"
        ) from None


def same_code(client: Any, address: str) -> None:
    """Compare the code of every worker with this process's. Raises UsageError."""
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise UsageError(f"cluster {address!r}: it has no workers")
    found = client.run(code_identity, on_error="return")
    for worker, digest in sorted(found.items()):
        if isinstance(digest, BaseException):
            raise UsageError(f"worker {worker}: cannot run xsavvy: {digest}")
        if digest != code_identity():
            raise UsageError(
                f"worker {worker}: has another version of xsavvy's code; install this one there"
            )


def _results(client: Any, tasks: Sequence[Task]) -> Iterator[JobResult]:
    import distributed

    wait: Any = distributed.wait
    # Priority makes the scheduler start tasks in our order, which is longest first.
    open_tasks = {
        client.submit(
            do_text, msgspec.json.encode(task).decode(), pure=False, priority=-number
        ): task
        for number, task in enumerate(tasks)
    }
    last_seen = time.monotonic()
    while open_tasks:
        try:
            with client.as_current():
                ready = wait(list(open_tasks), LOOK_SECONDS, "FIRST_COMPLETED").done
        except TimeoutError:
            ready = set()
        for future in ready:
            # "lost": its worker died with the result before it was fetched; the scheduler has it done again.
            if future.status != "lost":
                yield _result(future, open_tasks.pop(future))
        if client.status == "running" and client.scheduler_info(n_workers=-1)["workers"]:
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > PATIENCE_SECONDS or client.status == "closed":
            for task in open_tasks.values():
                yield unfinished(task.job, "the cluster is gone, or has no workers", task.digest)
            return


def _result(future: Any, task: Task) -> JobResult:
    if future.status == "finished":
        try:
            return msgspec.json.decode(future.result(), type=JobResult)
        except (msgspec.MsgspecError, OSError, RuntimeError) as error:
            return unfinished(task.job, f"its result was lost: {error}", task.digest)
    if future.status == "error":
        why = future.exception()
        return unfinished(task.job, f"{type(why).__name__}: {why}", task.digest)
    return unfinished(task.job, f"the cluster lost it ({future.status})", task.digest)
