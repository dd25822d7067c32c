# SPDX-License-Identifier: Apache-2.0
"""Links and paths: what is written is read again, and what nobody writes is one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.api import UsageError
from xsavvy.api.explorer.address import (
    LONGEST_LINK,
    LONGEST_PATH,
    Link,
    WorldAddress,
    link_text,
    path_numbers,
    path_text,
    read_link,
    the_pairs,
    world_address,
)

names = st.text(max_size=12)
filled = (
    st.text(min_size=1, max_size=12).map(str.strip).filter(lambda text: text and "=" not in text)
)
worlds = st.builds(WorldAddress, names, names, names, st.dictionaries(filled, filled, max_size=3))
paths = st.lists(st.integers(0, 999_999), max_size=60)


@given(paths)
def test_a_path_is_read_as_it_was_written(path: list[int]) -> None:
    """Whatever the numbers, the text has them all, in order."""
    assert path_numbers(path_text(path)) == path


def test_runs_of_numbers_are_short() -> None:
    """Only ascending neighbours make a run, and a path of thousands of them is a few characters."""
    assert path_text([3, 2, 1, 1, 2, 3, 7]) == "3.2.1.1-3.7"
    assert path_text(range(LONGEST_PATH)) == "0-19999"
    assert path_text([]) == ""


@given(worlds, paths, st.none() | st.integers(0, 999), names, st.none() | worlds)
def test_a_link_is_read_as_it_was_written(
    world: WorldAddress, path: list[int], at: int | None, digest: str, other: WorldAddress | None
) -> None:
    """Names may hold anything; the other world needs to be told only where it differs."""
    link = Link(world, path, at, digest, other if other != world else None, {"theme": "dark"})
    assert read_link(link_text(link)) == link
    assert read_link("http://127.0.0.1:1/" + link_text(link)) == link


def test_a_world_beside_another_takes_over_what_it_does_not_name() -> None:
    """An absent name is that of the first world; an empty set of choices is told by an empty value."""
    link = read_link("#scenario=pkru&kernel=v6.18&set=a=b&other.kernel=v6.19")
    assert link.other == WorldAddress("pkru", "v6.19", "", {"a": "b"})
    bare = read_link("#scenario=pkru&set=a=b&other.set=")
    assert bare.other == WorldAddress("pkru")


def test_equal_worlds_stay_beside_each_other() -> None:
    """A world that is compared with itself is not lost on the way."""
    link = Link(WorldAddress("pkru", "v6.18"), other=WorldAddress("pkru", "v6.18"))
    assert read_link(link_text(link)) == link


@pytest.mark.parametrize(
    "text",
    ["-1", "1-", "1..2", ".", "a", "3-1", "1 ", "+1", "٣", "1e3", "0x1", "9" * 7, "1-2-3", "1,2"],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """Signs, gaps, runs that go down, other digits and huge numbers are one line."""
    with pytest.raises(UsageError, match=r"^path: .*expected a number of a rule"):
        path_numbers(text)


@pytest.mark.parametrize("text", ["0-20000", "0-999999", ".".join(["1"] * 20_001), "0-19999.1"])
def test_a_path_is_bounded(text: str) -> None:
    """A short text cannot ask for a long walk."""
    with pytest.raises(UsageError, match="at most 20000 rules"):
        path_numbers(text)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("a=1&" * 300, "at most 200 pairs"),
        ("a", "pairs NAME=VALUE"),
        ("a=%ff", "percent-encoded UTF-8"),
        ("a=ä", "expected ASCII"),
        ("a=" + "b" * LONGEST_LINK, f"at most {LONGEST_LINK} characters"),
    ],
)
def test_what_is_no_query_is_refused(query: str, words: str) -> None:
    """Too much, too long, not UTF-8 or without values is one line."""
    with pytest.raises(UsageError, match=words):
        the_pairs(query, "query")


@pytest.mark.parametrize(
    "fragment",
    [
        "#scenario=a&scenario=b",
        "#path=1&path=2",
        "#at=-1",
        "#at=12345678",
        "#set=a",
        "#set==b",
        "#set=a=b&set=a=c",
    ],
)
def test_what_is_no_link_is_refused(fragment: str) -> None:
    """Two of what there is one of, and numbers that are none, are one line."""
    with pytest.raises(UsageError):
        read_link(fragment)


def test_choices_may_be_repeated() -> None:
    """The same choice with the same value counts once."""
    assert world_address({"set": ["a=b", "a=b", "c=d=e"]}).set == {"a": "b", "c": "d=e"}
