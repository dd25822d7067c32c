# SPDX-License-Identifier: Apache-2.0
"""Campaigns on a real Dask cluster: a scheduler and two workers, each a process of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import xsavvy
from tests.api.test_campaign import essence
from xsavvy.api import JobResult, UsageError, campaign
from xsavvy.api.matrix import cluster

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

WORLDS: dict[str, Any] = {
    "scenarios": ["pkru-xinuse", "xss"],
    "kernels": ["v6.12..v6.18"],
    "platforms": ["genoa", "sapphire-rapids"],
}
# While nobody asks, both workers finish tasks; then the scheduler tells of a dead one.
PILE_UP_SECONDS = 3
NOTICE_SECONDS = 1


class Cluster:
    """A scheduler's address, and a way to start workers for it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._file = folder / "scheduler.json"
        self._start("scheduler", ["--host", "127.0.0.1", "--port", "0"], {})

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one worker process."""
        return self._start("worker", ["--no-nanny", "--nthreads", "1"], environment)

    @property
    def address(self) -> str:
        """The scheduler's address, once the workers that were started are there."""
        from distributed import Client

        connect: Any = Client
        with connect(scheduler_file=str(self._file), timeout=30, set_as_default=False) as client:
            if self._workers:
                client.wait_for_workers(self._workers, timeout=60)
            return str(client.scheduler.address)

    _workers = 0

    def _start(
        self, what: str, words: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        self._workers += what == "worker"
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard",
                   "--scheduler-file", str(self._file), *words]  # fmt: skip
        process = self._stack.enter_context(
            subprocess.Popen(
                command, cwd=self._folder, env={**os.environ, **environment},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        self._stack.callback(process.kill)
        return process


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without workers, ended after the test."""
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.mark.slow
def test_a_cluster_finds_what_one_machine_finds_though_a_worker_dies(
    dask: Cluster, tmp_path: Path
) -> None:
    """One of two workers is killed while it holds results that nobody has fetched: all is as in a local run."""
    doomed = dask.worker()
    dask.worker()
    address = dask.address
    told: list[JobResult] = []

    def kill(found: JobResult) -> None:
        told.append(found)
        if len(told) == 1:
            time.sleep(PILE_UP_SECONDS)
        if len(told) == 2:
            doomed.send_signal(signal.SIGKILL)
            time.sleep(NOTICE_SECONDS)

    path = tmp_path / "cluster.db"
    report = campaign(**WORLDS, cluster=address, results=path, on_result=kill)
    assert doomed.wait() == -signal.SIGKILL
    assert len(told) == len(report.jobs) == 28
    assert {each.verdict for each in report.jobs} <= {"holds", "violated"}
    assert essence(report) == essence(campaign(**WORLDS))
    again = campaign(**WORLDS, cluster="tcp://127.0.0.1:1", results=path)
    assert {each.origin for each in again.jobs} == {"kept"}


def test_a_worker_with_other_code_is_refused(dask: Cluster, tmp_path: Path) -> None:
    """A worker that runs another version of the package ends the campaign before it starts."""
    copy = tmp_path / "other"
    shutil.copytree(Path(xsavvy.__file__).parent, copy / "xsavvy")
    with (copy / "xsavvy" / "version.py").open("a") as file:
        file.write("# changed\n")
    dask.worker(PYTHONPATH=str(copy))
    with pytest.raises(UsageError, match="has another version of xsavvy's code"):
        campaign(**WORLDS, cluster=dask.address)


def test_a_cluster_without_workers_is_wrong_usage(dask: Cluster) -> None:
    """A scheduler that has nobody to work is told of at once."""
    with pytest.raises(UsageError, match="it has no workers"):
        campaign(**WORLDS, cluster=dask.address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1:port", ""])
def test_an_address_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Where no scheduler answers in time, the address and what was expected are told."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(UsageError) as error:
        campaign(**WORLDS, cluster=address)
    assert f"cluster {address!r}: no scheduler answers" in str(error.value)
    assert "\n" not in str(error.value)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, one line says how to install it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'xsavvy\[cluster\]'"):
        campaign(**WORLDS, cluster="tcp://127.0.0.1:1")
