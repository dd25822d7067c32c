# SPDX-License-Identifier: Apache-2.0
"""Answers of a Bochs that was met once: judged without it, and against wrong rules.

The capture is every twentieth case of `xsavvy conform --bochs --cases 6000`, and those that write CR0 or CR4.
"""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xsavvy.isa import masks, registers
from xsavvy.isa import system as system_rules
from xsavvy.live.bochs import is_capture, replay_capture
from xsavvy.live.bochs.known import FILTERS
from xsavvy.live.capture import LONGEST, BadCapture

ROOT = Path(__file__).parents[2]
CAPTURE = Path(__file__).parent / "captures" / "bochs-2.7.jsonl.gz"


def no_reserved_bytes(bv: int, bv_63: int, xcomp_bv: int, zero: int, features: int) -> int:
    """Look at the bitmaps alone."""
    del zero
    return 0 if xcomp_bv & ~features or bv & ~xcomp_bv or bv_63 else 1


def test_the_kept_answers_are_explained() -> None:
    """Without the emulator the rules are still held against what it said."""
    found = replay_capture(CAPTURE)
    assert found.unexplained == ()
    assert found.oracle == "bochs (replayed)"
    assert found.met.kernel == "Bochs 2.7"
    assert found.cases > 500


@pytest.mark.parametrize(
    ("room", "rule", "wrong"),
    [
        (masks, "compacted_header_ok", no_reserved_bytes),
        (masks, "standard_header_ok", lambda *_: 1),
        (masks, "standard_loads_mxcsr", lambda *_: 0),
        (masks, "rfbm_supervisor", lambda mask, xcr0, _: mask & xcr0),
        (masks, "xsave_writes_mxcsr", lambda *_: 0),
        (masks, "xrstor_inits", lambda *_: 0),
        (masks, "xcr0_ok", lambda *_: 1),
        (registers, "xss_ok", lambda *_: 1),
        (registers, "ssp_ok", lambda *_: 1),
        (registers, "cet_ok", lambda *_: 1),
        (registers, "cr4_cet_ok", lambda *_: 1),
        (registers, "cr0_wp_ok", lambda *_: 1),
        (system_rules, "msr_exists", lambda *_: True),
    ],
)
def test_a_wrong_rule_is_seen(
    monkeypatch: pytest.MonkeyPatch, room: Any, rule: str, wrong: Callable[..., int]
) -> None:
    """With any rule replaced, something is left unexplained: the filters do not hide it."""
    monkeypatch.setattr(room, rule, wrong)
    assert not replay_capture(CAPTURE).holds


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([b"{}"], ":1: 'seed'; expected the head of a capture"),
        ([b'{"seed": 1}', b"[1, 2]"], ":2: .*expected a case and its answer as JSON"),
        ([b'{"seed": 1}', b'["z80", {"instruction": "xsave", "setup": ""}, {}]'], ":2: "),
        ([b'{"seed": 1}', b'{"version": "2", "model": "x", "leaves": []}'], ":2: "),
        ([b'{"seed": 1}', b"[" * 100_000], ":2: "),
    ],
)
def test_a_damaged_capture_is_one_line(tmp_path: Path, lines: list[bytes], wrong: str) -> None:
    """File, line, and what was expected."""
    path = tmp_path / "capture"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(BadCapture, match=wrong):
        replay_capture(path)


def test_a_truncated_capture_is_one_line(tmp_path: Path) -> None:
    """Half a compressed file is not a traceback."""
    path = tmp_path / "capture"
    path.write_bytes(CAPTURE.read_bytes()[:20_000])
    assert is_capture(path)
    with pytest.raises(BadCapture, match="expected a whole file"):
        replay_capture(path)


def test_a_line_without_end_is_not_held(tmp_path: Path) -> None:
    """A small compressed file that says gigabytes in one line is refused by the first of them."""
    path = tmp_path / "capture"
    head = b'{"kind": "xsavvy-bochs-capture", "seed": 1}\n'
    path.write_bytes(gzip.compress(head + bytes(20 * LONGEST)))
    tracemalloc.start()
    with pytest.raises(BadCapture, match=f"lines of at most {LONGEST}"):
        replay_capture(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * LONGEST


def test_each_damaged_field_is_one_line(tmp_path: Path) -> None:
    """A case with any field of another kind is refused with its line."""
    kept = gzip.decompress(CAPTURE.read_bytes()).splitlines()
    head, part = kept[:2]
    model, case, reply = json.loads(kept[2])
    path = tmp_path / "capture"
    for place in (case, reply, reply["answer"]):
        for name, value in list(place.items()):
            place[name] = {"no": "such"}
            path.write_bytes(b"\n".join((head, part, json.dumps([model, case, reply]).encode())))
            place[name] = value
            with pytest.raises(BadCapture, match=":3: "):
                replay_capture(path)


def test_another_file_is_no_capture(tmp_path: Path) -> None:
    """A file of another kind is told from a capture, whatever its first bytes are."""
    for data in (b"", b"\x1f\x8b", b"\x1f\x8bnot gzip", b'{"kind": "xsavvy-kvm-capture"}\n'):
        (tmp_path / "other").write_bytes(data)
        assert not is_capture(tmp_path / "other")


def test_every_filter_stands_in_the_document() -> None:
    """The table of what Bochs does otherwise is that of the code."""
    text = (ROOT / "docs" / "explanation" / "conformance.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| [BP]\d+ \|", line)]
    assert rows == [f"| {known.name} | {known.why} |" for known in FILTERS]
