# SPDX-License-Identifier: Apache-2.0
"""Files that a caller names."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from xsavvy.api import UsageError, baseline, check, conform_silicon, cpu, migrate, run
from xsavvy.api.file import LIMIT, dump_bytes, file_bytes, reading, writing
from xsavvy.cpuid.presets import PRESETS


def test_a_forced_format_asks_for_a_file() -> None:
    """With a format a name is a file's, even if it is a preset's too."""
    with pytest.raises(UsageError, match=r"^genoa: cannot be read: No such file"):
        cpu("genoa", "raw")


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """One byte more than the limit says that there is more."""
    assert len(file_bytes("/dev/zero", 100)) == 101
    assert len(file_bytes(Path("/dev/zero"))) == LIMIT + 1


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is read up to the limit as well."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abcdef")))
    assert file_bytes("-", 3) == b"abcd"


@pytest.mark.parametrize("name", ["no/such", "x" * 5000, "a\0b", ""])
def test_a_name_that_no_file_has_is_no_dump(name: str) -> None:
    """A name that is too long, or impossible, is an unknown host like any other."""
    with pytest.raises(UsageError, match=r"^no host .preset, or file with a CPUID dump"):
        dump_bytes(name, "host")


def test_what_the_system_refuses_names_the_file(tmp_path: Path) -> None:
    """A folder is no file; a full disk is told with the name, which the system does not give."""
    with pytest.raises(UsageError, match=f"^{tmp_path}: cannot be read: Is a directory$"):
        file_bytes(tmp_path)
    with (
        pytest.raises(UsageError, match="/dev/full: cannot be written: No space left on device"),
        writing("/dev/full"),
    ):
        Path("/dev/full").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="mine"), reading("x"), writing("y"):
        raise ValueError("mine")


def test_a_pipe_with_a_name_is_a_dump(tmp_path: Path) -> None:
    """What a shell's `<(...)` names is read for a host, a platform, a CPU and a guest."""
    text = "CPU:\n" + "".join(
        f"   {leaf:#010x} {index:#04x}: eax={v.eax:#010x} ebx={v.ebx:#010x} ecx={v.ecx:#010x} edx={v.edx:#010x}\n"
        for (leaf, index), v in PRESETS["genoa"].table.items()
    )

    def piped(name: str) -> str:
        path = tmp_path / name
        os.mkfifo(path)
        threading.Thread(target=path.write_text, args=(text,), daemon=True).start()
        return str(path)

    assert cpu(piped("cpu")).xcr0 == cpu("genoa").xcr0
    assert baseline([piped("host"), "genoa"]).xcr0 == baseline(["genoa"]).xcr0
    assert migrate("genoa", "genoa", guest=piped("guest")).verdict == "loads"
    assert {
        each.verdict for each in check(["pkru-xinuse"], platform=piped("platform")).results
    } == {"holds"}


def test_a_program_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input for a program, too; what is no program is one line."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"write XMM = guest\n")))
    assert run("-").lines == {1: "write XMM = guest"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\0")))
    with pytest.raises(UsageError, match=r"^<stdin>:1: "):
        run("-")


def test_a_replay_without_cases_is_refused(tmp_path: Path) -> None:
    """An empty file does not agree with the model: it says nothing. A file without end is no record."""
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(UsageError, match="empty; expected recorded cases"):
        conform_silicon(replay=tmp_path / "empty")
    with pytest.raises(UsageError, match=f"expected at most {LIMIT} bytes"):
        conform_silicon(replay=Path("/dev/zero"))
