# SPDX-License-Identifier: Apache-2.0
"""Every public dump at hand: what its KVM would show is legal, and a guest of it moves to an equal host."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy.cpuid import Table, UnreadableDump, read
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm import kernel
from xsavvy.migrate import Host, judge, offered_guest
from xsavvy.migrate.baseline import baseline

DATA = Path(__file__).parents[3] / "shared/data/cpuid"
FOLDERS = ("cpuid-r", "instlatx64", "libcpuid", "libvirt", "rjcp-xml")


def dumps() -> list[tuple[str, Table]]:
    """Tables of all files that are dumps and speak of leaf 0xD."""
    found = []
    for path in sorted(each for folder in FOLDERS for each in (DATA / folder).glob("*")):
        try:
            table = read(path.read_bytes(), path.name)
        except UnreadableDump:
            continue
        if table.find(0xD) is not None:
            found.append((path.name, table))
    return found


@pytest.mark.parametrize("release", ["v5.10", "v6.1", "v6.18"])
def test_every_public_dump_has_a_sound_offer(release: str) -> None:
    """Legal masks; its whole offer moves to an equal host, or the dump says too little, and says so."""
    tables = dumps()
    if not tables:
        pytest.skip(f"no third-party data below {DATA.name}")
    for name, table in tables:
        host = Host(name, table, kernel(release))
        guest = offered_guest(host)
        assert not guest.xcr0 or xcr0_ok(guest.xcr0, guest.xcr0), name
        verdict = judge(host, host, guest).verdict
        assert verdict == ("unknown" if host.missing & guest.mask else "loads"), name
    hosts = [Host(name, table, kernel(release)) for name, table in tables]
    assert baseline(hosts).guest.xcr0 in {0, 3}
