# SPDX-License-Identifier: Apache-2.0
"""The explorer's server: its own page is answered, everything else gets one clean refusal."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from xsavvy.api import UsageError, seeking
from xsavvy.report.explorer import server as server_module
from xsavvy.report.explorer.answers import Answers
from xsavvy.report.explorer.session import Session, begin

WINDOW = "nmi_reads_user_memory_under_host_pkru"
WALK = "/api/walk?path=11-14"
JSON = "application/json"


class Reply(NamedTuple):
    """What came back: the status, the headers in small letters, the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class Client:
    """Speaks to a session's server byte by byte."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.port = session.server.port
        self.token = session.server.token

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send(self, data: bytes, *, more: bool = False) -> Reply:
        """Send bytes, and read until the server closes; with `more` the connection stays open for writing."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if not more:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has replied already
            found = bytearray()
            while part := connection.recv(1 << 16):
                found += part
        return parsed(bytes(found))

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        """Send a request as the page does, but for the headers given; an empty one is left out."""
        lines = {"Host": f"127.0.0.1:{self.port}"}
        if body:
            lines |= {"Content-Type": JSON, "Content-Length": str(len(body))}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def search(self, body: object) -> Reply:
        """Begin a search as the page does."""
        return self.ask("/api/search", "POST", json.dumps(body).encode(), X_Xsavvy=self.token)


def parsed(data: bytes) -> Reply:
    """Take a reply apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert re.fullmatch(r"HTTP/1\.[01] [2-5]\d\d .*", first), data[:200]
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)


def refused(reply: Reply, status: int, words: str = "") -> None:
    """Check that a reply is a refusal of one line."""
    assert reply.status == status, reply
    assert reply.headers["content-type"] == JSON
    assert list(reply.json()) == ["error"]
    assert "\n" not in reply.json()["error"]
    assert words in reply.json()["error"]


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


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.example.com:{port}",
        "rebind.example:{port}",
        "[::1]:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "0.0.0.0:{port}",
        "2130706433:{port}",
        "127.1:{port}",
        "localhost.:{port}",
        "localhost:{port}@example.com",
        "user@127.0.0.1:{port}",
        "127.0.0.1:{port}, example.com",
        "127.0.0.1:0{port}",
        "\xff",
    ],
)
@pytest.mark.parametrize("target", ["/", WALK])
def test_a_foreign_host_is_refused(client: Client, host: str, target: str) -> None:
    """A name that was rebound to this machine, and every other spelling, gets nothing, not even the page."""
    refused(client.ask(target, Host=host.format(port=client.port)), 403, "Host: expected 127.0.0.1")


def test_localhost_is_this_machine(client: Client) -> None:
    """The other name of the address is accepted, in any case, and the origin has to go with it."""
    own = f"LocalHost:{client.port}"
    assert client.ask("/", Host=own, Origin=f"http://localhost:{client.port}").status == 200
    refused(client.ask("/", Host=own, Origin=f"http://127.0.0.1:{client.port}"), 403, "Origin")


def test_a_missing_or_repeated_host_is_refused(client: Client) -> None:
    """Without exactly one Host nobody knows whose request it is."""
    refused(client.ask("/", Host=""), 400, "Host")
    twice = f"Host: 127.0.0.1:{client.port}\r\n" * 2
    refused(client.send(f"GET / HTTP/1.1\r\n{twice}\r\n".encode()), 400, "Host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "http://example.com"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:{port}.example.com"},
        {"Origin": "http://[::1]:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "anything"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_another_sites_request_is_refused(client: Client, headers: dict[str, str]) -> None:
    """What another page makes the browser send gets nothing."""
    sent = {name: value.format(port=client.port) for name, value in headers.items()}
    for target in ("/", WALK):
        refused(client.ask(target, **sent), 403)


def test_our_own_page_is_answered(client: Client) -> None:
    """With the headers of a browser that shows the page."""
    own = {"Origin": f"http://127.0.0.1:{client.port}", "Sec_Fetch_Site": "same-origin"}
    assert client.ask(WALK, **own).status == 200
    assert client.ask("/", Sec_Fetch_Site="none").status == 200


@pytest.mark.parametrize("token", ["", "wrong", "\xe9"])
@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/api/search"), ("DELETE", "/api/search/1")]
)
def test_changes_need_the_token(client: Client, method: str, target: str, token: str) -> None:
    """Whoever has not seen the page can begin and end nothing."""
    refused(client.ask(target, method, X_Xsavvy=token), 403, "X-Xsavvy")


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X"]
)
def test_other_methods_are_refused(client: Client, method: str) -> None:
    """Only GET, POST and DELETE mean anything; a HEAD has no body."""
    reply = client.ask("/", method)
    assert (reply.status, reply.headers["allow"]) == (405, "get, post, delete")
    assert bool(reply.body) == (method != "HEAD")


@pytest.mark.parametrize(
    "target",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/walk/",
        "/API/walk",
        "/favicon.ico",
        "/static/style.css",
        "/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "//etc/passwd",
        "http://127.0.0.1/api/catalog",
        "*",
        "/api/search",
        "/api/search/x",
        "/api/search/-1",
        "/api/search/99999999",
        "/api/search/" + "9" * 40,
        "/\x00",
    ],
)
def test_nothing_else_is_there(client: Client, target: str) -> None:
    """No folder is served and no other path has an answer."""
    refused(client.ask(target), 404)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/api/walk?path=11-", "path: '11-'"),
        ("/api/walk?path=-1", "path: '-1'"),
        ("/api/walk?path=99999999999", "path: "),
        ("/api/walk?path=0-19999.1", "at most 20000 rules"),
        ("/api/walk?path=1&path=2", "path: expected once"),
        ("/api/walk?since=-1", "since="),
        ("/api/walk?since=99999", "up to 20000"),
        ("/api/run?limit=1e9", "limit="),
        ("/api/run?limit=" + "9" * 5_000, "limit="),
        ("/api/run?until=never", "no end of a run 'never'"),
        ("/api/world?scenario=pkur", "nearest: pkru"),
        ("/api/world?scenario=%ff%fe", "UTF-8"),
        ("/api/world?scenario=\xff", "ASCII"),
        ("/api/world?kernel=v6.18%0d%0aX: y", "kernel"),
        ("/api/world?platform=%2fetc%2fpasswd", "no platform '/etc/passwd'"),
        ("/api/world?set=a", "expected CHOICE=VALUE"),
        ("/api/world?path=1", "query: 'path'"),
        ("/api/world?" + "set=a%3Db&" * 300, "at most 200 pairs"),
        ("/api/catalog?x=1", "expected no parameter"),
        ("/api/world?scenario", "NAME=VALUE"),
        ("/api/lockstep?other.kernel=v99", "kernel 'v99'"),
    ],
)
def test_a_wrong_query_is_one_line(client: Client, target: str, words: str) -> None:
    """Wrong names, numbers, encodings and lengths get the line that a command would print."""
    refused(client.ask(target.replace(" ", "%20")), 400, words)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"world":{}}', 400),
        (b'{"world":{},"property":"nothing"}', 400),
        (b'{"world":{"patch":"/etc/passwd"},"property":"x"}', 400),
        (b'{"world":{},"property":"x","engine":"y"}', 400),
        (b'{"world":{},"property":"x","path":"1-"}', 400),
        (b'{"world":{},"property":"x","max_states":-1}', 400),
        (b'{"world":{},"property":"x","max_states":1e400}', 400),
        (b'{"world":{"platform":"/etc/passwd"},"property":"x"}', 400),
        (b"[" * 60_000, 400),
        (b"x" * 65_537, 413),
    ],
)
def test_a_wrong_wish_is_one_line(client: Client, body: bytes, status: int) -> None:
    """What is no wish for a search begins none."""
    refused(client.ask("/api/search", "POST", body, X_Xsavvy=client.token), status)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "1_0"}, 411),
        ({"Content_Length": "9" * 30}, 413),
        ({"Content_Length": "500"}, 400),
        ({"Transfer_Encoding": "chunked"}, 400),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused(client: Client, headers: dict[str, str], status: int) -> None:
    """Another type, another length than there is, or no length at all."""
    refused(client.ask("/api/search", "POST", b"{}", X_Xsavvy=client.token, **headers), status)


def test_a_get_has_no_body(client: Client) -> None:
    """A body where none belongs is refused, not read."""
    refused(client.ask(WALK, body=b"{}"), 400, "body: expected none")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + (b"A: " + b"b" * 60_000 + b"\r\n") * 50 + b"\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"a b c d e\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\x00: \x00\r\n\r\n", 400),
    ],
    ids=range(12),
)
def test_what_is_hardly_http_gets_one_reply(client: Client, data: bytes, status: int) -> None:
    """Long lines, many headers, other versions and noise: a status, a line, and the end."""
    refused(client.send(data), status)


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
