# SPDX-License-Identifier: Apache-2.0
"""Searches of the explorer, in a process beside it: one at a time, and each can be ended."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Self

import msgspec

from xsavvy.api.process import cause, started, stopped
from xsavvy.api.usage import UsageError, unknown

from .address import WorldAddress
from .exploring import Explorer
from .seeker import MOST_STATES, News, Wish

__all__ = ["COMMAND", "Searches"]

COMMAND = [sys.executable, "-m", "xsavvy.api.explorer.seekprocess"]
MOST_JOBS = 16
"""Searches whose news are kept."""

REPLACED = "another search was begun"
ENDED = "it was ended"


class _Job:
    """A search that was begun, and its latest news."""

    def __init__(self) -> None:
        self.news = News()

    @property
    def runs(self) -> bool:
        return self.news.state == "running"

    def fail(self, why: str) -> None:
        if self.runs:
            self.news = msgspec.structs.replace(self.news, state="failed", error=why)


class Searches:
    """Begins searches in an explorer's worlds, tells how they are, and ends them.

    A search of more than `max_states` states ends without a verdict. May be asked by several threads.

    >>> explorer = Explorer(WorldAddress("pkru-xinuse", "v6.18"), platform="genoa")
    >>> with Searches(explorer) as searches:
    ...     job = searches.begin(explorer.begin, witness="guest_has_its_own_pkru")
    ...     searches.wait(job)
    ...     searches.look(job).verdict
    'seen'
    """

    def __init__(self, explorer: Explorer, max_states: int = MOST_STATES) -> None:
        self.explorer = explorer
        self.max_states = max_states
        self._numbers = itertools.count(1)
        self._jobs: dict[int, _Job] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._worker: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(
        self,
        address: WorldAddress,
        *,
        property: str = "",  # noqa: A002 (the option's name)
        witness: str = "",
        path: Sequence[int] = (),
        max_states: int | None = None,
    ) -> int:
        """Begin the search for a violation or a witness, from the end of a path; return its number.

        A search that still runs ends. Raises UsageError.
        """
        wish = self._wish(address, property, witness, path, max_states)
        with self._lock:
            self._end_all(REPLACED)
            number, job = next(self._numbers), _Job()
            self._jobs[number] = job
            thread = threading.Thread(target=self._do, args=(job, wish), daemon=True)
            self._threads = {number: thread}
            for old in list(self._jobs)[:-MOST_JOBS]:
                del self._jobs[old]
            thread.start()
        return number

    def look(self, number: int) -> News | None:
        """Return how a search is; None if there is none of that number."""
        job = self._jobs.get(number)
        return None if job is None else job.news

    def end(self, number: int) -> News | None:
        """End a search; it has failed then, unless it was done."""
        job = self._jobs.get(number)
        if job is None:
            return None
        with self._lock:
            if job.runs:
                self._end_all(ENDED)
        return job.news

    def wait(self, number: int) -> None:
        """Wait until a search is done."""
        thread = self._threads.get(number)
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """End what runs, and the process."""
        with self._lock:
            self._end_all(ENDED)
            worker, self._worker = self._worker, None
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()
        if worker is not None:
            worker.kill()
            stopped(worker)

    def _wish(
        self,
        address: WorldAddress,
        name: str,
        witness: str,
        path: Sequence[int],
        max_states: int | None,
    ) -> Wish:
        if bool(name) == bool(witness):
            raise UsageError("search: expected a property or a witness")
        if max_states is not None and max_states < 1:
            raise UsageError(f"search: max_states={max_states}: expected at least 1")
        place = self.explorer.place(address)
        program = place.walk.system.program
        for asked, items in ((name, program.properties), (witness, program.witnesses)):
            if asked and asked not in [each.name for each in items]:
                kind = f"{'property' if name else 'witness'} in scenario {place.address.scenario}"
                raise unknown(kind, asked[:80], [each.name for each in items])
        patch = self.explorer.patch
        return Wish(
            scenario=place.address.scenario,
            kernel=place.address.kernel,
            platform=self.explorer.platform_argument(place.address.platform),
            set=dict(place.address.set),
            patch="" if patch is None else str(patch),
            property=name,
            witness=witness,
            path=list(path),
            max_states=min(max_states or self.max_states, self.max_states),
        )

    def _do(self, job: _Job, wish: Wish) -> None:
        """Hand a wish to a worker, and take its news until it is done."""
        worker = self._hired(job)
        if worker is None:
            return
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(msgspec.json.encode(wish) + b"\n")
            worker.stdin.flush()
            goes_on = True
            while goes_on and (line := worker.stdout.readline()).endswith(b"\n"):
                goes_on = self._told(job, line)
        except OSError:
            pass  # the pipe is closed: the worker is gone, which its status explains
        with self._lock:
            if not job.runs and self._worker is worker:
                return
            self._worker = None if self._worker is worker else self._worker
        why = cause(stopped(worker))
        with self._lock:
            job.fail(why)

    def _told(self, job: _Job, line: bytes) -> bool:
        """Take a line of news; return whether the search goes on."""
        news = msgspec.json.decode(line, type=News)
        with self._lock:
            if job.runs:
                job.news = news
            return job.runs

    def _hired(self, job: _Job) -> subprocess.Popen[bytes] | None:
        """Return the worker that waits, or a new one; None if the job has ended before it began."""
        with self._lock:
            if not job.runs:
                return None
            try:
                self._worker = self._worker or started(COMMAND)
            except OSError as error:
                job.fail(f"no process can be started: {error.strerror}")
            return self._worker

    def _end_all(self, why: str) -> None:
        """End what runs; its worker may be in the middle of it, so it ends too."""
        for job in self._jobs.values():
            if job.runs:
                job.fail(why)
                if self._worker is not None:
                    self._worker.kill()
                    self._worker = None
