# SPDX-License-Identifier: Apache-2.0
"""How long a fleet takes on one core: verdicts for 100,000 hosts and 20 guest models, and the same one by one.

    python -m bench.fleet [--hosts N]

Hosts are drawn from the presets under many kernels and configurations, as objects of their own. Three times are
printed: gathering equal hosts, the verdicts on columns, and the path that asks about each host and guest (for a few
hosts, and reckoned up). The verdicts of these hosts are compared.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Final, NamedTuple

import numpy as np

from bench.here import machine
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import kernel
from xsavvy.kvm.configuration import configuration
from xsavvy.migrate import Guest, Host, guest_of
from xsavvy.migrate.fleet import CODES, Fleet, matrix, one_by_one

KERNELS: Final = ("v5.4", "v5.10", "v5.15", "v6.1", "v6.6", "v6.12", "v6.18", "v7.3", "debian-6.1.192",
                  "debian-6.12.117")  # fmt: skip
CONFIGURATIONS: Final = (
    (),
    (),
    (),
    ("nopku",),
    ("ibt=off",),
    ("no-tile-permission",),
    ("noxsaves",),
)
GUESTS: Final = (
    "plain", "xsave", "xsave,xsaves", "avx", "avx,xsavec", "avx,xsaves", "avx,pku", "avx,pku,xsaves", "avx,mpx", "mpx",
    "avx512", "avx512,pku", "avx512,pku,xsaves", "avx,amx", "avx512,pku,amx", "avx,shstk", "avx,shstk,ibt",
    "avx512,pku,shstk", "avx512,pku,amx,shstk,ibt", "host",
)  # fmt: skip
SLOW: Final = 1000
SOURCE: Final = "sapphire-rapids"


class Measured(NamedTuple):
    """Hosts, kinds and guests; seconds of each step; seconds one by one, reckoned up; which share loads."""

    hosts: int
    kinds: int
    guests: int
    gathering: float
    columns: float
    slowly: float
    loads: float

    @property
    def ratio(self) -> float:
        """How much sooner the columns are done."""
        return self.slowly / (self.gathering + self.columns)


def draw(count: int, seed: int = 1) -> list[Host]:
    """Draw hosts; each is an object of its own, as if read from a file."""
    rng = random.Random(seed)
    tables = [(name, PRESETS[name].table) for name in PRESETS]
    kernels = [kernel(name) for name in KERNELS]
    words = [configuration(each) for each in CONFIGURATIONS]
    return [Host(*rng.choice(tables), rng.choice(kernels), rng.choice(words)) for _ in range(count)]


def guests(source: Host) -> list[Guest]:
    """The guest models."""
    return [guest_of(text, source) for text in GUESTS]


def measured(count: int, slow: int = SLOW) -> Measured:
    """Measure a fleet of so many hosts; raises AssertionError if the two paths disagree."""
    hosts = draw(count)
    source = Host(SOURCE, PRESETS[SOURCE].table, kernel("v6.18"))
    models = guests(source)
    start = time.perf_counter()
    fleet = Fleet.of(hosts)
    gathered = time.perf_counter()
    found = matrix(source, fleet, models)
    done = time.perf_counter()
    few = draw(count)[:slow]
    begun = time.perf_counter()
    slowly = one_by_one(source, few, models)
    each = (time.perf_counter() - begun) / len(few)
    assert np.array_equal(found[: len(few)], slowly)
    return Measured(
        count, len(fleet.kinds), len(models), gathered - start, done - gathered, each * count,
        float((found == CODES["loads"]).mean()),
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=100_000)
    found, about = measured(parser.parse_args().hosts), machine()
    lines = (
        f"{about['processor']}, one core, load {about['load']}",
        f"{found.hosts:,} hosts of {found.kinds:,} kinds x {found.guests} guests, {found.loads:.0%} load",
        f"  gathering equal hosts  {found.gathering:8.2f} s",
        f"  verdicts on columns    {found.columns:8.2f} s",
        f"  one by one             {found.slowly:8.0f} s, reckoned: {found.ratio:,.0f} times as long",
    )
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
