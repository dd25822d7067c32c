# SPDX-License-Identifier: Apache-2.0
"""Bochs does what the plans say, but for what it is known to do otherwise; and a wrong rule would be seen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from xsavvy.live.answer import Difference
from xsavvy.live.bochs import Capture, Taken, conform_bochs, is_capture, replay_capture
from xsavvy.live.bochs.case import BochsCase, Reply, case_from_plain, written
from xsavvy.live.bochs.conform import BochsConformance, judge, result
from xsavvy.live.bochs.directed import directed
from xsavvy.live.bochs.generate import Generator
from xsavvy.live.bochs.known import FILTERS, Filter
from xsavvy.live.bochs.part import MODELS
from xsavvy.live.bochs.predict import Prediction
from xsavvy.live.bochs.process import Bochs, Failed
from xsavvy.live.machine.reach import Unreachable

RANDOM = 2500


def reached() -> str:
    """Why Bochs cannot be asked here; empty if it can."""
    try:
        Bochs(MODELS[0])
    except Unreachable as error:
        return f"bochs: {error.reason}"
    return ""


REASON = reached()
here = pytest.mark.skipif(bool(REASON), reason=REASON or "Bochs answers")


class Run:
    """One run, and everything that was taken of it."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.before = set(os.listdir(tempfile.gettempdir()))
        self.found: BochsConformance = conform_bochs(RANDOM, record=self.taken.append)
        self.after = set(os.listdir(tempfile.gettempdir()))
        self.models = {one.part.model: Prediction(one.part) for one in self.taken}
        self.needed = [(one, self.judge(one, FILTERS)[0]) for one in self.taken]

    def judge(
        self, one: Taken, filters: Sequence[Filter]
    ) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
        return judge(one.part, self.models[one.part.model], one.case, one.reply, filters)


@pytest.fixture(scope="module")
def run() -> Run:
    if REASON:
        pytest.skip(REASON)
    return Run()


def test_bochs_does_what_the_plans_say(run: Run, judged: Callable[[int], None]) -> None:
    """Thousands of cases; what differs is known, and every group was asked."""
    found = run.found
    judged(found.cases)
    assert found.unexplained == ()
    assert found.holds
    assert found.cases > RANDOM
    assert found.agree + len(found.explained) == found.cases
    assert found.agree > found.cases * 0.7
    wanted = {"xsave", "xsaveopt", "xsavec", "xsaves", "xrstor", "xrstors", "xsetbv", "xgetbv"}
    assert wanted | {"wrmsr", "rdmsr", "rdpkru", "wrpkru", "mov cr0", "mov cr4"} <= set(
        found.groups
    )
    assert found.met.kernel.startswith("Bochs ")
    assert all(part.reason for part in found.unreached)


def test_nothing_is_left_behind(run: Run) -> None:
    """No file of ours stays in the directory for temporary files."""
    assert not {name for name in run.after - run.before if name.startswith("xsavvy-bochs")}


@pytest.mark.parametrize("known", FILTERS, ids=lambda known: str(known.name))
def test_each_deviation_still_exists(run: Run, known: Filter) -> None:
    """Some answer differs by it, and without the filter nothing explains that answer."""
    others = [each for each in FILTERS if each is not known]
    met = [one for one, names in run.needed if known.name in names]
    if any(run.judge(one, others)[1] for one in met):
        return
    pytest.fail(f"{known.name} was not met: {known.why}")


def test_every_vector_is_met(run: Run) -> None:
    """The faults of the family are all among the answers: #UD, #NM, #GP and #PF, and none."""
    assert {one.reply.answer.vector for one in run.taken} == {None, 6, 7, 13, 14}


def test_a_capture_is_judged_again(run: Run, tmp_path: Path) -> None:
    """Cases and answers read back from a file give the same result."""
    path = tmp_path / "capture"
    few = run.taken[::29]
    with Capture(path, 1) as capture:
        for one in few:
            capture.take(one)
    assert is_capture(path)
    again, first = replay_capture(path), result("bochs", few, 1, 0.0)
    assert again.explained == first.explained
    assert (again.cases, again.agree, again.groups) == (len(few), first.agree, first.groups)


@here
def test_a_model_that_bochs_does_not_have_is_one_line() -> None:
    """An emulator that ends at once says why."""
    with pytest.raises(Failed, match="Bochs \\(z80\\) ended with status"):
        Bochs("z80").run(bytes(4096))


@here
def test_a_case_is_the_same_every_time(run: Run) -> None:
    """The seed and the number are a complete record of a random case."""
    part = run.taken[0].part
    assert Generator(part, 3).case(17) == Generator(part, 3).case(17)
    assert Generator(part, 3).case(17) != Generator(part, 4).case(17)
    assert directed(part) == directed(part)


def test_without_the_emulator_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing emulator is one line that says how to get it."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(
        Unreachable, match=r"bochs is not here \(apt-get install bochs bochs-term\)"
    ):
        conform_bochs(1)


def test_a_case_is_plain_data() -> None:
    """What is written of a case is what is read, and nothing else is accepted."""
    case = BochsCase("xsaves64", bytes(576), bytes(640), 0x1800, xcr0=7, cpl=3, ts=True)
    assert case_from_plain(written(case)) == case
    for wrong in (
        {"instruction": "hlt", "setup": ""},
        {"instruction": "xsave", "setup": "", "colour": 1},
        {"instruction": "xsave", "setup": "", "rfbm": "1"},
        {"instruction": "xsave", "setup": "", "cpl": 1},
        {"instruction": "xsave", "setup": "", "msrs": [1]},
        {"instruction": "xsave", "setup": "", "first": "gone"},
        {"instruction": "xsave", "setup": "", "offset": 0x2001},
        {"instruction": "xsave", "setup": "", "rfbm": -1},
    ):
        with pytest.raises(ValueError, match=r"."):
            case_from_plain(wrong)


def test_a_reply_is_plain_data(run: Run) -> None:
    """What is written of an answer is what is read."""
    for one in run.taken[::97]:
        assert Reply.from_plain(one.reply.to_plain()) == one.reply
