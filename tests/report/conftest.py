# SPDX-License-Identifier: Apache-2.0
"""A session of the explorer for the tests of its server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.report.client import Client
from xsavvy.report.explorer.session import Session, begin


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session that serves while the tests of this file ask."""
    with begin("pkru", kernel="v6.18", platform="sapphire-rapids") as found:
        thread = threading.Thread(target=found.serve)
        thread.start()
        yield found
        found.server.shutdown()
        thread.join()


@pytest.fixture
def client(session: Session, capfd: pytest.CaptureFixture[str]) -> Iterator[Client]:
    """A client; nothing that it does may leave a word on the terminal."""
    yield Client(session)
    assert capfd.readouterr() == ("", "")
