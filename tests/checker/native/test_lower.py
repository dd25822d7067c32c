# SPDX-License-Identifier: Apache-2.0
"""The kernel dialect: compiled functions do what Python does with the same text."""

from __future__ import annotations

import ctypes
import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xsavvy.checker.error import EngineError
from xsavvy.checker.native import primitive
from xsavvy.checker.native.hashing import mixed
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.jit import compiled as compiled_text
from xsavvy.checker.native.lower import lower
from xsavvy.checker.native.primitive import (
    call,
    cold,
    compare_and_swap,
    fetch_add,
    high_product,
    load8,
    load32,
    load64,
    load_shared,
    look_at_line,
    low_product,
    lowest_bit,
    prefetch,
    store8,
    store32,
    store64,
    store_shared,
)

NUMBERS = st.one_of(st.integers(0, 100), st.integers(0, (1 << 64) - 1))
LIMIT = 7


@cold
def remainder(a, b):
    while a >= b and b != 0:
        a -= b
        if a < b:
            break
    return a


def branches(a, b):
    result = 0
    if (a < b and not (a == 3 or b == 9)) or b == 5:
        result += 1
    elif a >> 1 > b:
        result = result | 16
    else:
        result ^= a & b
    for i in range(LIMIT):
        if i == a:
            continue
        if i > b:
            break
        result += i
    for j in range(a & 7, b & 15):
        result += j * 3
    return result + (a != b) + remainder(a & 63, b & 7)


def numbers(a, b):
    mixture = high_product(a, b) ^ low_product(a, b)
    return min(mixture, a | 1) ^ mixed(b)


def memory(a, b):
    total = 0
    store64(a, b)
    store32(a + 8, b)
    store8(a + 12, b)
    store_shared(a + 16, load32(a + 8) + load8(a + 12))
    total += compare_and_swap(a, b, 1) & 0xFFFF
    total += compare_and_swap(a, b, 2) & 0xFFFF
    total += fetch_add(a + 16, 5) & 0xFFFF
    prefetch(a)
    total += look_at_line(a, 1) + lowest_bit(load64(a + 16) | (1 << 40))
    return total + (load_shared(a + 16) & 0xFFFF)


def calling(a, b):
    return call(a, b, 2) + call(a, 9, 1)


@pytest.fixture(scope="module")
def compiled(jit):
    """Compiled functions of two numbers, by name."""
    functions = [remainder, branches, numbers, memory, calling]
    text = lower(functions, "test_lower_")
    jit.add(text, lambda: text)
    kind = ctypes.CFUNCTYPE(*[ctypes.c_uint64] * 3)
    return {f: kind(jit.address(f"test_lower_{f.__name__}")) for f in functions}


@given(a=NUMBERS, b=NUMBERS)
@settings(max_examples=300, deadline=None)
def test_control_flow(compiled, a, b):
    """Branches, loops, `continue` and `break` go where Python goes."""
    assert compiled[branches](a, b) == branches(a, b) & primitive.WORD


@given(b=NUMBERS)
@settings(max_examples=100, deadline=None)
def test_memory(compiled, b):
    """Loads, stores and atomics act on memory alike."""
    area = (ctypes.c_uint64 * 16)()
    address = -(-ctypes.addressof(area) // 64) * 64
    results, contents = [], []
    for function in (compiled[memory], memory):
        ctypes.memset(address, 0, 64)
        results.append(function(address, b))
        contents.append(ctypes.string_at(address, 64))
    assert results[0] == results[1]
    assert contents[0] == contents[1]


def test_calls_by_address(compiled):
    """A function can be called by its address, from machine code and from Python."""
    address = ctypes.cast(compiled[remainder], ctypes.c_void_p).value
    assert compiled[calling](address, 7) == calling(address, 7) == 1


@given(a=NUMBERS, b=NUMBERS)
@settings(max_examples=100, deadline=None)
def test_products(compiled, a, b):
    """Products wrap where they are meant to, and nowhere else."""
    assert compiled[numbers](a, b) == numbers(a, b)
    assert (high_product(a, b) << 64) + low_product(a, b) == a * b


def test_what_the_dialect_lacks():
    """Text outside the dialect is refused with the function's name and the text."""

    def listed(a):
        return [a]

    def chained(a):
        return 1 < a < 3

    def looped(a):
        for _i in a:
            return 1
        return 0

    for function, text in [(listed, r"\[a\]"), (chained, "1 < a < 3"), (looped, "for _i in a")]:
        with pytest.raises(EngineError, match=text):
            lower([function])


def test_engines_come_and_go():
    """An engine that is gone takes nothing with it that another one, or the compiler, uses."""
    for number in range(5):
        jit = Jit()
        text = f"define i64 @come_and_go_{number}() {{\nret i64 {number}\n}}"
        jit.add(text, lambda text=text: text)
        address = jit.address(f"come_and_go_{number}")
        assert ctypes.CFUNCTYPE(ctypes.c_uint64)(address)() == number
        del jit
        gc.collect()
        assert compiled_text(text)
