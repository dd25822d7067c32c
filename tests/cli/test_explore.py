# SPDX-License-Identifier: Apache-2.0
"""`xsavvy explore`: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
import webbrowser
from collections.abc import Iterator
from typing import IO

import pytest

from tests.cli.conftest import Run
from xsavvy.api import world
from xsavvy.live import Unreachable
from xsavvy.report.explorer.session import Session

PROGRAM = """
import signal
from xsavvy.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
WORLD = ("--kernel", "v6.18", "--platform", "sapphire-rapids")


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is interrupted as soon as it serves."""

    def interrupted(self: Session) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "serve", interrupted)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """A session in a process of its own, on a free port."""
    command = [sys.executable, "-c", PROGRAM, "explore", "pkru", *WORLD, "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as found:
        yield found
        found.kill()


def line(stream: IO[str] | None) -> str:
    """Read the next line that a process prints."""
    assert stream is not None
    return stream.readline().strip()


@pytest.mark.usefixtures("ended")
def test_the_address_is_printed(run: Run) -> None:
    """One line with the address of the page and the world in it; the end is a good one."""
    ran = run("explore", "pkru", *WORLD, "--set", "nmi_window=masked")
    assert ran.exit_code == 0
    assert ran.stderr == ""
    address, _, fragment = ran.stdout.strip().partition("#")
    assert address.startswith("http://127.0.0.1:")
    assert fragment == ("scenario=pkru&kernel=v6.18&platform=sapphire-rapids&set=nmi_window=masked")


@pytest.mark.usefixtures("ended")
def test_what_was_adapted_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset stands in for a machine whose CPUID cannot be read, and a line says so."""

    def unreachable() -> None:
        raise Unreachable("no CPUID here")

    monkeypatch.setattr(world, "read_cpuid", unreachable)
    ran = run("explore", "pkru")
    assert "no CPUID here" in ran.stderr
    assert "platform=sapphire-rapids" in ran.stdout


@pytest.mark.usefixtures("ended")
def test_without_a_scenario_the_page_begins_at_its_start(run: Run) -> None:
    """Nothing asked for is nothing in the address."""
    assert "#" not in run("explore").stdout


@pytest.mark.usefixtures("ended")
def test_a_link_is_taken_up(run: Run) -> None:
    """The whole moment of a link is in the address, whatever port it had; options take the place of its world."""
    link = "http://127.0.0.1:4711/#scenario=pkru&kernel=v6.18&platform=genoa&path=11-13.86&at=2"
    link += "&digest=12345678&other.kernel=v6.19&theme=dark"
    for text in (link, link[link.index("#") :]):
        fragment = run("explore", text).stdout.strip().partition("#")[2]
        assert fragment == link.partition("#")[2]
    changed = run("explore", link, "--kernel", "v6.17").stdout.partition("#")[2]
    assert changed.startswith("scenario=pkru&kernel=v6.17&platform=genoa&path=11-13.86&at=2")


@pytest.mark.usefixtures("ended")
def test_a_browser_is_opened_if_there_is_a_display(
    run: Run, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or if it is asked for; never if it is forbidden."""
    run("explore")
    assert opened == []
    printed = run("explore", "pkru", "--browser").stdout.strip()
    assert opened == [printed]
    monkeypatch.setenv("DISPLAY", ":0")
    run("explore")
    assert len(opened) == 2
    run("explore", "--no-browser")
    assert len(opened) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pkur"], "no scenario 'pkur'; nearest: pkru"),
        (["pkru", "--kernel", "v99"], "kernel 'v99'"),
        (["pkru", "--platform", "genao"], "genoa"),
        (["pkru", "--set", "nmi_window=ajar"], "no value of nmi_window 'ajar'"),
        (["pkru", "--port", "65536"], "65536"),
        (["pkru", "--port", "-1"], "-1"),
        (["pkru", "--max-states", "0"], "0"),
        (["xfd", "--platform", "genoa"], "not applicable to genoa"),
        (["#path=1-"], "path: '1-'"),
        (["#scenario=pkru&platform=/etc/hostname"], "no platform '/etc/hostname'"),
        (["http://127.0.0.1:1/?x#kernel=v99"], "kernel 'v99'"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, arguments: list[str], words: str) -> None:
    """A wrong name, number or link is one line and status 2."""
    ran = run("explore", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_port_in_use_is_one_line(run: Run) -> None:
    """Another program's port is not taken from it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        ran = run("explore", "pkru", *WORLD, "--port", str(other.getsockname()[1]))
    assert ran.exit_code == 2
    assert "it is in use" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_interrupt_ends_it_at_once(process: subprocess.Popen[str]) -> None:
    """Ctrl-C while the page is served: status 0 and not a word."""
    address = line(process.stdout).partition("#")[0]
    assert json.loads(ask(f"{address}api/catalog"))["start"]["scenario"] == "pkru"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_an_interrupt_ends_a_search_too(process: subprocess.Popen[str]) -> None:
    """Ctrl-C during a search, and with a client that says nothing: the end comes at once all the same."""
    address = line(process.stdout).partition("#")[0]
    token = ask(address).partition('"token":"')[2].partition('"')[0]
    world = json.loads(ask(f"{address}api/world?scenario=everything"))
    wish = {"world": {"scenario": "everything"}, "property": world["properties"][0]["name"]}
    headers = {"Content-Type": "application/json", "X-Xsavvy": token}
    assert json.loads(ask(f"{address}api/search", json.dumps(wish).encode(), headers)) == {"job": 1}
    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def ask(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> str:
    """Ask the session, as a page would."""
    request = urllib.request.Request(url, body, headers or {})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return str(reply.read().decode())
