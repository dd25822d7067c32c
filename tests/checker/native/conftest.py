# SPDX-License-Identifier: Apache-2.0
"""One compiler for the tests of the compiled search."""

from __future__ import annotations

import pytest

from tests.checker.native import toy
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.walk import Walk


@pytest.fixture(scope="session")
def jit():
    return Jit()


@pytest.fixture
def walk_of(jit):
    """Make walks over mazes, and free them."""
    made = []

    def make(maze, **options):
        expand, judge = toy.addresses(jit, "maze", maze.words)
        walk = Walk(
            jit,
            words=maze.words,
            rules=toy.RULES,
            fan=toy.FAN,
            expand=expand,
            judge=judge,
            env=maze.env,
            bits=3,
            **options,
        )
        made.append(walk)
        return walk

    yield make
    for walk in made:
        walk.close()
