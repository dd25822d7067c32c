# SPDX-License-Identifier: Apache-2.0
"""The dialect: what step functions may contain, and what is known about them."""

from __future__ import annotations

import re

import pytest

from tests.checker import lamp
from xsavvy.checker import DialectError, check_dialect, reads, writes

TABLE = (1, 2)
TEXT = "text"


def helper(s, k, value):
    if s.flag:
        return value
    s.other = value
    return k.zero


def silent(s, value):  # noqa: RET503
    if value:
        return 1
    s.flag = 0


def recursive(a):
    return recursive(a)


def fine(s, k):
    """A docstring is allowed."""
    total = 0
    for x in TABLE:
        total += x
    for x in range(2):
        total |= x << k.shift
    for x in (lamp.BROKEN, 3):
        s.list[s.index] ^= x
    s.field = helper(s, k, total) if not s.test else -total
    if s.a < total <= 9 and s.b == lamp.Colour.RED:
        return 1
    if s.c:
        pass
    else:
        return None
    return 2


def test_reads_and_writes_are_collected_through_calls():
    """What a called function touches counts, and an augmented assignment reads and writes."""
    assert reads(fine) == {"list", "index", "test", "flag", "a", "b", "c"}
    assert writes(fine) == {"list", "field", "other"}


def bad_while(s, k):
    while s.a:
        s.a = 0


def bad_divide(s, k):
    s.a = s.a // 2


def bad_in(s, k):
    return s.a in TABLE


def bad_string(s, k):
    s.a = "one"


def bad_tuple(s, k):
    s.a, s.b = 1, 2


def bad_global(s, k):
    return TEXT


def bad_unknown(s, k):
    return TABEL  # noqa: F821


def bad_alias(s, k):
    other = s
    s.a = other


def bad_keyword(s, k):
    return helper(s, k, value=1)


def bad_call(s, k):
    return max(s.a, 1)


def bad_count(s, k):
    return helper(s, k)


def bad_value(s, k):
    return silent(s, 1)


def bad_recursion(s, k):
    return recursive(1)


def bad_loop(s, k):
    for x in range(s.a):
        s.b = x


def bad_loop_variable(s, k):
    n = 2
    for x in range(n):
        s.b = x


def bad_constant(s, k):
    k.a = 1


def bad_member(s, k):
    return lamp.Colour.REDD


def bad_default(s, k=1):
    return k


def bad_comprehension(s, k):
    return [x + 1 for x in TABLE]


def bad_break(s, k):
    for _ in TABLE:
        break


def bad_late_call(s, k):
    return 1 < s.a < helper(s, k, 1)


def bad_parameter(s, k):
    s = 1


def bad_is(s, k):
    return s.a is None


def bad_method(s, k):
    return s.a.bit_length()


def bad_float(s, k):
    return 1.5


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (bad_while, "a while loop is not allowed; write `for x in range(constant)`"),
        (bad_divide, "// is not allowed; shift with >>"),
        (bad_in, "in is not allowed; write comparisons joined by or"),
        (bad_string, "'one' is not allowed; use an integer or IntEnum member"),
        (bad_tuple, "a tuple is not allowed here; "),
        (bad_global, "TEXT is not a constant; only ints, IntEnum members and tuples"),
        (bad_unknown, "unknown name 'TABEL'; nearest: TABLE"),
        (bad_alias, "'s' alone is not a value; write s.name"),
        (bad_keyword, "helper(): only plain positional arguments"),
        (bad_call, "max() is not allowed; call only plain functions"),
        (bad_count, "helper() takes 3 arguments, not 2"),
        (bad_value, "silent() does not return a value on every path; end it with return"),
        (bad_recursion, "recursive() calls itself; write a loop over constants"),
        (bad_loop, "a loop runs over a constant tuple or range(constant); s.a is a field"),
        (bad_loop_variable, "a loop runs over a constant tuple or range(constant); 'n' is a"),
        (bad_constant, "k.a is not a field; write s.field of the record"),
        (bad_member, "no lamp.Colour.REDD; nearest: RED"),
        (bad_default, "only plain positional parameters without defaults"),
        (bad_comprehension, "a comprehension is not allowed; write a for loop"),
        (bad_break, "break is not allowed; return early"),
        (bad_late_call, "a call late in a chain of comparisons is not allowed; join with and"),
        (bad_parameter, "'s' must stay what it is; use a new name"),
        (bad_is, "is is not allowed; write =="),
        (bad_method, "'s' is a variable; name a constant or a function"),
        (bad_float, "1.5 is not allowed; use an integer"),
    ],
)
def test_what_is_not_allowed_is_told_in_one_line(function, words):
    """The message has the file, the line, what is wrong, and what to write instead."""
    with pytest.raises(DialectError) as caught:
        reads(function)
    place, _, message = str(caught.value).partition(": ")
    assert re.fullmatch(r".*test_dialect\.py:\d+", place)
    assert words in message
    assert "\n" not in message
    if function is not bad_recursion:  # the line is where it calls itself
        assert int(place.rpartition(":")[2]) >= function.__code__.co_firstlineno


def test_a_lambda_is_refused():
    """Only a def has a name and a line of its own."""
    with pytest.raises(DialectError, match="not a plain def; write a def"):
        reads(lambda s, k: 1)


def test_a_builtin_is_refused():
    """What is not a Python function cannot be read."""
    with pytest.raises(DialectError, match="not a plain function"):
        reads(len)


def test_a_rule_over_integers_can_be_checked():
    """By default every parameter is an integer, so an attribute of one is refused."""

    def rule(a, b):
        return a & ~b

    def wrong(a, b):
        return a.b

    check_dialect(rule)
    with pytest.raises(DialectError, match="'a' is a variable"):
        check_dialect(wrong)


def test_a_closure_constant_is_read():
    """A function made by another one sees the constants of its maker."""

    def maker(limit):
        def guard(s, k):
            return s.count < limit

        return guard

    assert reads(maker(3)) == {"count"}
