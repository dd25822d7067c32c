# SPDX-License-Identifier: Apache-2.0
"""The compiled search against a plain one."""

from __future__ import annotations

import ctypes
import signal

import pytest

from tests.checker.native import toy
from tests.checker.native.spoken import spoken
from tests.checker.native.toy import Maze, plain_chain, plain_search
from xsavvy.checker.native import dictionary
from xsavvy.checker.native.dictionary import TooManyWords
from xsavvy.checker.native.store import NoMemory, resident
from xsavvy.checker.native.walk import Tuning, Walk

TINY = Tuning(slots=16, words=4, chunk=64, alone=2, budget=1)


def same(walk, answer):
    """Compare everything that is counted or found first."""
    assert walk.states == answer.states
    assert walk.transitions == answer.transitions
    assert walk.depth == answer.depth
    assert walk.deadlocks == answer.deadlocks
    assert walk.first_deadlock == answer.first_deadlock
    assert walk.sightings == answer.sightings


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("words", [1, 2, 3, 6])
@pytest.mark.parametrize("tuning", [Tuning(), TINY], ids=["usual", "tiny"])
def test_search_agrees_with_a_plain_one(walk_of, words, threads, tuning):
    """Counts, depth, deadlocks, sightings and ways are those of a search with Python's sets."""
    maze = Maze(words=words, shift=3)
    answer = plain_search(maze)
    assert answer.deadlocks > 3
    assert answer.depth > 8
    walk = walk_of(maze, threads=threads, tuning=tuning)
    walk.start([maze.state(1)])
    assert walk.run() == "complete"
    same(walk, answer)
    assert walk.frontier == 0
    for total in list(answer.parents)[::701]:
        assert walk.chain(maze.state(total)) == plain_chain(maze, answer, total)
    same(walk, answer)


@pytest.mark.parametrize("threads", [1, 2])
def test_illegal_states_end_the_search_with_their_level(walk_of, threads):
    """The level of an illegal state is finished, so that counts do not depend on threads."""
    answer = plain_search(Maze())
    poisoned = list(answer.parents)[2500]
    for field in ("poison", "curse"):
        maze = Maze(**{field: poisoned})
        walk = walk_of(maze, threads=threads, tuning=TINY)
        walk.start([maze.state(1)])
        assert walk.run() == "illegal"
        assert walk.illegal == maze.state(poisoned)
        depth = len(plain_chain(maze, answer, poisoned)) - 1
        assert walk.depth == depth - (field == "curse")
        assert walk.run() == "illegal"
        assert walk.chain(walk.illegal) == plain_chain(maze, answer, poisoned)
        counted = walk.states
    assert counted < answer.states


def test_limit_of_states_ends_at_a_batch(walk_of):
    """With a limit the search ends at once when it is reached, and goes on when asked."""
    maze = Maze()
    answer = plain_search(maze)
    walk = walk_of(maze)
    walk.start([maze.state(1)])
    for limit in (1, 2, 500, 1000, 1000):
        assert walk.run(max_states=limit) == "states"
        assert limit <= walk.states <= limit + 64 * 4
        assert walk.frontier > 0
        last = maze.total(walk.board.keys[0].words(8 * walk.states - 8, 1))
        assert walk.chain(maze.state(last)) == plain_chain(maze, answer, last)
    assert walk.run(max_states=10**9) == "complete"
    same(walk, answer)


def test_limit_that_is_just_enough_is_complete(walk_of):
    """When nothing more is to be expanded, reaching the limit is no reason to be incomplete."""
    maze = Maze(size=2, dead=256)
    walk = walk_of(maze)
    walk.start([maze.state(1)])
    assert walk.run(max_states=1) in {"complete", "states"}
    assert walk.states == 1


def test_several_starts_and_repetitions(walk_of):
    """Starts are judged, and counted once each."""
    maze = Maze(words=2, shift=3)
    starts = [1, 3, 77, 3, 1, *range(200, 400), 77]
    answer = plain_search(maze, set(starts))
    walk = walk_of(maze, tuning=TINY)
    walk.start([maze.state(total) for total in starts])
    assert walk.states == 203
    assert walk.sightings == {
        bit: min(maze.state(total) for total in starts if maze.bits(total)[bit]) for bit in range(3)
    }
    assert walk.run() == "complete"
    same(walk, answer)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("words", [1, 3])
def test_memory_limit_is_kept(jit, words, threads):
    """The search uses what the limit allows and ends with "memory"; what it found stands."""
    maze = Maze(words=words, size=3_000_000, shift=7)
    expand, judge = toy.addresses(jit, "maze", words)
    options = {"words": words, "rules": 4, "fan": 4, "expand": expand, "judge": judge}
    limit = resident() + (24 << 20)
    with Walk(jit, env=maze.env, memory=limit, threads=threads, **options) as walk:
        walk.start([maze.state(1)])
        assert walk.run() == "memory"
        assert 12 << 20 < walk.bytes <= 24 << 20
        assert walk.states > 500_000
        assert walk.frontier > 0
        assert resident() < limit + (8 << 20)
        assert walk.run() == "memory"
        assert len(walk.chain(maze.state(1))) == 1


def test_memory_limit_that_is_too_small(jit):
    """A limit below what the process already has is refused with the number it needs."""
    with pytest.raises(NoMemory, match="MiB to begin"):
        Walk(jit, words=1, rules=1, fan=1, expand=0, judge=0, memory=1 << 20)


def test_too_many_words(walk_of, monkeypatch):
    """Words that need more index bits together than a key has end the search with their numbers."""
    monkeypatch.setattr(dictionary, "BITS", 12)
    maze = Maze(words=3, shift=6)
    walk = walk_of(maze, tuning=TINY)
    walk.start([maze.state(1)])
    with pytest.raises(TooManyWords, match="3 words of the states"):
        walk.run()


def test_grid_of_known_size(jit):
    """Two counters up to n have (n+1)**2 states, 2n(n+1) transitions and the depth 2n."""
    n = 700
    size = ctypes.c_uint64(n)
    expand, judge = toy.addresses(jit, "grid")
    env = ctypes.addressof(size)
    shown = []
    with Walk(jit, words=1, rules=2, fan=2, expand=expand, judge=judge, env=env, bits=1) as walk:
        walk.start([(0,)])
        assert walk.run(on_slice=lambda: shown.append(walk.states)) == "complete"
        assert (walk.states, walk.transitions, walk.depth) == ((n + 1) ** 2, 2 * n * (n + 1), 2 * n)
        assert walk.deadlocks == 1
        assert walk.first_deadlock == (n << 32 | n,)
        assert walk.sightings == {0: (3 << 32 | 5,)}
        assert walk.fired == b"\1\1"
        way = walk.chain((3 << 32 | 5,))
        assert len(way) == 9
        assert way == sorted(way)
        with pytest.raises(KeyError):
            walk.chain((n + 1,))


@pytest.fixture
def heeds_interrupt():
    """Give Ctrl-C Python's own meaning: a shell starts what it puts in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupt")
def test_interrupt_ends_between_slices(jit):
    """Ctrl-C ends a search in a state from which it can go on."""
    size = ctypes.c_uint64(3000)
    expand, judge = toy.addresses(jit, "grid")
    env = ctypes.addressof(size)
    with Walk(jit, words=1, rules=2, fan=2, expand=expand, judge=judge, env=env) as walk:
        walk.start([(0,)])
        assert walk.run(on_slice=lambda: signal.raise_signal(signal.SIGINT)) == "stopped"
        assert 0 < walk.states < 3001**2
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert walk.run() == "complete"
        assert walk.states == 3001**2


@pytest.mark.parametrize("threads", [1, 2])
def test_index_widths_that_overflow(walk_of, threads, monkeypatch):
    """A dictionary that needs more index bits gets them from the others, as often as it takes."""
    monkeypatch.setattr(dictionary, "BITS", 16)
    maze = Maze(words=3, shift=7)
    answer = plain_search(maze)
    walk = walk_of(maze, threads=threads, tuning=TINY)
    walk.dictionaries.widths = [2, 2, 2]
    walk.dictionaries.place_indexes()
    walk.start([maze.state(1)])
    assert walk.run() == "complete"
    assert walk.relaid > 1
    same(walk, answer)
    total = list(answer.parents)[-1]
    assert walk.chain(maze.state(total)) == plain_chain(maze, answer, total)


@pytest.mark.parametrize("words", [1, 3])
def test_threads_meet_at_the_same_keys(walk_of, words):
    """Two threads that bring the same states at the same time count each once."""
    maze = Maze(words=words, size=150_000, dead=1, shift=7)
    once = walk_of(maze)
    once.start([maze.state(1)])
    assert once.run() == "complete"
    for _ in range(8):
        walk = walk_of(maze, threads=2, tuning=Tuning(chunk=64, alone=2))
        walk.start([maze.state(1)])
        assert walk.run() == "complete"
        assert (walk.states, walk.transitions) == (once.states, once.transitions)
        assert walk.sightings == once.sightings
        walk.team.close()


@pytest.mark.parametrize("words", [1, 3])
def test_kernel_as_python(walk_of, words):
    """The kernel's functions, called as Python on the same memory, find what their code finds."""
    maze = Maze(words=words, size=300, shift=3)
    answer = plain_search(maze)
    walk = walk_of(maze, tuning=Tuning(slots=1 << 12))
    functions = spoken(words)
    walk.kernel.search = functions["search"]
    walk.kernel.begin = functions["begin"]
    walk.kernel.seek = functions["seek"]
    walk.start([maze.state(1)])
    assert walk.run() == "complete"
    same(walk, answer)
    total = list(answer.parents)[-1]
    assert walk.chain(maze.state(total)) == plain_chain(maze, answer, total)
