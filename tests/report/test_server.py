# SPDX-License-Identifier: Apache-2.0
"""The explorer's server: what it answers, and how it bears with slow, silent and many clients."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from tests.report.client import Client, Reply, refused
from xsavvy.api import UsageError
from xsavvy.api.explorer import seeking
from xsavvy.report.explorer import server as server_module
from xsavvy.report.explorer.answers import Answers
from xsavvy.report.explorer.session import Session, begin

WINDOW = "nmi_reads_user_memory_under_host_pkru"
WALK = "/api/walk?path=11-14"


def test_the_page_is_served(client: Client) -> None:
    """The page holds the token, comes from no cache, and may load nothing."""
    reply = client.ask("/")
    assert reply.status == 200
    assert client.token in reply.body.decode()
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_server_is_on_this_machine_only(session: Session) -> None:
    """It listens on the loopback address, and the printed address leads to the world to begin with."""
    assert session.server.socket.getsockname()[0] == "127.0.0.1"
    fragment = "#scenario=pkru&kernel=v6.18&platform=sapphire-rapids"
    assert session.url == f"http://127.0.0.1:{session.server.port}/{fragment}"


def test_the_catalog_and_the_world(client: Client) -> None:
    """They are the explorer's answers as JSON, with the names that the page reads."""
    catalog = client.ask("/api/catalog").json()
    assert {"version", "scenarios", "kernels", "newest", "platforms", "choices"} <= catalog.keys()
    assert {"lanes", "groups", "start"} <= catalog.keys()
    assert client.token not in client.ask("/api/catalog").body.decode()
    world = client.ask("/api/world?kernel=v6.19&set=pkru_home%3Dwith_xstate").json()
    assert (world["scenario"], world["kernel"]) == ("pkru", "v6.19")
    assert world["set"] == {"pkru_home": "with_xstate"}


def test_a_walk_and_a_run(client: Client) -> None:
    """A path in the short form is walked, and the host's steps go on from its end."""
    walk = client.ask(WALK).json()
    assert walk["path"] == [11, 12, 13, 14]
    assert len(walk["steps"]) == len(walk["standing"]) == 4
    assert {"values", "standing", "broken", "seen", "over"} == walk["moment"].keys()
    assert client.ask(f"{WALK}&since=3").json()["steps"] == walk["steps"][3:]
    run = client.ask("/api/run?path=11-14&until=guest&limit=3").json()
    assert run["path"] == [*range(11, 18)]
    assert client.ask(f"{WALK}&digest={walk['digest']}").json()["same_model"] is True


def test_lockstep(client: Client) -> None:
    """The other world is told by what differs."""
    both = client.ask("/api/lockstep?path=11-29&other.kernel=v6.19").json()
    assert (both["parted"], len(both["pairs"])) == (None, 19)
    assert both["left"]["path"] == [*range(11, 30)]
    same = client.ask("/api/lockstep?path=11-29").json()
    assert same["right"]["path"] == same["left"]["path"]


def test_a_search_begins_tells_and_ends(client: Client) -> None:
    """A search is begun with the token, asked for by its number, and ended."""
    job = client.search({"world": {}, "property": WINDOW}).json()["job"]
    client.session.answers.searches.wait(job)
    news = client.ask(f"/api/search/{job}").json()
    assert (news["state"], news["verdict"], len(news["path"])) == ("done", "violated", 20)
    ended = client.ask(f"/api/search/{job}", "DELETE", X_Xsavvy=client.token)
    assert (ended.status, ended.json()) == (200, news)


def test_stepping_goes_on_during_a_search(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a search runs, walks are answered; then it is ended."""
    endless = ["sh", "-c", "read line; exec cat"]
    monkeypatch.setattr(seeking, "COMMAND", endless)
    client.session.answers.searches.close()
    job = client.search({"world": {}, "property": WINDOW}).json()["job"]
    assert client.ask(WALK).status == 200
    assert client.ask(f"/api/search/{job}").json()["state"] == "running"
    ended = client.ask(f"/api/search/{job}", "DELETE", X_Xsavvy=client.token).json()
    assert (ended["state"], ended["error"]) == ("failed", "it was ended")


def test_an_empty_connection_gets_nothing(client: Client) -> None:
    """Whoever says nothing is let go."""
    with client.connect() as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""


def test_one_request_for_each_connection(client: Client) -> None:
    """A second request behind the first is not answered, and cannot be smuggled in."""
    one = f"GET /api/nothing HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n\r\n".encode()
    reply = client.send(one * 3)
    refused(reply, 404)
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize("part", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 1"])
def test_a_slow_client_is_let_go(
    client: Client, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    """A request that does not come to its end in time gets one line, however it began."""
    monkeypatch.setattr(client.session.server, "patience", 0.2)
    refused(client.send(part, more=True), 408, "too long")


def test_drop_by_drop_is_slow_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of the whole request: a byte now and then does not prolong it."""
    monkeypatch.setattr(client.session.server, "patience", 0.3)
    pause = threading.Event()
    with client.connect() as connection:
        connection.setblocking(True)
        for _ in range(2_000):
            try:
                connection.send(b"G")
            except OSError:
                return
            pause.wait(0.02)
    pytest.fail("the server waited for the whole drip")


def test_a_client_that_does_not_read_is_let_go(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a part of its reply and no word behind it, and its place is free again."""
    monkeypatch.setattr(client.session.server, "patience", 0.3)
    monkeypatch.setattr(Answers, "answer", lambda *_: b"x" * 50_000_000)
    asked = threading.active_count()
    with client.connect() as connection:
        host = f"127.0.0.1:{client.port}"
        connection.sendall(f"GET {WALK} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        _wait(lambda: threading.active_count() > asked)
        _wait(lambda: threading.active_count() <= asked)
        found = bytearray()
        while part := connection.recv(1 << 20):
            found += part
    assert found.count(b"HTTP/1.") == 1
    assert found.endswith(b"x")
    assert len(found) < 50_000_000


def _wait(happened: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3_000):
        if happened():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")


def test_connections_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all places are taken the next client is told so at once; afterwards there is place again."""
    held = [client.connect() for _ in range(server_module.MOST_CONNECTIONS)]
    try:
        refused(_until(lambda: client.send(b"", more=True), 503), 503, "too many connections")
    finally:
        for each in held:
            each.close()
    assert _until(lambda: client.ask(WALK), 200).status == 200


def _until(ask: Callable[[], Reply], status: int) -> Reply:
    """Ask until the threads of the server are where they should be."""
    pause = threading.Event()
    for _ in range(500):
        reply = ask()
        if reply.status == status:
            return reply
        pause.wait(0.02)
    raise AssertionError(f"never {status}")


def test_a_mistake_of_ours_is_one_line(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An answer that fails leaves the page a line, the terminal a line, and the session alive."""

    def fail(self: Answers, *_: object) -> bytes:
        raise ZeroDivisionError("a mistake\nof ours")

    with monkeypatch.context() as patched:
        patched.setattr(Answers, "answer", fail)
        refused(Client(session).ask(WALK), 500, "a mistake of xsavvy")
    told = capfd.readouterr().err
    assert told == "xsavvy: explore: GET: ZeroDivisionError: a mistake of ours\n"
    assert Client(session).ask(WALK).status == 200


def test_a_port_in_use_is_one_line(session: Session) -> None:
    """Two sessions cannot share a port, and the second one says so."""
    with pytest.raises(UsageError, match=f"port {session.server.port}: it is in use"):
        begin("pkru", platform="genoa", port=session.server.port)
