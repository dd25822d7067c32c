# SPDX-License-Identifier: Apache-2.0
"""What is not asked by the explorer's own page, or not as it asks, gets one clean refusal."""

from __future__ import annotations

import pytest

from tests.report.client import Client, refused

WALK = "/api/walk?path=11-14"


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


LINK = {
    "Sec_Fetch_Site": "cross-site",
    "Sec_Fetch_Mode": "navigate",
    "Sec_Fetch_Dest": "document",
}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_site_leads_to_the_page(client: Client, site: str) -> None:
    """Somebody who follows a link gets the page, whatever site the link was on."""
    reply = client.ask("/", **{**LINK, "Sec_Fetch_Site": site}, Sec_Fetch_User="?1")
    assert reply.status == 200
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "target", "changed"),
    [
        ("GET", WALK, {}),
        ("GET", "/?x", {}),
        ("GET", "/api/catalog", {}),
        ("POST", "/", {}),
        ("POST", "/api/search", {}),
        ("DELETE", "/api/search/1", {}),
        ("GET", "/", {"Sec_Fetch_Dest": "iframe"}),
        ("GET", "/", {"Sec_Fetch_Dest": "embed"}),
        ("GET", "/", {"Sec_Fetch_Dest": "empty"}),
        ("GET", "/", {"Sec_Fetch_Dest": ""}),
        ("GET", "/", {"Sec_Fetch_Mode": "no-cors"}),
        ("GET", "/", {"Sec_Fetch_Mode": "cors"}),
        ("GET", "/", {"Sec_Fetch_Mode": ""}),
        ("GET", "/", {"Origin": "http://example.com"}),
        ("GET", "/", {"Host": "example.com"}),
    ],
    ids=str,
)
def test_nothing_else_comes_from_another_site(
    client: Client, method: str, target: str, changed: dict[str, str]
) -> None:
    """No answer of the model, no change, no frame, no script that reads the page, no foreign name."""
    refused(client.ask(target, method, **{**LINK, "X_Xsavvy": client.token, **changed}), 403)


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
    refused(client.ask(WALK, "GET", b"{}"), 400, "body: expected none")


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
