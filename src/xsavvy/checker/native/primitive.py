# SPDX-License-Identifier: Apache-2.0
"""What the kernel dialect has beside Python's own arithmetic: memory, atomics, calls by address.

In machine code each of these is an instruction or two. Called as Python they act on the same
memory, so that a kernel function can be run, tested and stepped through as it stands. All
numbers are unsigned and of 64 bits; addresses are real and nothing checks them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., int])

WORD = (1 << 64) - 1


def cold(function: F) -> F:
    """Mark a kernel function as rarely called: it is never inlined, and kept out of the way."""
    function.cold = True  # type: ignore[attr-defined]
    return function


def load64(address: int) -> int:
    """Read eight bytes, little endian like all that follow."""
    return ctypes.c_uint64.from_address(address).value


def load32(address: int) -> int:
    """Read four bytes."""
    return ctypes.c_uint32.from_address(address).value


def load8(address: int) -> int:
    """Read a byte."""
    return ctypes.c_uint8.from_address(address).value


def store64(address: int, value: int) -> int:
    """Write eight bytes; stores and prefetches return 0."""
    ctypes.c_uint64.from_address(address).value = value
    return 0


def store32(address: int, value: int) -> int:
    """Write the low four bytes of a number."""
    ctypes.c_uint32.from_address(address).value = value
    return 0


def store8(address: int, value: int) -> int:
    """Write the low byte of a number."""
    ctypes.c_uint8.from_address(address).value = value
    return 0


def load_shared(address: int) -> int:
    """Read eight bytes that another thread may be writing (acquire)."""
    return load64(address)


def store_shared(address: int, value: int) -> int:
    """Write eight bytes that another thread may be reading (release)."""
    return store64(address, value)


def look_at_line(address: int, value: int) -> int:
    """Compare the eight words of a cache line with a value (bits 0 to 7) and with 0 (8 to 15).

    All is answered from one reading. Words that other threads write meanwhile are seen as they
    were before or after, each for itself.
    """
    words = [load64(address + 8 * i) for i in range(8)]
    equal = sum(int(word == value) << i for i, word in enumerate(words))
    return equal | sum(int(word == 0) << 8 + i for i, word in enumerate(words))


def lowest_bit(value: int) -> int:
    """Return the number of the lowest bit that is set; there must be one."""
    return (value & -value).bit_length() - 1


def compare_and_swap(address: int, old: int, new: int) -> int:
    """Write `new` if `old` is there, in one step; return what was there."""
    found = load64(address)
    if found == old:
        store64(address, new)
    return found


def fetch_add(address: int, amount: int) -> int:
    """Add to a number in memory, in one step; return what was there."""
    found = load64(address)
    store64(address, found + amount & WORD)
    return found


def prefetch(_address: int) -> int:
    """Ask the cache to fetch what will be read soon."""
    return 0


def high_product(a: int, b: int) -> int:
    """Return the upper 64 bits of a product."""
    return a * b >> 64


def low_product(a: int, b: int) -> int:
    """Return the lower 64 bits of a product: the only arithmetic that is meant to wrap."""
    return a * b & WORD


def call(address: int, *arguments: int) -> int:
    """Call machine code with the C convention, all arguments and the result being numbers."""
    kinds = [ctypes.c_uint64] * (len(arguments) + 1)
    result: int = ctypes.CFUNCTYPE(*kinds)(address)(*arguments)
    return result


# How each is written in LLVM's language: the operands are {0}, {1}, {2}; {t} is a fresh
# number for intermediate values; the last line's result, if any, is {r}.
INSTRUCTIONS = {
    "load64": "%p{t} = inttoptr i64 {0} to ptr\n{r} = load i64, ptr %p{t}, align 8",
    "load32": "%p{t} = inttoptr i64 {0} to ptr\n%n{t} = load i32, ptr %p{t}, align 4\n"
    "{r} = zext i32 %n{t} to i64",
    "load8": "%p{t} = inttoptr i64 {0} to ptr\n%n{t} = load i8, ptr %p{t}, align 1\n"
    "{r} = zext i8 %n{t} to i64",
    "store64": "%p{t} = inttoptr i64 {0} to ptr\nstore i64 {1}, ptr %p{t}, align 8",
    "store32": "%p{t} = inttoptr i64 {0} to ptr\n%n{t} = trunc i64 {1} to i32\n"
    "store i32 %n{t}, ptr %p{t}, align 4",
    "store8": "%p{t} = inttoptr i64 {0} to ptr\n%n{t} = trunc i64 {1} to i8\n"
    "store i8 %n{t}, ptr %p{t}, align 1",
    "load_shared": "%p{t} = inttoptr i64 {0} to ptr\n"
    "{r} = load atomic i64, ptr %p{t} acquire, align 8",
    "store_shared": "%p{t} = inttoptr i64 {0} to ptr\n"
    "store atomic i64 {1}, ptr %p{t} release, align 8",
    # Volatile: the line is read once, and the answers are of one moment for each word.
    "look_at_line": "%p{t} = inttoptr i64 {0} to ptr\n"
    "%l{t} = load volatile <8 x i64>, ptr %p{t}, align 64\n"
    "%a{t} = insertelement <8 x i64> poison, i64 {1}, i64 0\n"
    "%b{t} = shufflevector <8 x i64> %a{t}, <8 x i64> poison, <8 x i32> zeroinitializer\n"
    "%c{t} = icmp eq <8 x i64> %l{t}, %b{t}\n%d{t} = bitcast <8 x i1> %c{t} to i8\n"
    "%e{t} = icmp eq <8 x i64> %l{t}, zeroinitializer\n%f{t} = bitcast <8 x i1> %e{t} to i8\n"
    "%g{t} = zext i8 %d{t} to i64\n%h{t} = zext i8 %f{t} to i64\n"
    "%i{t} = shl i64 %h{t}, 8\n{r} = or i64 %g{t}, %i{t}",
    "lowest_bit": "{r} = call i64 @llvm.cttz.i64(i64 {0}, i1 true)",
    "compare_and_swap": "%p{t} = inttoptr i64 {0} to ptr\n"
    "%n{t} = cmpxchg ptr %p{t}, i64 {1}, i64 {2} acq_rel acquire, align 8\n"
    "{r} = extractvalue {{ i64, i1 }} %n{t}, 0",
    "fetch_add": "%p{t} = inttoptr i64 {0} to ptr\n"
    "{r} = atomicrmw add ptr %p{t}, i64 {1} acq_rel, align 8",
    "prefetch": "%p{t} = inttoptr i64 {0} to ptr\n"
    "call void @llvm.prefetch.p0(ptr %p{t}, i32 1, i32 3, i32 1)",
    "high_product": "%a{t} = zext i64 {0} to i128\n%b{t} = zext i64 {1} to i128\n"
    "%m{t} = mul i128 %a{t}, %b{t}\n%s{t} = lshr i128 %m{t}, 64\n{r} = trunc i128 %s{t} to i64",
    "low_product": "{r} = mul i64 {0}, {1}",
    "min": "{r} = call i64 @llvm.umin.i64(i64 {0}, i64 {1})",
}
DECLARATIONS = (
    "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\n"
    "declare i64 @llvm.umin.i64(i64, i64)\n"
    "declare i64 @llvm.cttz.i64(i64, i1)\n"
)
