# SPDX-License-Identifier: Apache-2.0
"""Results of every kind, with hostile text in each field, for the reports that go to files."""

from __future__ import annotations

from tests.cli.fake import TRACE, result
from xsavvy.api import LeftOut, TraceStep

__all__ = ["LEFT_OUT", "NASTY", "RESULTS"]

NASTY = "a\x00b\x1b[2J\x0b\ud800\uffff\u202e<&\">]]>'\x85é\U0001f600\n"
STEP = TraceStep(
    "vcpu",
    "a.b",
    NASTY,
    NASTY,
    {NASTY: ("0", NASTY)},
    {NASTY: NASTY},
    True,
    "xsavvy/model/fpu.py:27",
)
RESULTS = [
    result(),
    result(property="no_fault", verdict="violated", depth=2, trace=TRACE, source="SDM"),
    result(property="open", verdict="incomplete", set={"pkru": "by_pke"}),
    result(
        property="soon", verdict="violated", trace=[STEP, *TRACE], kind="eventually", loop=1,
        kernel="v6.11", sentence=NASTY,
    ),
    result(property=NASTY, verdict="violated", trace=[STEP], kernel="v6.10", loop=1),
]  # fmt: skip
LEFT_OUT = [
    LeftOut("xfd", "v6.12", "milan", "not applicable", f"milan has no AMX {NASTY}"),
    LeftOut("fpu", "v6.12", "milan", "incomplete", "the worker was killed", {}, ["one", "two"]),
]
