# SPDX-License-Identifier: Apache-2.0
"""What exported text looks like, and what cannot be exported."""

from __future__ import annotations

from typing import Annotated

import pytest

from tests.checker.fx import Size, program
from xsavvy.checker import Below, Event, Mask, Program, Record, bind
from xsavvy.checker.export import LANGUAGES, ExportError, export
from xsavvy.checker.export.text import Names


class Odd(Record):
    rule: Annotated[int, Below(3), 'a word of Murphi */ "quoted"']
    byte: Annotated[int, Below(3), "a word of Promela"]
    next: Annotated[int, Mask(3), "a word of TLA+"]


class Nothing:
    pass


def step(s, k):
    s.rule = 0


def swap(s, k):
    old = s.rule
    s.rule = s.byte
    s.byte = old


def large(s, k):
    s.byte = (s.byte << 40 | s.byte) & 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_system_is_the_same_text(language: str) -> None:
    """An export depends on nothing but the system."""
    first, second = (export(bind(program(2), Size(2)), language) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_stands_there_with_its_source(language: str) -> None:
    """Each rule's name and source stand above it."""
    system = bind(program(2), Size(2))
    text = export(system, language).text
    for rule in system.rules:
        assert f"{rule.name}" in text
    assert text.count("; prototype") == len(system.rules)


def test_names_never_collide() -> None:
    """Words of the language, and names that become the same, get an underscore."""
    names = Names(["Rule"])
    assert [names.new(w) for w in ("rule", "a[1]", "a_1", "1", "...")] == [
        "rule_",
        "a_1",
        "a_1_",
        "x_1",
        "x",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_words_stay_in_comments(language: str) -> None:
    """Meanings and names cannot end a comment or a quoted name."""
    event = Event('e "*/ *) \n x', "a", step, source='"\n*/ evil')
    text = export(bind(Program(Odd, (), (event,)), Nothing), language).text
    assert "\n*/" not in text
    assert " evil" not in [line[:5] for line in text.splitlines()]
    quoted = [line for line in text.splitlines() if line.startswith("rule ")]
    assert all(line.count('"') == 2 for line in quoted)


def test_values_that_change_places_are_saved() -> None:
    """A swap needs the old value of one side."""
    text = export(
        bind(Program(Odd, (), (Event("swap", "a", swap, source="-"),)), Nothing), "murphi"
    )
    assert "old_" in text.text


@pytest.mark.parametrize("language", ["promela", "tla"])
def test_integers_that_are_too_large(language: str) -> None:
    """SPIN and TLC have 32 bits; more are refused in one line."""
    system = bind(Program(Odd, (), (Event("large", "a", large, source="-"),)), Nothing)
    with pytest.raises(ExportError, match=r"may take 4\d bits"):
        export(system, language)


def test_an_unknown_language() -> None:
    """A wrong language is answered with those there are."""
    with pytest.raises(ExportError, match="nearest: promela"):
        export(bind(program(1), Size(1)), "promelo")
