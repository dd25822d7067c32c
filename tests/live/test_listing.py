# SPDX-License-Identifier: Apache-2.0
"""Machine code says beside each instruction what it is; a disassembler must agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from xsavvy.live import cpuid
from xsavvy.live.bochs import kernel
from xsavvy.live.machine import clock, instruction, stub
from xsavvy.live.machine.listing import Code, assemble

LISTINGS = {"enter": stub.ENTER, "handler": stub.HANDLER, "back": stub.BACK, "cpuid": cpuid.ASK}
LISTINGS |= {"bochs": kernel.KERNEL, "clock": clock.loop("syscall | 0f 05")}
DATA = {"first address of our code", "first address beyond our code"}
DATA |= {"table of the previous actions"}


def disassembled(code: bytes, scratch: Path) -> dict[int, str]:
    if shutil.which("objdump") is None:
        pytest.skip("objdump not found (apt-get install binutils)")
    file = scratch / "code.bin"
    file.write_bytes(code)
    command = ["objdump", "-D", "-b", "binary", "-mi386:x86-64", "-Mintel", "-w", str(file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$", text, re.MULTILINE)
    return {int(offset, 16): line.split("#")[0] for offset, line in found}


def spelled(text: str, listing: Code) -> str:
    """Write an instruction as objdump does: one blank, places as offsets."""
    text = " ".join(text.split())
    jump = re.fullmatch(r"(j\w+) (\w+)", text)
    if jump and jump[2] in listing.places:
        return f"{jump[1]} {listing.places[jump[2]]:#x}"
    return text


@pytest.mark.parametrize("name", LISTINGS)
def test_the_bytes_are_what_stands_beside_them(name: str, tmp_path: Path) -> None:
    """Every line of every listing disassembles to its own text."""
    listing = LISTINGS[name]
    seen = disassembled(listing.code, tmp_path)
    for offset, text in listing.lines:
        if text in DATA:
            continue
        relative = re.search(r"\[rip\+(\w+)\]", text)
        found = " ".join(seen[offset].split())
        if relative:
            following = min(at for at, _ in listing.lines if at > offset)
            distance = listing.places[relative[1]] - following
            assert found == spelled(text.replace(relative[0], f"[rip+{distance:#x}]"), listing)
        else:
            assert found == spelled(text, listing)


@pytest.mark.parametrize("name", instruction.INSTRUCTIONS)
def test_the_tested_instructions_are_what_they_are_called(name: str, tmp_path: Path) -> None:
    """Every tested instruction disassembles to its own mnemonic, with [RSI] as its operand."""
    operand = "WORD PTR [rsi]" if name in instruction.LENS else "[rsi]"
    wanted = name if name in instruction.ACCESS else f"{name} {operand}"
    found = disassembled(instruction.encoding(name), tmp_path)[0]
    assert " ".join(found.split()) == wanted


def test_a_line_without_bytes_is_refused() -> None:
    """A mnemonic alone is no machine code."""
    with pytest.raises(ValueError, match="no bytes beside 'nop'"):
        assemble("nop")


def test_an_unknown_place_is_refused() -> None:
    """A reference to a place that no line names is an error."""
    with pytest.raises(ValueError, match="no place 'nowhere' in the listing"):
        assemble("jmp nowhere | eb >nowhere")


def test_a_place_out_of_reach_is_refused() -> None:
    """One signed byte reaches 127 bytes, not 200."""
    filler = "filler | " + "90 " * 200
    with pytest.raises(ValueError, match="'far' is too far away for 1 byte"):
        assemble(f"jmp far | eb >far\n{filler}\nfar:")
