# SPDX-License-Identifier: Apache-2.0
"""Verdicts as JUnit XML, which every CI reads: one suite per world, one case per property.

A violation is a failure with its trace. A search that did not end is an error, so that nothing unknown is green. A
world that does not apply is skipped, with the reason. No time and no host is written: equal verdicts, equal files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from xsavvy.api.result import CheckResult, LeftOut
from xsavvy.report.text import escape, plural
from xsavvy.report.trace import trace_lines
from xsavvy.report.world import World, sorted_by_world, world_name, world_of

__all__ = ["junit"]

COUNTED = ("failure", "error", "skipped")
ATTRIBUTE = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def junit(results: Sequence[CheckResult], left_out: Sequence[LeftOut] = ()) -> str:
    """Return the XML document of results and of worlds without results."""
    root = Element("testsuites", name="xsavvy")
    both: list[CheckResult | LeftOut] = [*results, *left_out]
    for world, group in groupby(sorted_by_world(both), key=world_of):
        suite = SubElement(root, "testsuite", name=_legal(world_name(world)))
        for each in group:
            if isinstance(each, LeftOut):
                _left_out(suite, world, each)
            else:
                _case(suite, world, each)
        _count(suite, suite.iter("testcase"))
    _count(root, root.iter("testcase"))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Element, world: World, result: CheckResult) -> None:
    case = _new_case(suite, world, result.property)
    if result.verdict == "violated":
        failure = SubElement(case, "failure", type="violated", message=_legal(result.sentence))
        failure.text = _legal("\n".join(line.plain for line in trace_lines(result, None)))
    elif result.verdict != "holds":
        words = f"the search ended at {plural(result.states, 'state')} and may have missed some"
        SubElement(case, "error", type="incomplete", message=words).text = _legal(result.sentence)


def _left_out(suite: Element, world: World, one: LeftOut) -> None:
    for name in one.properties or [one.scenario]:
        case = _new_case(suite, world, name)
        if one.verdict == "not applicable":
            SubElement(case, "skipped", message=_legal(one.reason))
        else:
            SubElement(case, "error", type="incomplete", message=_legal(one.reason))


def _new_case(suite: Element, world: World, name: str) -> Element:
    classname = ".".join(["xsavvy", *world_name(world).replace(".", "_").split()])
    return SubElement(suite, "testcase", classname=_legal(classname), name=_legal(name))


def _count(element: Element, cases: Iterable[Element]) -> None:
    found = list(cases)
    element.set("tests", str(len(found)))
    for tag in COUNTED:
        number = sum(case.find(tag) is not None for case in found)
        element.set(ATTRIBUTE[tag], str(number))


def _legal(text: str) -> str:
    r"""Return text that XML can hold and that moves no cursor: other characters are spelled out.

    >>> _legal("a\x00b\nc\uffff")
    'a\\x00b\nc\\xffff'
    """
    return "\n".join(map(escape, text.split("\n")))
