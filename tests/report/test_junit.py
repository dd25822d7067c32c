# SPDX-License-Identifier: Apache-2.0
"""JUnit XML: what every CI reads from it is there, and nothing unknown is green."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

from tests.report.verdict import LEFT_OUT, RESULTS
from xsavvy.report.junit import junit

# The form that Ant's task made known: element -> attributes that must be, that may be, children.
FORM = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped"}, set(), {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, set(), {"testcase"}),
    "testcase": ({"name", "classname"}, {"time"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set(), set()),
    "error": ({"message", "type"}, set(), set()),
    "skipped": ({"message"}, set(), set()),
}  # fmt: skip


def check(element: Element) -> None:
    """Compare an element and all below it with the form."""
    must, may, children = FORM[element.tag]
    assert must <= set(element.attrib) <= must | may, element.tag
    for child in element:
        assert child.tag in children, f"{child.tag} in {element.tag}"
        check(child)
    if "tests" in must:
        cases = list(element.iter("testcase"))
        assert int(element.get("tests", "")) == len(cases)
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(element.get(name, "")) == sum(case.find(tag) is not None for case in cases)
    if element.tag == "testcase":
        assert len(element) <= 1


def outcome(case: Element) -> str:
    return case[0].tag if len(case) else "passed"


def test_the_document_has_the_known_form() -> None:
    """Elements, attributes and counts are those that the format has."""
    root = fromstring(junit(RESULTS, LEFT_OUT))
    check(root)
    names = [suite.get("name") for suite in root]
    assert names == sorted(names, key=str)
    ids = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(ids) == len(set(ids)) == 8


def test_each_verdict_has_its_outcome() -> None:
    """Violated fails, incomplete is an error, what does not apply is skipped, the rest passes."""
    root = fromstring(junit(RESULTS, LEFT_OUT))
    found = {case.get("name"): outcome(case) for case in root.iter("testcase")}
    assert (found["host_pkru_is_host"], found["no_fault"]) == ("passed", "failure")
    assert (found["open"], found["one"], found["two"]) == ("error", "error", "error")
    assert found["xfd"] == "skipped"


def test_a_failure_has_its_trace() -> None:
    """The text of a failure is the trace, its message the sentence that is violated."""
    root = fromstring(junit(RESULTS[:2]))
    (failure,) = root.iter("failure")
    assert failure.get("message") == "The host never runs on the guest's PKRU."
    assert failure.text is not None
    lines = failure.text.splitlines()
    assert lines[0].split() == ["1", "vcpu", "enter.load_pkru", "arch/x86/kvm/x86.c", "load()"]
    assert lines[1].strip() == "hw: HOST -> GUEST"


def test_no_text_can_break_the_document() -> None:
    """Characters that XML cannot hold, or that move a cursor, are spelled out; others stay."""
    text = junit(RESULTS, LEFT_OUT)
    text.encode("utf-8")
    assert not re.search("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    assert "\u202e" not in text
    (skipped,) = fromstring(text).iter("skipped")
    assert skipped.get("message", "").endswith("<&\">]]>'\\x85é\U0001f600\n")
    assert "a\\x00b\\x1b[2J\\x0b\\xd800\\xffff\\x202e" in skipped.get("message", "")


def test_order_and_time_leave_no_mark() -> None:
    """The same verdicts make the same file, in whichever order and time they came."""
    import msgspec

    slower = [msgspec.structs.replace(each, seconds=9.0) for each in RESULTS]
    assert junit(slower[::-1], LEFT_OUT[::-1]) == junit(RESULTS, LEFT_OUT)


def test_nothing_checked_is_a_document_too() -> None:
    """Without results the document is whole and empty."""
    root = fromstring(junit([]))
    check(root)
    assert len(root) == 0
