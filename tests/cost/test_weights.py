# SPDX-License-Identifier: Apache-2.0
"""Files of weights: what is found in them, what overrides what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.cost.event import Event, Kind
from xsavvy.cost.weights import (
    LARGEST,
    UnreadableWeights,
    Weight,
    Weights,
    load_weights,
    parse_weights,
    weighed_cpus,
)

ROW = '[[weight]]\nevent = "wrmsr"\ncycles = [1, 2, 3]\nsource = "a test"\n'


@pytest.mark.parametrize("name", weighed_cpus())
def test_what_comes_with_xsavvy_is_sound(name: str) -> None:
    """Every weight has a source and a rising range, and the file writes and reads as itself."""
    weights = load_weights(name)
    assert weights.title
    assert weights.unit
    for each in weights.weights:
        assert 0 <= each.low <= each.mid <= each.high
        assert len(each.source) > 20
    assert parse_weights(weights.to_toml(), name) == weights


def test_a_platform_finds_its_weights() -> None:
    """The name of a preset leads to the file that prices it; a platform without one is told so."""
    assert load_weights("sapphire-rapids").name == "intel-server"
    assert load_weights("genoa-guest").name == "genoa"
    with pytest.raises(UnreadableWeights, match="no weights of CPU 'haswell'; there are genoa"):
        load_weights("haswell")


def test_a_detail_comes_before_all_such_events() -> None:
    """A weight of one register is taken for it, the general one for the others."""
    own = ROW + ROW.replace("[1, 2, 3]", "[7, 8, 9]\ndetail = 'IA32_XFD'")
    weights = parse_weights(own, "own")
    assert weights.cycles(Kind.WRMSR, "IA32_XFD") == (7, 8, 9)
    assert weights.cycles(Kind.WRMSR, "IA32_XSS") == (1, 2, 3)


@pytest.mark.parametrize(
    ("size", "mid"), [(0, 10), (64, 10), (100, 10), (150, 15), (200, 20), (300, 40), (9000, 40)]
)
def test_sizes_are_interpolated_and_not_extrapolated(size: int, mid: float) -> None:
    """Between two sizes the price is on the line between theirs; beyond the last it is the last's."""
    rows = tuple(Weight("xsaves", at / 10, at / 10, at / 5, "t", "", at) for at in (200, 100))
    weights = Weights("own", "", "", (*rows, Weight("xsaves", 40, 40, 40, "t", "", 300)))
    assert weights.cycles(Kind.XSAVES, str(size))[1] == pytest.approx(mid)


def test_what_has_no_weight_is_named_and_costs_nothing() -> None:
    """An event that nobody has measured is counted, not priced, and said."""
    weights = parse_weights(ROW, "own")
    events = [Event(Kind.WRMSR, "IA32_XFD"), Event(Kind.XSETBV), Event(Kind.XSAVES, "576")]
    assert weights.unpriced(events) == events[1:]
    assert weights.cycles(Kind.XSETBV, "") == (0, 0, 0)
    assert Event(Kind.XSETBV) in load_weights("intel-server").unpriced([Event(Kind.XSETBV)])


def test_a_file_of_ones_own_overrides_its_base(tmp_path: Path) -> None:
    """What a file prices is taken from it, the rest from the CPU that it is based on."""
    file = tmp_path / "own.toml"
    file.write_text('base = "genoa"\n' + ROW.replace("wrmsr", "xgetbv"))
    weights = load_weights(file)
    assert weights.cycles(Kind.XGETBV, "") == (1, 2, 3)
    assert weights.find("xsaves", "576") == load_weights("genoa").find("xsaves", "576")
    assert load_weights(str(file)) == weights


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x", "own: "),
        ("colour = 1", "'colour' is unknown; expected base, platforms, title, unit, weight"),
        ("title = 1", "title: expected text"),
        ("weight = 1", r"expected \[\[weight\]\] tables"),
        (ROW.replace("wrmsr", "wrmrs"), "weight 1: event 'wrmrs': expected one of "),
        (ROW.replace("[1, 2, 3]", "[3, 2, 1]"), r"cycles: expected \[low, mid, high\], rising"),
        (ROW.replace("[1, 2, 3]", "[1, 2]"), "cycles"),
        (ROW.replace("[1, 2, 3]", "[nan, 2, 3]"), "cycles"),
        (ROW.replace("[1, 2, 3]", "[1, 2, inf]"), "cycles"),
        (ROW.replace("[1, 2, 3]", "[-1, 2, 3]"), "cycles"),
        (ROW.replace("[1, 2, 3]", "[true, true, true]"), "cycles"),
        (ROW.replace('"a test"', '""'), r"weight 1 \(wrmsr\): source is missing"),
        (ROW + "bytes = -1", "bytes: expected a number of bytes"),
        (ROW + "bytes = 1\ndetail = 'x'", "exclude each other"),
        (ROW + "color = 1", "'color' is unknown"),
        (ROW + ROW, "own: wrmsr has two weights"),
        ('base = "nothing-such"', "no weights of CPU 'nothing-such'"),
        ("x = " + "[" * 5000, "own: "),
    ],
)
def test_what_is_wrong_is_one_line(text: str, wrong: str) -> None:
    """Each mistake is said in one line with the file and the place."""
    with pytest.raises(UnreadableWeights, match=wrong) as no:
        parse_weights(text, "own")
    assert "\n" not in str(no.value)


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    """A missing file, a directory, a huge file, binary data and files that turn in a circle are refused."""
    huge, binary, circle = (tmp_path / f"{name}.toml" for name in ("huge", "binary", "circle"))
    huge.write_bytes(b"#" * (LARGEST + 1))
    binary.write_bytes(b"\xff\xfe\0")
    circle.write_text(f"base = '{circle}'")
    for path in (tmp_path / "none.toml", tmp_path, huge, binary, circle):
        with pytest.raises(UnreadableWeights) as no:
            load_weights(path)
        assert "\n" not in str(no.value)


@given(st.text(max_size=200))
def test_any_text_is_weights_or_refused(text: str) -> None:
    """No text raises anything but the one error."""
    try:
        parse_weights(text, "noise")
    except UnreadableWeights:
        return


@given(st.text(min_size=1, max_size=60))
def test_a_source_survives_being_written(source: str) -> None:
    """What is written reads back, whatever a source says; unprintable characters become blanks."""
    written = Weights("w", "t", "u", (Weight("wrmsr", 1, 2, 3, source),)).to_toml()
    (read,) = parse_weights(written, "w").weights
    assert [char for char in source if char.isprintable()] == [
        char for at, char in enumerate(read.source) if source[at].isprintable()
    ]
