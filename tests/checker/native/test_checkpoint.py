# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: any moment may be the last, and nothing that is read is trusted."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from tests.checker.native import toy
from tests.checker.native.test_walk import same
from tests.checker.native.toy import Maze, plain_chain, plain_search
from xsavvy.checker.native.checkpoint import CheckpointError
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.store import NoMemory
from xsavvy.checker.native.walk import Tuning, Walk

TINY = Tuning(slots=16, words=4, chunk=64, alone=2, budget=1)
CHILD = """
import sys
from pathlib import Path
from tests.checker.native.test_checkpoint import resumed
from tests.checker.native.toy import Maze

directory, words, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
maze = Maze(words=words, size=20000, shift=4)
walk = resumed(maze, directory, threads)
print("ready", flush=True)
while walk.run(max_states=walk.states + 1) != "complete":
    walk.save(directory, "maze")
walk.save(directory, "maze")
"""


def resumed(maze, directory, threads=1, jit=None, identity="maze", **options):
    """Go on from a checkpoint, or begin."""
    jit = jit or Jit()
    expand, judge = toy.addresses(jit, "maze", maze.words)
    options = {
        "words": maze.words,
        "rules": toy.RULES,
        "fan": toy.FAN,
        "expand": expand,
        "judge": judge,
        "env": maze.env,
        "bits": 3,
        "threads": threads,
        "tuning": TINY,
        **options,
    }
    if (directory / "manifest").exists():
        return Walk.load(jit, directory, identity, **options)
    walk = Walk(jit, **options)
    walk.start([maze.state(1)])
    return walk


@pytest.mark.parametrize("threads", [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("words", [1, 3])
def test_stopped_and_resumed_ends_like_one_run(tmp_path, jit, words, threads):
    """A search that is saved and loaded again and again finds what one run finds."""
    maze = Maze(words=words, shift=3)
    answer = plain_search(maze)
    ended = ""
    rounds = 0
    while ended != "complete":
        with resumed(maze, tmp_path, threads[rounds % 2], jit) as walk:
            ended = walk.run(max_states=walk.states + 700)
            walk.save(tmp_path, "maze")
            rounds += 1
    assert rounds > 4
    with resumed(maze, tmp_path, threads[1], jit) as walk:
        same(walk, answer)
        assert walk.fired == b"\1\1\1\1"
        for total in list(answer.parents)[::907]:
            assert walk.chain(maze.state(total)) == plain_chain(maze, answer, total)


def test_saved_again_after_the_keys_have_changed(tmp_path, jit):
    """Other index widths mean other files; the old ones go when they are not named any more."""
    maze = Maze(words=3, shift=6)
    with resumed(maze, tmp_path, 1, jit) as walk:
        walk.save(tmp_path, "maze")
        before = {path.name for path in tmp_path.glob("keys-*")}
        walk.dictionaries.widths = [2, 59, 2]
        walk.dictionaries.place_indexes()
        walk.relaid += 1
        while walk.run(max_states=walk.states + 100) != "complete":
            walk.save(tmp_path, "maze")
        walk.save(tmp_path, "maze")
    after = {path.name for path in tmp_path.glob("keys-*")}
    assert len(after) == 1
    assert not before & after
    with resumed(maze, tmp_path, 1, jit) as walk:
        same(walk, plain_search(maze))


@pytest.mark.parametrize(("words", "threads"), [(1, 1), (3, 2)])
def test_killed_at_any_moment(tmp_path, jit, words, threads):
    """After kill -9 at random moments, most of them while files are written, nothing is lost."""
    maze = Maze(words=words, size=20000, shift=4)
    answer = plain_search(maze)
    luck = random.Random(words)
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(words), str(threads)]
    kills = 0
    for _ in range(10):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
        assert child.stdout.readline() == b"ready\n"
        time.sleep(luck.random() * 0.02)
        child.kill()
        child.communicate()
        kills += child.returncode == -signal.SIGKILL
    assert kills > 3
    with resumed(maze, tmp_path, threads, jit) as walk:
        assert walk.run() == "complete"
        same(walk, answer)


@pytest.fixture
def saved(tmp_path, jit):
    """A checkpoint in the middle of a search, of states of two words."""
    maze = Maze(words=2, shift=4)
    with resumed(maze, tmp_path, 1, jit) as walk:
        assert walk.run(max_states=2000) == "states"
        walk.save(tmp_path, "maze")
    return maze, tmp_path


def refusal(saved, jit, **options):
    """What is said when the checkpoint is loaded; one line."""
    maze, directory = saved
    with pytest.raises(CheckpointError) as caught:
        resumed(maze, directory, 1, jit, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(directory))
    return message


def forge(directory, **changes):
    """Change the manifest and give it the right checksum."""
    path = directory / "manifest"
    fields = json.loads(path.read_bytes().partition(b"\n")[2])
    fields.update(changes)
    body = json.dumps(fields).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def test_of_another_search(saved, jit):
    """A checkpoint is only for the search that made it."""
    assert "another search" in refusal(saved, jit, identity="other")


def test_none(tmp_path, jit):
    """A directory without a checkpoint is named."""
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        Walk.load(jit, tmp_path, "maze", words=1, rules=1, fan=1, expand=0, judge=0)


def test_every_damaged_byte_is_noticed(saved, jit):
    """A flipped bit or a lost end of any file is noticed, and said."""
    luck = random.Random(1)
    for path in sorted(saved[1].iterdir()):
        data = path.read_bytes()
        at = luck.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert "checksum" in refusal(saved, jit)
        path.write_bytes(data[:-1])
        assert "manifest" in refusal(saved, jit)
        if path.name != "manifest":
            path.unlink()
            assert "cannot be read" in refusal(saved, jit)
        path.write_bytes(data)
    with resumed(*saved, 1, jit) as walk:
        assert walk.run() == "complete"


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "../../etc/passwd"},
        {"tails": [-1]},
        {"tails": []},
        {"tails": [1.5]},
        {"tails": [10**30]},
        {"tails": [1] * 1000, "key_sums": [1] * 1000},
        {"words": 9},
        {"rules": 5},
        {"fired": "zz"},
        {"fired": "02020202"},
        {"levels": [[5]]},
        {"levels": []},
        {"levels": None},
        {"high": [1 << 62]},
        {"widths": [60, 60]},
        {"widths": [2, 2]},
        {"pending": [[5, 3]]},
        {"pending": [[0, 1 << 40]]},
        {"found": {"99": [1, 1]}},
        {"found": {"1": [1 << 63, 1]}},
        {"cursor": True},
        {"format": 2},
        {"extra": 1},
        {"identity": 3},
    ],
    ids=str,
)
def test_hostile_manifests(saved, jit, changes):
    """Numbers that the search would trust are refused, whatever the checksum says."""
    forge(saved[1], **changes)
    refusal(saved, jit)


def test_keys_that_mean_no_state(saved, jit):
    """A key with an index beyond its dictionary is refused, and so is a repeated one."""
    (path,) = saved[1].glob("keys-*")
    data = path.read_bytes()
    for first, words in [(b"\xff" * 7 + b"\x7f", "means no state"), (data[8:16], "twice")]:
        changed = first + data[8:]
        path.write_bytes(changed)
        forge(saved[1], key_sums=[zlib.crc32(changed)])
        assert words in refusal(saved, jit)


def test_manifest_that_is_no_json(saved, jit):
    """Nesting, size and nonsense are refused in one line."""
    path = saved[1] / "manifest"
    for body in [b"[" * 100000, b"null", b"\xff\xfe", b"{}"]:
        path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        refusal(saved, jit)
    path.write_bytes(b"")
    refusal(saved, jit)


def test_checkpoint_larger_than_the_limit(saved, jit):
    """A checkpoint that the memory limit does not allow is refused before it is read."""
    maze, directory = saved
    forge(directory, tails=[1 << 40])
    with pytest.raises(NoMemory):
        resumed(maze, directory, 1, jit)
