# SPDX-License-Identifier: Apache-2.0
"""The commands about hosts and guests: their text, their JSON, their exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_exposes_has_the_names_of_the_design(run: Run) -> None:
    """xcr0, xss, cpuid, msrs and reasons, each reason with bit, shown, why and source."""
    done = run(
        "exposes", "granite-rapids", "--kernel", "v6.18", "--host", "ibt=off,nopku", "--json"
    )
    found = json.loads(done.stdout)["results"][0]
    assert done.exit_code == 0
    assert found["xss"] == 0x1800
    assert {"leaf", "subleaf", "eax", "ebx", "ecx", "edx"} == set(found["cpuid"][0])
    assert {each["name"] for each in found["msrs"]} >= {"IA32_XSS", "IA32_XFD"}
    hidden = {each["bit"]: each for each in found["reasons"] if each["shown"] is False}
    assert {"cet_ibt", "pku", "XCR0.PKRU"} <= set(hidden)
    assert hidden["XCR0.PKRU"]["source"]


def test_migrate_has_the_names_of_the_design(run: Run) -> None:
    """from, to, guest, verdict, and findings with component, rule, source and commit."""
    done = run("migrate", "--from", "genoa@v5.16", "--to", "genoa@v6.5", "--guest", "avx", "--json")
    found = json.loads(done.stdout)["results"][0]
    assert done.exit_code == 1
    assert list(found) == ["from", "to", "guest", "verdict", "findings"]
    last = found["findings"][-1]
    assert (last["component"], last["rule"], last["commit"]) == (
        "PKRU",
        "KVM_SET_XSAVE",
        "ad856280ddea",
    )


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("exposes", "genoa", "--kernel", "v6.18"), 0, "CET_U"),
        (("migrate", "--from", "genoa", "--to", "genoa"), 0, "loads"),
        (
            ("migrate", "--from", "genoa", "--to", "rome", "--guest", "xcr0=0x207,xss=0x1800"),
            1,
            "refused",
        ),
        (("migrate", "--from", "rome", "--to", "genoa", "--guest", "avx,pku"), 3, "unknown"),
        (("baseline", "genoa", "milan"), 0, "because of milan"),
        (
            ("baseline", "genoa", "milan", "--format", "qemu", "--model", "EPYC"),
            0,
            "-cpu EPYC,enforce,+xsave",
        ),
        (("save-set", "genoa", "--kernel", "v6.18"), 0, "IA32_PL3_SSP"),
        (("fleet", "genoa", "milan", "--guest", "avx"), 0, "loads on"),
    ],
)
def test_text_and_status(run: Run, words: tuple[str, ...], status: int, text: str) -> None:
    """0 all well, 1 something was found, 3 it cannot be said."""
    done = run(*words)
    assert (done.exit_code, done.stderr) == (status, "")
    assert text in done.stdout


def test_a_list_that_lacks_something(run: Run, tmp_path: Path) -> None:
    """Status 1, and the name."""
    path = tmp_path / "list"
    path.write_text("0xda0")
    done = run("save-set", "genoa", "--kernel", "v6.18", "--vmm-list", str(path))
    assert done.exit_code == 1
    assert "missing: IA32_U_CET" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("exposes", "genova"), "nearest: genoa"),
        (("exposes", "genoa", "--kernel", "v9"), "nearest"),
        (("exposes", "genoa@"), "expected a version"),
        (("exposes", "genoa", "--host", "nopkru"), "nearest: nopku"),
        (
            ("migrate", "--from", "genoa", "--to", "genoa", "--guest", "avx1024"),
            "'avx1024' is no feature",
        ),
        (("migrate", "--from", "genoa", "--to", "genoa", "--guest", ","), "empty guest"),
        (("save-se", "genoa"), "save-set"),
    ],
)
def test_mistakes_are_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    """Status 2, one line, and what was expected."""
    done = run(*words)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


LEAF_D = b'{"cpuid_modifiers":[{"leaf":"0xd","subleaf":"0x0","modifiers":[{"register":"eax","bitmap":"0b2x"}]}]}'
DAMAGED = [b"", b"{", b"<cpu", b'{"cpuid_modifiers": [1], "x": "0bx"}', b"\xff\x00garbage", LEAF_D]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_guest_that_cannot_be_read_is_one_line(run: Run, tmp_path: Path, data: bytes) -> None:
    """Damaged files give no traceback."""
    path = tmp_path / "guest"
    path.write_bytes(data)
    done = run("migrate", "--from", "genoa", "--to", "genoa", "--guest", str(path))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
