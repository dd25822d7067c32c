# SPDX-License-Identifier: Apache-2.0
"""The processor under the tests, met once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xsavvy.live.host import Host, meet
from xsavvy.live.machine.instruction import INSTRUCTIONS
from xsavvy.live.machine.native import Native
from xsavvy.live.machine.operand import Operand
from xsavvy.live.machine.reach import Unreachable


@pytest.fixture(scope="session")
def host() -> Host:
    try:
        return meet()
    except Unreachable as error:
        pytest.skip(f"silicon: {error.reason}")


@pytest.fixture
def native(host: Host) -> Iterator[Native]:
    with Native({**INSTRUCTIONS, "nop": b"\x90"}, host.area_bytes) as native:
        yield native


@pytest.fixture(scope="module")
def operand(host: Host) -> Iterator[Operand]:
    del host  # an operand is mapped only where there is somebody to use it
    operand = Operand()
    yield operand
    operand.close()
