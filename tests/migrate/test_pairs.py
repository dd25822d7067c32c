# SPDX-License-Identifier: Apache-2.0
"""From every host to every host, here and on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Run, run
from xsavvy import api
from xsavvy.cpuid.presets import PRESETS

if TYPE_CHECKING:
    from tests.api.test_cluster import Cluster

__all__ = ["run"]

NAMES = ["genoa", "milan", "rome", "ice-lake", "genoa", "sapphire-rapids@v6.12"]
GUESTS = ["host", "avx", "avx,pku"]


def test_pairs_are_the_fleets_of_every_source() -> None:
    """Each row is the totals of a fleet from that source."""
    found = api.fleet_pairs(NAMES, guests=GUESTS, kernel="v6.18")
    assert [row.count for row in found.rows] == [2, 1, 1, 1, 1]
    for row in found.rows:
        source = f"{row.host}@{row.kernel}"
        alone = api.fleet(NAMES, source=source, guests=GUESTS, kernel="v6.18")
        assert row.totals == alone.totals


def test_the_command_prints_how_many_take_it(run: Run) -> None:
    """A line for each kind of source."""
    lines = run(
        "fleet", "genoa", "milan", "rome", "--from-every", "--kernel", "v6.18"
    ).stdout.splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["genoa", "v6.18", "1", "1"], ["milan", "v6.18", "1", "2"], ["rome", "v6.18", "1", "3"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [("--from-every", "--from", "genoa"), ("--cluster", "tcp://127.0.0.1:1")],
    ids=["source", "cluster"],
)
def test_options_that_do_not_go_together(run: Run, words: tuple[str, ...]) -> None:
    """Said on one line."""
    done = run("fleet", "genoa", *words)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without workers, ended after the test."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    from tests.api.test_cluster import Cluster

    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_a_cluster_counts_what_one_machine_counts(dask: Cluster, tmp_path: Path) -> None:
    """All presets under two kernels, shared out in pieces, with a guest of a file."""
    path = tmp_path / "cpu.xml"
    path.write_text("<cpu><feature name='avx'/><feature name='pku'/></cpu>")
    names = [f"{name}@{release}" for name in PRESETS for release in ("v6.1", "v6.18")]
    guests = ["host", str(path)]
    dask.worker()
    shared = api.fleet_pairs(names, guests=guests, cluster=dask.address)
    assert shared == api.fleet_pairs(names, guests=guests)


def test_no_scheduler_is_one_line() -> None:
    """Wrong usage, with the address."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with pytest.raises(api.UsageError, match="expected an address"):
        api.fleet_pairs(["genoa"], cluster="nonsense")
