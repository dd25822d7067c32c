# SPDX-License-Identifier: Apache-2.0
"""The functions behind `xsavvy image`: files and names in, typed objects or one line out."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.image.core import PART, elf, note, prstatus
from xsavvy.api import (
    UsageError,
    check_image,
    convert_image,
    convert_images,
    diff_images,
    show_image,
)
from xsavvy.image.header import write


@pytest.fixture
def blob(tmp_path: Path) -> str:
    """A KVM blob of Genoa with AVX-512 and PKRU."""
    layout = PART["genoa"].standard
    area = bytearray(4096)
    area[24:32] = bytes.fromhex("801f0000ffff0200")
    for index, value in ((2, 0x22), (6, 0x66), (9, 0x0C)):
        area[layout[index].offset] = value
    area[464:466] = (0x2E7).to_bytes(2, "little")
    write(area, xstate_bv=0x2E7)
    path = tmp_path / "blob"
    path.write_bytes(area)
    return str(path)


@pytest.fixture
def two_threads(tmp_path: Path) -> str:
    """A core with threads 7 and 8."""
    notes = []
    for tid in (7, 8):
        area = bytearray(832)
        area[576] = tid
        write(area, xstate_bv=4)
        notes += [note(b"CORE", 1, prstatus(tid)), note(b"LINUX", 0x202, bytes(area))]
    path = tmp_path / "core"
    path.write_bytes(elf(notes))
    return str(path)


def test_show(blob: str) -> None:
    """A blob is recognised, its layout found, its components named with their values."""
    (area,) = show_image(blob, lanes="u8")
    assert (area.kind, area.format, area.size, area.xcr0) == (
        "KVM_GET_XSAVE blob",
        "standard",
        4096,
        0x2E7,
    )
    assert area.certainty == "likely"
    assert area.cpus == ("genoa", "bergamo", "turin")
    parts = {each.name: each for each in area.components}
    assert parts["PKRU"].registers[0].value == "key 1: access denied"
    assert parts["AVX"].registers[0].lanes[16] == "34"
    assert parts["ZMM_HI256"].offset == 896


def test_show_one_thread(two_threads: str) -> None:
    """A thread is chosen by its number, and a wrong number names those there are."""
    assert [area.owner for area in show_image(two_threads)] == ["thread 7", "thread 8"]
    assert [area.owner for area in show_image(two_threads, thread=8)] == ["thread 8"]
    with pytest.raises(UsageError, match=r"no thread '9'; .*7, 8"):
        show_image(two_threads, thread=9)


def test_standard_input(blob: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input."""
    data = Path(blob).read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert show_image("-")[0].size == 4096


def test_a_pipe_by_name(blob: str, tmp_path: Path) -> None:
    """A named pipe, as shells make of a process, is read to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(Path(blob).read_bytes()))
    writer.start()
    assert show_image(str(pipe))[0].size == 4096
    writer.join()


def test_check(blob: str) -> None:
    """The judges that take the format are asked, on the CPU and the kernel that are named."""
    found = check_image(blob, cpu="genoa", kernel="v6.18")
    assert [(each.by, each.accepts, each.sound) for each in found] == [
        ("XRSTOR", True, True), ("KVM_SET_XSAVE v6.18", True, True),
    ]  # fmt: skip
    on_intel = check_image(blob, cpu="ice-lake", kernel="v6.18")
    assert [each.sound for each in on_intel] == [False, False]
    assert any("PKRU: saved at 2432, read at 2688" in why for why in on_intel[0].why)
    (refused,) = check_image(blob, cpu="genoa", xcr0=7, by=["xrstor"])
    assert refused.stop == "#GP(0)"
    (narrow,) = check_image(blob, cpu="genoa", kernel="v6.1", guest_xcr0=7, by=["kvm"])
    assert narrow.stop == "EINVAL"


def test_convert_and_back(blob: str, tmp_path: Path) -> None:
    """A blob goes to Intel's layout and back, and is the same by meaning everywhere."""
    there = convert_image(blob, to="standard", cpu="ice-lake")
    assert (len(there.area), there.saved) == (
        4096,
        ("X87", "SSE", "AVX", "OPMASK", "ZMM_HI256", "HI16_ZMM", "PKRU"),
    )
    path = tmp_path / "there"
    path.write_bytes(there.area)
    assert diff_images(blob, str(path), cpus=("genoa", "ice-lake")) == []
    back = convert_image(str(path), to="standard", cpu="genoa", from_cpu="ice-lake")
    assert back.area == Path(blob).read_bytes()


def test_a_fleet(blob: str) -> None:
    """Many areas are converted as each would be alone, whatever their sizes; refusals keep their number."""
    area = Path(blob).read_bytes()
    alone = convert_image(blob, to="standard", cpu="ice-lake").area
    done = convert_images(
        [area, area[:2440], area], to="standard", from_cpu="genoa", cpu="ice-lake", kind="kvm"
    )
    assert done.areas == (alone, alone, alone)
    lost = convert_images([area], to="standard", from_cpu="genoa", cpu="haswell")
    assert lost.areas == (None,)
    assert "PKRU is not supported" in lost.refused[0]
    for call, words in (
        ({"to": "compact"}, "no format"),
        ({"to": "standard", "kind": "elf"}, "no kind of image 'elf'"),
        ({"to": "standard", "drop": ["MXCSR"]}, "cannot be dropped"),
        ({"to": "standard"}, "area 0: expected 576 to 65536 bytes, found 3"),
    ):
        with pytest.raises(UsageError, match=words):
            convert_images([b"abc"], from_cpu="genoa", cpu="genoa", **call)


def test_convert_does_not_lose(blob: str) -> None:
    """What the target lacks is refused by name, and given up by name."""
    with pytest.raises(UsageError, match="PKRU is not supported by the target's processor"):
        convert_image(blob, to="standard", cpu="haswell")
    gone = ["opmask", "ZMM_HI256", "HI16_ZMM", "PKRU"]
    assert convert_image(blob, to="standard", cpu="haswell", drop=gone).saved == (
        "X87",
        "SSE",
        "AVX",
    )
    done = convert_image(blob, to="compacted", cpu="genoa", default=[*gone, "MXCSR"])
    assert "PKRU" in done.components
    assert "PKRU" not in done.saved


def test_diff(two_threads: str, blob: str) -> None:
    """Threads are compared in their order; another number of areas is refused."""
    assert diff_images(two_threads, two_threads) == []
    (found,) = diff_images(two_threads, two_threads, threads=(7, 8))
    assert (found.component, found.register) == ("AVX", "ymm0")
    with pytest.raises(UsageError, match=r"has 2 areas, .* 1: choose"):
        diff_images(two_threads, blob)


WRONG = [
    (lambda path: show_image(path, lanes="f31"), "no kind of lanes 'f31'; nearest: f32"),
    (lambda path: show_image(path, kind="elv"), "no kind of image 'elv'; nearest: elf"),
    (lambda path: show_image(path, kind="elf"), "expected an ELF header"),
    (
        lambda path: show_image(path, cpu="genova"),
        "no CPU (preset, or file with a CPUID dump) 'genova'",
    ),
    (lambda path: show_image(path, cpu=path), "expected text"),
    (lambda path: show_image(path, thread=-5), "no thread '-5'; there is none"),
    (lambda path: show_image(f"{path}.no"), "cannot be read: No such file or directory"),
    (lambda path: check_image(path, by=["xrstore"]), "no judge 'xrstore'; nearest: xrstor"),
    (lambda path: check_image(path, cpu="genoa", kernel="v9.9"), "kernel 'v9.9'"),
    (lambda path: check_image(path, cpu="genoa", xcr0=0x60003), "genoa has no XTILECFG, XTILEDATA"),
    (
        lambda path: check_image(path, cpu="genoa", xcr0=0x27),
        "expected a value that XSETBV of genoa accepts",
    ),
    (lambda path: check_image(path, cpu="genoa", xfd=4), "genoa has no AVX"),
    (lambda path: convert_image(path, to="compact"), "no format 'compact'; nearest: compacted"),
    (lambda path: convert_image(path, to="standard", drop=["MXCSR"]), "MXCSR cannot be dropped"),
    (
        lambda path: convert_image(path, to="standard", drop=["PRKU"]),
        "no component 'PRKU'; nearest: PKRU",
    ),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_wrong_names(blob: str, call: object, words: str) -> None:
    """Every wrong name or file is one line that says what was expected."""
    assert callable(call)
    with pytest.raises(UsageError) as caught:
        call(blob)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_one_area_is_converted(two_threads: str) -> None:
    """A core with several threads asks which of them."""
    with pytest.raises(UsageError, match=r"2 areas \(thread 7, thread 8, \.\.\.\): choose one"):
        convert_image(two_threads, to="standard", cpu="genoa")
