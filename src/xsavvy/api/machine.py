# SPDX-License-Identifier: Apache-2.0
"""This machine and dumps of others: `cpu` and `conform_silicon`."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import structs

from xsavvy.cpuid.describe import CpuDescription, describe
from xsavvy.cpuid.differing import differences
from xsavvy.live import Case, Conformance, Recording, Unreachable, is_record, replay_record
from xsavvy.live import conform_silicon as ask_silicon
from xsavvy.live import replay as ask_again
from xsavvy.live.bochs import BochsConformance, Capture
from xsavvy.live.bochs import conform_bochs as ask_bochs
from xsavvy.live.bochs import is_capture as is_bochs_capture
from xsavvy.live.bochs import replay_capture as replay_bochs_capture
from xsavvy.live.capture import BadCapture
from xsavvy.live.case import decode
from xsavvy.live.kvm import (
    KvmConformance,
    MaintainersConformance,
    is_capture,
    replay_capture,
    write_capture,
)
from xsavvy.live.kvm import conform_kvm as ask_kvm
from xsavvy.live.kvm import conform_maintainers as ask_maintainers
from xsavvy.live.kvm.upstream import conform_upstream as ask_upstream

from .checking import check
from .dumps import open_dump
from .file import LIMIT, file_bytes, reading, writing
from .usage import UsageError

__all__ = [
    "conform_bochs",
    "conform_kvm",
    "conform_maintainers",
    "conform_silicon",
    "cpu",
    "replay_bochs",
    "replay_kvm",
    "replay_silicon",
]

CASES = 100_000
BOCHS_CASES = 20_000
SEED = 1


def cpu(
    path: str | None = None, form: str | None = None, processor: str | None = None
) -> CpuDescription:
    """Describe the extended state of a CPU: of a dump, a preset, `/dev/kvm`, or this machine.

    `path` may be `-` for standard input; `form` forces a dump's format. `processor` is which of a dump's processors
    (by default the first, "0"), or `guest` or `host` where a log has both; where the others differ from the first is
    told. Raises UsageError.

    >>> cpu("genoa").components[-1].name
    'CET_S'
    """
    dump = open_dump(path, form)
    place = dump.place(processor)
    found = structs.replace(describe(dump.tables[place]), file=dump.name, format=dump.form)
    if dump.roles:
        return structs.replace(found, role=dump.roles[place])
    others = differences(dump.tables)
    return structs.replace(found, processor=place, processors=len(dump.tables), differences=others)


def conform_silicon(
    *,
    cases: int | None = None,
    seed: int | None = None,
    replay: Path | None = None,
    record: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Conformance:
    """Execute random cases on this CPU and compare every byte with the model.

    `replay` asks the cases of a file again (one JSON object a line) instead of random ones; `record` keeps every answer
    in a file that `replay_silicon` judges anywhere. Raises UsageError.
    """
    try:
        if replay is not None:
            return ask_again(_recorded(replay))
        count, start = CASES if cases is None else cases, SEED if seed is None else seed
        if record is None:
            return ask_silicon(count, seed=start, progress=progress)
        with writing(record), Recording(record, start) as kept:
            return ask_silicon(count, seed=start, progress=progress, answered=kept.take)
    except Unreachable as error:
        raise UsageError(f"silicon: {error}") from None


def replay_silicon(path: Path) -> Conformance | None:
    """Judge a processor's kept answers again; None if the file is something else. Raises UsageError."""
    try:
        with reading(path):
            return replay_record(path) if is_record(path) else None
    except BadCapture as error:
        raise UsageError(str(error)) from None


def conform_kvm(
    *,
    upstream: str | None = None,
    seed: int | None = None,
    record: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> KvmConformance:
    """Ask a KVM, call by call, whether it decides as the rules of its kernel say: this machine's /dev/kvm.

    `upstream` names a version ("6.1", "6.12", ...) whose unmodified Debian kernel is asked instead, in a machine of its
    own under QEMU. `record` keeps questions and answers in a file. Raises UsageError where it cannot be asked.
    """
    start = SEED if seed is None else seed
    images, masks = (2000, 4000) if upstream is None else (300, 600)
    oracle = "kvm" if upstream is None else f"kvm-upstream {upstream}"
    taken: list[Any] | None = None if record is None else []
    asked: dict[str, Any] = {
        "seed": start, "images": images, "masks": masks, "progress": progress, "record": taken,
    }  # fmt: skip
    try:
        found = ask_kvm(**asked) if upstream is None else ask_upstream(upstream, **asked)
    except Unreachable as error:
        raise UsageError(f"{oracle}: {error}") from None
    if record is not None and taken is not None:
        with writing(record):
            write_capture(record, oracle, start, images, masks, taken)
    return found


def conform_maintainers() -> MaintainersConformance:
    """Ask the model and this machine's /dev/kvm what kvm-unit-tests and the KVM selftests assert.

    Without /dev/kvm the model alone answers, and the result says why.
    """

    @cache
    def explore(scenario: str, kernel: str, platform: str) -> dict[str, str]:
        report = check([scenario], kernel=kernel, platform=platform)
        return {result.property: result.verdict for result in report.results}

    return ask_maintainers(explore)


def replay_kvm(path: Path) -> KvmConformance | None:
    """Judge a KVM's kept answers again; None if the file is something else. Raises UsageError."""
    try:
        with reading(path):
            return replay_capture(path) if is_capture(path) else None
    except BadCapture as error:
        raise UsageError(str(error)) from None


def conform_bochs(
    *,
    cases: int | None = None,
    seed: int | None = None,
    record: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BochsConformance:
    """Ask Bochs what only privileged code can ask: directed cases, then random ones.

    `record` keeps cases and answers in a file. Raises UsageError where it cannot be asked.
    """
    start = SEED if seed is None else seed
    asked: dict[str, Any] = {"seed": start, "progress": progress}
    count = BOCHS_CASES if cases is None else cases
    try:
        if record is None:
            return ask_bochs(count, **asked)
        with writing(record), Capture(record, start) as capture:
            return ask_bochs(count, record=capture.take, **asked)
    except Unreachable as error:
        raise UsageError(f"bochs: {error}") from None


def replay_bochs(path: Path) -> BochsConformance | None:
    """Judge Bochs' kept answers again; None if the file is something else. Raises UsageError."""
    try:
        with reading(path):
            return replay_bochs_capture(path) if is_bochs_capture(path) else None
    except BadCapture as error:
        raise UsageError(str(error)) from None


def _recorded(path: Path) -> list[Case]:
    data = file_bytes(path)
    if len(data) > LIMIT:
        raise UsageError(f"{path}: expected at most {LIMIT} bytes of recorded cases")
    cases = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            cases.append(decode(line))
        except ValueError as error:
            raise UsageError(
                f"{path}:{number}: {error}; expected a recorded case, one JSON object a line"
            ) from None
    if not cases:
        raise UsageError(f"{path}: empty; expected recorded cases, one JSON object a line")
    return cases
