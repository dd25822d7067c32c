# SPDX-License-Identifier: Apache-2.0
"""Searches beside the explorer: what they find, and how they end."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import msgspec
import pytest

from xsavvy.api import UsageError
from xsavvy.api.explorer import seeking
from xsavvy.api.explorer.address import WorldAddress
from xsavvy.api.explorer.exploring import Explorer
from xsavvy.api.explorer.seeker import News, Wish, seek
from xsavvy.api.explorer.seeking import Searches

PKRU = WorldAddress("pkru", "v6.18", "sapphire-rapids")
WINDOW = "nmi_reads_user_memory_under_host_pkru"

ENDLESS = """
import sys
print('{"state":"running","states":7,"depth":3,"seconds":0.5}', flush=True)
sys.stdin.read()
"""
DYING = "import os; input(); os.kill(os.getpid(), 9)"
FAILING = "import sys; sys.exit(3)"


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    """An explorer to search in."""
    return Explorer(PKRU, platform="sapphire-rapids")


@pytest.fixture
def searches(explorer: Explorer) -> Iterator[Searches]:
    """Searches that end with the test."""
    with Searches(explorer) as found:
        yield found


def fake(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script stand in for the process that searches."""
    monkeypatch.setattr(seeking, "COMMAND", [sys.executable, "-c", script])


def news_of(searches: Searches, job: int) -> News:
    """Return the news of a search that exists."""
    news = searches.look(job)
    assert news is not None
    return news


def first_news(searches: Searches, job: int) -> News:
    """Wait until a fake search has told how far it is."""
    pause = threading.Event()
    for _ in range(600):
        if (news := news_of(searches, job)).states or news.state != "running":
            return news
        pause.wait(0.05)
    raise AssertionError("the process said nothing for half a minute")


def test_a_search_finds_what_check_finds(explorer: Explorer, searches: Searches) -> None:
    """A violation comes with the path that leads to it, and the property breaks at its last step."""
    job = searches.begin(PKRU, property=WINDOW)
    searches.wait(job)
    news = news_of(searches, job)
    assert (news.state, news.verdict, len(news.path)) == ("done", "violated", 20)
    assert explorer.walk(PKRU, news.path).steps[-1].breaks == [WINDOW]
    assert news.sentence.endswith(".")
    again = searches.begin(PKRU, witness="guest_has_its_own_pkru")
    searches.wait(again)
    assert news_of(searches, again).verdict == "seen"


def test_a_search_goes_on_from_a_path(explorer: Explorer) -> None:
    """What is found begins with the path, and is the shortest way from there."""
    start = explorer.run(PKRU, []).path
    found = seek(Wish("pkru", "v6.18", "sapphire-rapids", {}, "", WINDOW, "", start, 100_000))
    assert found.verdict == "violated"
    assert found.path[: len(start)] == start
    assert len(found.path) > len(start)
    assert explorer.walk(PKRU, found.path).steps[-1].breaks == [WINDOW]


def test_a_limit_leaves_the_verdict_open(explorer: Explorer) -> None:
    """With too few states nothing is claimed; a limit of a request cannot exceed the session's."""
    wish = Wish("pkru", "v6.18", "sapphire-rapids", {}, "", WINDOW, "", [], 50)
    assert seek(wish).verdict == "incomplete"
    with Searches(explorer, max_states=50) as bounded:
        job = bounded.begin(PKRU, property=WINDOW, max_states=10**9)
        bounded.wait(job)
        news = news_of(bounded, job)
    assert (news.verdict, news.path) == ("incomplete", [])
    assert news.states < 200


def test_a_property_that_holds_is_said_to_hold() -> None:
    """A search of all states gives a verdict without a path."""
    found = seek(
        Wish("pkru-xinuse", "v6.18", "genoa", {}, "", "guest_sees_its_own_pkru", "", [], 10**6)
    )
    assert (found.verdict, found.path) == ("holds", [])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "expected a property or a witness"),
        ({"property": WINDOW, "witness": "x"}, "expected a property or a witness"),
        ({"property": "nothing"}, "no property in scenario pkru 'nothing'"),
        ({"witness": "nothing"}, "no witness in scenario pkru 'nothing'"),
        ({"property": WINDOW, "max_states": 0}, "expected at least 1"),
    ],
)
def test_a_wrong_wish_begins_nothing(searches: Searches, asked: dict[str, str], words: str) -> None:
    """What cannot be searched for is a usage error at once."""
    with pytest.raises(UsageError, match=words):
        searches.begin(PKRU, **asked)  # type: ignore[arg-type]
    assert searches.look(1) is None


def test_an_impossible_path_is_told(searches: Searches) -> None:
    """A search from where nobody can be fails with one line."""
    job = searches.begin(PKRU, property=WINDOW, path=[11, 11])
    searches.wait(job)
    assert news_of(searches, job) == News("failed", error="path: step 2 is not possible")


def test_a_search_is_ended(searches: Searches, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells how far it came and that it was ended, and the next one has a process of its own."""
    fake(monkeypatch, ENDLESS)
    job = searches.begin(PKRU, property=WINDOW)
    assert first_news(searches, job).states == 7
    ended = searches.end(job)
    assert ended is not None
    assert (ended.state, ended.error, ended.states) == ("failed", "it was ended", 7)
    searches.wait(job)
    assert searches.look(job) == ended
    other = searches.begin(PKRU, property=WINDOW)
    assert first_news(searches, other).state == "running"


def test_a_new_search_takes_the_place_of_another(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time: the one before says what became of it."""
    fake(monkeypatch, ENDLESS)
    first = searches.begin(PKRU, property=WINDOW)
    second = searches.begin(PKRU, property=WINDOW)
    assert news_of(searches, first).error == "another search was begun"
    assert first_news(searches, second).state == "running"


def test_a_search_that_is_done_stays_done(searches: Searches) -> None:
    """Ending it afterwards changes nothing."""
    job = searches.begin(PKRU, witness="guest_has_its_own_pkru")
    searches.wait(job)
    assert searches.end(job) == news_of(searches, job)
    assert news_of(searches, job).state == "done"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (DYING, "the worker process was killed by SIGKILL"),
        (FAILING, "the worker process ended with status 3"),
    ],
)
def test_a_process_that_dies_is_told(
    searches: Searches, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    """A search whose process is gone has failed, with its cause."""
    fake(monkeypatch, script)
    job = searches.begin(PKRU, property=WINDOW)
    searches.wait(job)
    assert news_of(searches, job).state == "failed"
    assert words in news_of(searches, job).error


def test_a_process_that_cannot_start_is_told(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the program there is one line and no thread that hangs."""
    monkeypatch.setattr(seeking, "COMMAND", ["./no-such-program"])
    job = searches.begin(PKRU, property=WINDOW)
    searches.wait(job)
    assert "no process can be started" in news_of(searches, job).error


def test_only_the_latest_searches_are_known(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old numbers are forgotten; a number that never was is none."""
    fake(monkeypatch, FAILING)
    jobs = [searches.begin(PKRU, property=WINDOW) for _ in range(seeking.MOST_JOBS + 2)]
    assert searches.look(jobs[0]) is None
    assert searches.look(jobs[-1]) is not None
    assert searches.end(10_000) is None


def test_closing_ends_what_runs(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is left."""
    fake(monkeypatch, ENDLESS)
    searches = Searches(explorer)
    job = searches.begin(PKRU, property=WINDOW)
    first_news(searches, job)
    worker = searches._worker
    assert worker is not None
    searches.close()
    assert worker.returncode is not None
    assert news_of(searches, job).error == "it was ended"


def test_a_search_ends_with_the_process_that_began_it() -> None:
    """When nobody holds the other end of its input, it is gone, also in the middle of a search."""
    wish = Wish("everything", "v6.18", "sapphire-rapids", {}, "", WINDOW, "", [], 10**9)
    pipe = subprocess.PIPE
    with subprocess.Popen(seeking.COMMAND, stdin=pipe, stdout=pipe) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(msgspec.json.encode(wish) + b"\n")
        worker.stdin.flush()
        assert msgspec.json.decode(worker.stdout.readline(), type=News).state == "running"
        worker.stdin.close()
        assert worker.wait(timeout=60) == 0
