# SPDX-License-Identifier: Apache-2.0
"""`gallery`: known bugs, found before their fix and absent after it.

`gallery()` proves both sides of each manifest and refutes the wrong fixes that it names; `known_bugs()` asks one kernel
which of them it has.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from xsavvy.kvm import Kernel
from xsavvy.kvm import kernel as kernel_named
from xsavvy.model.gallery import BrokenManifest, Bug, Expected, WrongFix, bugs, read_manifest

from .matrix.result import CampaignReport, Job, JobResult, Key
from .matrix.run import explored
from .result import CheckResult
from .usage import UsageError, unknown
from .world import setting

__all__ = ["GalleryReport", "GalleryResult", "RefutedFix", "Side", "gallery", "known_bugs"]

SideVerdict = Literal["violated", "holds", "incomplete", "not applicable", "not done"]
OnProgress = Callable[[int, int], None]


class Side(msgspec.Struct, frozen=True):
    """A bug's property on one kernel: the verdict, the length of the trace if there is one, and the states explored.

    `expected` says what was counted when somebody last looked, where it differs; `reason` why there is no verdict.
    """

    kernel: str
    verdict: SideVerdict
    depth: int | None
    states: int
    expected: str = ""
    reason: str = ""


class RefutedFix(msgspec.Struct, frozen=True):
    """A wrong fix, and the property that it violates."""

    title: str
    property: str
    side: Side
    as_expected: bool


class GalleryResult(msgspec.Struct, frozen=True):
    """What became of one bug. `after` is None where one kernel was asked, and both where the model has no world for it.

    `as_expected`: violated before, at the depth and with the states that are written down; holds after; every wrong fix
    refuted. For one kernel it says that there is a verdict, and `has` says whether the kernel has the bug: the property
    is violated and a commit of the fix is missing.
    """

    id: str
    title: str
    commit: str
    property: str
    before: Side | None
    after: Side | None
    as_expected: bool
    has: bool | None = None
    scenario: str = ""
    platform: str = ""
    set: dict[str, str] = {}
    wrong_fixes: list[RefutedFix] = []
    reason: str = ""
    story: str = ""
    known_bug: str = ""
    cve: str = ""
    evidence: str = ""
    source: str = ""


class GalleryReport(msgspec.Struct, frozen=True):
    """All results, in the order of the bugs' numbers; `interrupted` if some were not done."""

    results: list[GalleryResult]
    interrupted: bool = False


def gallery(
    names: Sequence[str] = (),
    *,
    jobs: int | None = None,
    memory: int | None = None,
    progress: OnProgress | None = None,
) -> GalleryReport:
    """Find each bug on the kernel before its fix, prove it absent after, refute the wrong fixes.

    A name is that of a bug, or a file with a manifest of one's own; none means all that come with xsavvy. Raises
    UsageError.

    >>> [result.as_expected for result in gallery(["xfd-xstate-fault"]).results]  # doctest: +SKIP
    [True]
    """
    chosen = _chosen(names)
    report = explored(_jobs(chosen), jobs=jobs, memory=memory, progress=progress)
    found = {each.job.key: each for each in report.jobs}
    return GalleryReport([_both_sides(bug, found) for bug in chosen], report.interrupted)


def known_bugs(
    kernel: str,
    names: Sequence[str] = (),
    *,
    jobs: int | None = None,
    memory: int | None = None,
    progress: OnProgress | None = None,
) -> GalleryReport:
    """Say which of the known bugs a kernel has: each bug's property, in its world, on that kernel.

    Raises UsageError.
    """
    shared = setting(kernel, "genoa", {}, ())
    chosen = _chosen(names)
    wanted = [_job(bug, shared.kernel) for bug in chosen if not bug.reason]
    report: CampaignReport = explored(_once(wanted), jobs=jobs, memory=memory, progress=progress)
    found = {each.job.key: each for each in report.jobs}
    target = kernel_named(kernel)
    return GalleryReport([_one_side(bug, target, found) for bug in chosen], report.interrupted)


def _chosen(names: Sequence[str]) -> list[Bug]:
    known = {bug.id: bug for bug in bugs()}
    if not names:
        return list(known.values())
    return [known[name] if name in known else _from_file(name, known) for name in names]


def _from_file(name: str, known: Mapping[str, Bug]) -> Bug:
    if not name.endswith(".toml"):
        raise unknown("bug (or file with a manifest, *.toml)", name, known)
    try:
        bug = read_manifest(Path(name))
    except BrokenManifest as error:
        raise UsageError(str(error)) from None
    return bug


def _job(bug: Bug, kernel: str) -> Job:
    return Job(bug.scenario, kernel, bug.platform, dict(bug.choices))


def _fix_job(bug: Bug, fix: WrongFix) -> Job:
    chosen = {**bug.choices, **fix.choices}
    return Job(fix.scenario or bug.scenario, fix.kernel or bug.before, bug.platform, chosen)


def _jobs(chosen: Sequence[Bug]) -> list[Job]:
    wanted = []
    for bug in chosen:
        if not bug.reason:
            wanted += [_job(bug, bug.before), _job(bug, bug.after)]
            wanted += [_fix_job(bug, fix) for fix in bug.wrong_fix]
    return _once(wanted)


def _once(wanted: Sequence[Job]) -> list[Job]:
    return list({job.key: job for job in wanted}.values())


def _side(
    job: Job, name: str, found: Mapping[Key, JobResult], expected: Expected | None = None
) -> Side:
    """Return what became of a property in a job."""
    answer = found.get(job.key)
    if answer is None:
        return Side(job.kernel, "not done", None, 0, reason="interrupted")
    result = next((each for each in answer.results if each.property == name), None)
    if result is None:
        if answer.results:
            reason = f"scenario {job.scenario} has no property {name!r}"
            return Side(job.kernel, "incomplete", None, 0, reason=reason)
        verdict: SideVerdict = (
            "not applicable" if answer.verdict == "not applicable" else "incomplete"
        )
        return Side(job.kernel, verdict, None, 0, reason=answer.reason)
    return _judged(job, result, answer.reason, expected)


def _judged(job: Job, result: CheckResult, reason: str, expected: Expected | None) -> Side:
    depth = result.depth if result.verdict == "violated" else None
    told = ""
    if expected is not None and (depth, result.states) != (expected.depth, expected.states):
        at = "" if expected.depth is None else f"depth {expected.depth}, "
        told = f"expected {at}{expected.states} states"
    return Side(job.kernel, result.verdict, depth, result.states, told, reason)


def _both_sides(bug: Bug, found: Mapping[Key, JobResult]) -> GalleryResult:
    if bug.reason:
        return _result(bug, None, None, [], as_expected=True)
    before = _side(_job(bug, bug.before), bug.property, found, bug.before_expected)
    after = _side(_job(bug, bug.after), bug.property, found, bug.after_expected)
    fixes = [_refuted(bug, fix, found) for fix in bug.wrong_fix]
    good = (before.verdict, after.verdict) == ("violated", "holds")
    good = good and not before.expected and not after.expected
    return _result(
        bug, before, after, fixes, as_expected=good and all(fix.as_expected for fix in fixes)
    )


def _refuted(bug: Bug, fix: WrongFix, found: Mapping[Key, JobResult]) -> RefutedFix:
    side = _side(_fix_job(bug, fix), fix.property, found)
    good = side.verdict == "violated" and side.depth == fix.depth
    return RefutedFix(fix.title, fix.property, side, good)


def _one_side(bug: Bug, target: Kernel, found: Mapping[Key, JobResult]) -> GalleryResult:
    if bug.reason:
        return _result(bug, None, None, [], as_expected=True)
    side = _side(_job(bug, target.name), bug.property, found)
    mended = all(commit in target for commit in bug.commits)
    if side.verdict == "violated" and mended:
        side = msgspec.structs.replace(side, reason="the fix is there: another bug violates it")
    known = side.verdict not in ("incomplete", "not done")
    result = _result(bug, side, None, [], as_expected=known)
    return msgspec.structs.replace(result, has=side.verdict == "violated" and not mended)


def _result(
    bug: Bug,
    before: Side | None,
    after: Side | None,
    fixes: list[RefutedFix],
    *,
    as_expected: bool,
) -> GalleryResult:
    return GalleryResult(
        id=bug.id,
        title=bug.title,
        commit=", ".join(bug.commits),
        property=bug.property,
        before=before,
        after=after,
        as_expected=as_expected,
        scenario=bug.scenario,
        platform=bug.platform,
        set=dict(bug.choices),
        wrong_fixes=fixes,
        reason=bug.reason,
        story=bug.story,
        known_bug=bug.known_bug,
        cve=bug.cve,
        evidence=bug.evidence,
        source=bug.source,
    )
