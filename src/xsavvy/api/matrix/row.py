# SPDX-License-Identifier: Apache-2.0
"""The tables of a campaign's file, and how a result becomes rows and is read back from them.

What people ask for has a column of its own; the rest of a result stands in one JSON object, so that a field that a
later xsavvy adds needs no other table. Whatever is read is checked, for the file may be anybody's.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from xsavvy.api.result import CheckResult

from .result import Job, JobResult

__all__ = ["INSERT_RESULT", "SCHEMA", "SELECT_RESULTS", "job_from", "of_result", "of_world"]

SCHEMA = """\
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL,        -- of xsavvy
    code TEXT NOT NULL,           -- digest of its files
    engine TEXT NOT NULL,
    max_states INTEGER
) STRICT;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    scenario TEXT NOT NULL,
    kernel TEXT NOT NULL,
    platform TEXT NOT NULL,
    choices TEXT NOT NULL,        -- what was set, a JSON object, sorted by name
    verdict TEXT NOT NULL,        -- holds, violated, incomplete, not applicable
    reason TEXT NOT NULL,         -- why it is not finished, or does not apply
    digest TEXT NOT NULL,         -- of the model; another one: the job is done again
    state_limit INTEGER,          -- at which the search was told to stop, if it did
    seconds REAL NOT NULL,
    UNIQUE (scenario, kernel, platform, choices)
) STRICT;
CREATE TABLE results (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number INTEGER NOT NULL,      -- order of the properties in the scenario
    property TEXT NOT NULL,
    sentence TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,           -- always, eventually, deadlock
    verdict TEXT NOT NULL,        -- holds, violated, incomplete
    states INTEGER NOT NULL,
    transitions INTEGER NOT NULL,
    depth INTEGER NOT NULL,       -- of the trace, or of the search
    seconds REAL NOT NULL,
    deadlocks INTEGER NOT NULL,
    searched_platform TEXT NOT NULL,
    all_choices TEXT NOT NULL,    -- JSON object: every choice of the design
    unreached TEXT NOT NULL,      -- JSON list
    trace TEXT NOT NULL,          -- JSON list of steps
    loop INTEGER,                 -- number of steps after which the others repeat for ever
    more TEXT NOT NULL,           -- JSON object: what else `xsavvy check --json` tells
    PRIMARY KEY (job, property)
) STRICT;
"""

# Column -> field of CheckResult: plain values, and those that are kept as JSON.
PLAIN = {
    **{
        name: name
        for name in (
            "property", "sentence", "source", "kind", "verdict", "states", "transitions", "depth",
            "seconds", "deadlocks", "loop",
        )
    },
    "searched_platform": "platform",
}  # fmt: skip
ENCODED = {"all_choices": "choices", "unreached": "unreached", "trace": "trace"}
WORLD = ("scenario", "kernel", "set")
COLUMNS = ("job", "number", *PLAIN, *ENCODED, "more")
INSERT_RESULT = (
    f"INSERT INTO results ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # our names
)
SELECT_RESULTS = f"SELECT {', '.join(COLUMNS[2:])} FROM results WHERE job = ? ORDER BY number"  # noqa: S608  # our names


def of_world(job: Job) -> tuple[str, str, str, str]:
    """Return what tells a job from the others: scenario, kernel, platform, choices."""
    return job.scenario, job.kernel, job.platform, _json(job.set, "sorted")


def of_result(job: int | None, number: int, result: CheckResult) -> tuple[object, ...]:
    """Return the row of one property of a job."""
    fields = msgspec.structs.asdict(result)
    plain = [fields.pop(name) for name in PLAIN.values()]
    encoded = [_json(fields.pop(name)) for name in ENCODED.values()]
    more = {name: value for name, value in fields.items() if name not in WORLD}
    return (job, number, *plain, *encoded, _json(more))


def job_from(values: Sequence[Any], rows: Sequence[Sequence[Any]]) -> JobResult:
    """Read a job and its results back. Raises msgspec.MsgspecError for values that cannot be."""
    scenario, kernel, platform, choices, verdict, reason, digest, limit, seconds = values
    chosen = msgspec.json.decode(choices, type=dict[str, str])
    world = {"scenario": scenario, "kernel": kernel, "set": chosen}
    fields = {
        "job": {**world, "platform": platform},
        "verdict": verdict,
        "reason": reason,
        "digest": digest,
        "limit": limit,
        "seconds": seconds,
        "results": [{**_fields(each), **world} for each in rows],
        "origin": "kept",
    }
    return msgspec.convert(fields, JobResult)


def _fields(row: Sequence[Any]) -> dict[str, Any]:
    plain = dict(zip(PLAIN.values(), row, strict=False))
    encoded = zip(ENCODED.values(), row[len(PLAIN) : -1], strict=True)
    more: dict[str, Any] = msgspec.json.decode(row[-1], type=dict[str, Any])
    return {**more, **plain, **{name: msgspec.json.decode(text) for name, text in encoded}}


def _json(value: object, order: Literal["sorted"] | None = None) -> str:
    return msgspec.json.encode(value, order=order).decode()
