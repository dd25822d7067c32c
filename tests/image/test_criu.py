# SPDX-License-Identifier: Apache-2.0
"""CRIU's core images, in protobuf and as `crit` prints them."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.image.wire import MAGIC, criu_core, message, number
from xsavvy.image.file import Kind, Saved, UnreadableImage, read_bytes
from xsavvy.image.recover import Certainty, recover
from xsavvy.image.view import view

CRIT = {
    "magic": "CORE",
    "entries": [
        {
            "mtype": "X86_64",
            "thread_info": {
                "fpregs": {
                    "cwd": 0x37F, "swd": 0, "twd": 0, "fop": 0, "rip": 0, "rdp": 0,
                    "mxcsr": 8064, "mxcsr_mask": 65535, "xmm_space": [1, 2],
                    "xsave": {"xstate_bv": 0x207, "ymmh_space": [3, 4], "pkru": [0x55555554, 0]},
                }
            },
        }
    ],
}  # fmt: skip


def states(saved: Saved) -> dict[str, str]:
    """The registers that tell one image from another."""
    found = view(saved, recover(saved))
    shown = {"mxcsr", "xmm0", "ymm0", "pkru"}
    return {
        each.name: each.hex for part in found.parts for each in part.registers if each.name in shown
    }


@pytest.mark.parametrize("packed", [False, True])
def test_a_core_image_is_put_together(packed: bool) -> None:
    """Arrays become components, packed or not, with a layout that the file states."""
    (saved,) = read_bytes(criu_core(packed=packed))
    assert saved.kind is Kind.CRIU
    assert recover(saved).certainty is Certainty.STATED
    assert states(saved) == {
        "mxcsr": "0x00001f80",
        "xmm0": f"0x{2 << 32 | 1:032x}",
        "ymm0": f"0x{4 << 32 | 3:032x}",
        "pkru": "0x55555554",
    }


def test_json_says_the_same() -> None:
    """What `crit decode` prints gives the same registers as the image."""
    (saved,) = read_bytes(json.dumps(CRIT).encode())
    assert states(saved) == states(read_bytes(criu_core())[0])


def test_the_first_image_version_has_one_magic_number() -> None:
    """Images without the common magic number are read, too."""
    assert states(read_bytes(criu_core()[4:])[0]) == states(read_bytes(criu_core())[0])


def test_what_criu_loses_is_cut_off() -> None:
    """A component of XSTATE_BV for which CRIU has no array has no place."""
    (saved,) = read_bytes(criu_core(xstate_bv=0x60207))
    parts = {part.name: part.state for part in view(saved, recover(saved)).parts}
    assert parts["XTILEDATA"] == "no known place"


def test_shadow_stacks_stand_beside_the_area() -> None:
    """CET comes from another call of the kernel, so it is a remark and no component."""
    (saved,) = read_bytes(criu_core(more=message(9, number(1, 1) + number(2, 0x7F0000001000))))
    assert saved.beside == {"IA32_U_CET": 1, "IA32_PL3_SSP": 0x7F0000001000}
    assert "beside the area: IA32_U_CET 0x1" in view(saved, recover(saved)).remarks


ENTRY = criu_core()[12:]
REFUSED = {
    "expected an entry of 99 bytes": MAGIC + struct.pack("<I", 99) + b"abc",
    "expected thread_info.fpregs of x86": MAGIC + struct.pack("<I", 2) + number(1, 3),
    "expected a varint that ends": MAGIC + struct.pack("<I", 1) + b"\xff",
    "found wire type 3": MAGIC + struct.pack("<I", 1) + b"\x0b",
    "expected 90 bytes at byte 2, found 1": MAGIC + struct.pack("<I", 3) + b"\x12\x5aA",
    "at most 64 numbers in xmm_space": criu_core(xmm=[1] * 65),
    "expected what 'crit decode' prints": b'{"magic": "CORE", "entries": ' + b"[" * 5000,
    "127 numbers": json.dumps(CRIT).replace("[3, 4]", str([1] * 127)).encode(),
    "no number of 64 bits": json.dumps(CRIT).replace("8064", "-1").encode(),
}


@pytest.mark.parametrize("words", REFUSED)
def test_damaged_images_get_one_line(words: str) -> None:
    """A damaged image is refused on one line that says what was expected."""
    with pytest.raises(UnreadableImage) as caught:
        read_bytes(REFUSED[words], "core-1.img")
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


GENERAL = (
    "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss fs_base gs_base ds es fs gs"
).split()


@pytest.mark.skipif(shutil.which("crit") is None, reason="no crit here to encode an image")
def test_an_image_that_crit_encodes(tmp_path: Path) -> None:
    """An image that CRIU's own tool encoded is read as the JSON that it was made of."""
    whole = json.loads(json.dumps(CRIT))
    thread = whole["entries"][0]["thread_info"]
    thread["clear_tid_addr"], thread["gpregs"] = "0x7f00", dict.fromkeys(GENERAL, 5)
    thread["fpregs"]["st_space"] = list(range(32))
    source, target = tmp_path / "core.json", tmp_path / "core-1.img"
    source.write_text(json.dumps(whole))
    command = [str(shutil.which("crit")), "encode", "-i", str(source), "-o", str(target)]
    ran = subprocess.run(command, capture_output=True, check=False)
    if ran.returncode:
        pytest.skip(f"crit cannot encode here: {ran.stderr.decode(errors='replace')[-80:]}")
    (saved,), (same,) = read_bytes(target.read_bytes()), read_bytes(source.read_bytes())
    assert saved == same
