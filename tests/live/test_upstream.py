# SPDX-License-Identifier: Apache-2.0
"""An unmodified Debian kernel's KVM follows the rules; without what it takes the reason is said."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from xsavvy.live.kvm import replay_capture
from xsavvy.live.kvm.upstream import VERSIONS, conform_upstream, package
from xsavvy.live.kvm.upstream.cpio import Archive
from xsavvy.live.machine.reach import Unreachable

CAPTURES = Path(__file__).parent / "captures"
LACKS = [
    name
    for name in ("qemu-system-x86_64", "apt-get", "dpkg-deb", "busybox")
    if not shutil.which(name)
]
REASON = f"{', '.join(LACKS)} not found" if LACKS else ""
if not REASON and not os.environ.get("XSAVVY_UPSTREAM"):
    REASON = "takes a minute and fetches a kernel: set XSAVVY_UPSTREAM=1"


@pytest.mark.slow
@pytest.mark.skipif(bool(REASON), reason=REASON or "QEMU is here")
@pytest.mark.parametrize("version", VERSIONS)
def test_debians_kernel_follows_the_rules(version: str) -> None:
    """The same questions as for this machine's KVM, under the rules of that version."""
    found = conform_upstream(version, images=100, masks=200)
    assert found.unexplained == ()
    assert found.rules == f"v{version}"
    assert found.met.module == "kvm_amd"
    assert found.cases > 2_000


def test_a_version_that_nobody_packages_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what was expected."""
    monkeypatch.setattr(package, "_run", lambda *_: "")
    monkeypatch.setattr(package, "NEEDED", ())
    with pytest.raises(Unreachable, match=r"apt knows no linux-image-9\.9"):
        conform_upstream("9.9")


def test_without_apt_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program is named."""
    monkeypatch.setattr(package, "NEEDED", ("no-such-program",))
    with pytest.raises(Unreachable, match="no-such-program is not here"):
        conform_upstream("6.12")


def test_a_failing_command_gives_its_last_words(tmp_path: Path) -> None:
    """What apt says last is what the reader is told."""
    with pytest.raises(Unreachable, match="boom"):
        package._run(["sh", "-c", "echo first; echo boom >&2; exit 1"], str(tmp_path))


def test_an_archive_has_its_files_and_their_directories() -> None:
    """The form is the one that Linux unpacks: headers of 110 bytes, all aligned to four."""
    archive = Archive()
    archive.add("/a/b/c", b"hello", executable=True)
    archive.directory("/dev")
    assert "/a/b/c" in archive
    data = gzip.decompress(archive.packed())
    names = []
    at = 0
    while at < len(data):
        assert data[at : at + 6] == b"070701"
        size, length = (int(data[at + start : at + start + 8], 16) for start in (54, 94))
        names.append(data[at + 110 : at + 110 + length - 1].decode())
        at += 110 + length + (-(110 + length)) % 4 + size + (-size) % 4
    assert names == ["a", "a/b", "a/b/c", "dev", "TRAILER!!!"]


@pytest.mark.parametrize(("name", "rules"), [("debian-6.1", "v6.1"), ("debian-6.12", "v6.12")])
def test_kept_answers_of_debians_kernels_follow_the_rules(name: str, rules: str) -> None:
    """What kvm_amd of an unmodified kernel answered once is predicted by the rules as they are now."""
    found = replay_capture(CAPTURES / f"{name}.jsonl.gz")
    assert found.unexplained == ()
    assert found.rules == rules
    assert found.met.module == "kvm_amd"


def test_debians_6_1_has_a_backport_that_its_answers_show() -> None:
    """KVM_SET_XSAVE of 6.1.192 accepts what the guest's CPUID lacks, as mainline does since v6.6."""
    found = replay_capture(CAPTURES / "debian-6.1.jsonl.gz")
    whys = {each.why for each in found.explained if each.group == "xsave"}
    assert len(whys) == 1
    assert "8647c52e9504" in whys.pop()
