# SPDX-License-Identifier: Apache-2.0
"""What a campaign is made of and what it returns; all of it is plain data that can be sent and kept."""

from typing import Literal

import msgspec

from xsavvy.api.result import CheckResult, LeftOut

__all__ = ["CampaignReport", "Job", "JobResult", "JobVerdict", "Key", "Origin", "Task"]

JobVerdict = Literal["holds", "violated", "incomplete", "not applicable"]
Key = tuple[str, str, str, tuple[tuple[str, str], ...]]
Origin = Literal["searched", "same model", "kept"]


class Job(msgspec.Struct, frozen=True):
    """One world to be explored, by names; `set` holds the choices that differ from the kernel's."""

    scenario: str
    kernel: str
    platform: str
    set: dict[str, str] = {}

    @property
    def key(self) -> Key:
        """What tells this job from the others of a campaign."""
        return self.scenario, self.kernel, self.platform, tuple(sorted(self.set.items()))


class Task(msgspec.Struct, frozen=True):
    """A job as a worker gets it: with the identity of the model that is meant, and how to search.

    `code` identifies the code that must run it; it is empty for a worker of this machine. `threads` and `memory` are
    the share of one search.
    """

    job: Job
    digest: str
    engine: str
    max_states: int | None = None
    code: str = ""
    threads: int = 1
    memory: int | None = None


class JobResult(msgspec.Struct, frozen=True):
    """What became of a job: the results of its properties, or the reason why there are none.

    `digest` identifies the model that was searched. `limit` is the number of states at which the search was told to
    stop, if that is what ended it. `origin` is "searched", "same model" (another job of this campaign was the same
    model under another name, and was searched; which choices are idle is not told again if the choices differ), or
    "kept" (the file had it).
    """

    job: Job
    verdict: JobVerdict
    reason: str
    digest: str
    results: list[CheckResult] = []
    limit: int | None = None
    seconds: float = 0.0
    origin: Origin = "searched"

    @property
    def finished(self) -> bool:
        """Whether every state was seen, so that nothing is left to search."""
        return not self.reason and self.verdict != "incomplete"


class CampaignReport(msgspec.Struct, frozen=True):
    """All jobs in the order in which they were planned; `interrupted` if some were not done."""

    jobs: list[JobResult]
    interrupted: bool = False

    @property
    def results(self) -> list[CheckResult]:
        """The results of all properties of all jobs."""
        return [result for job in self.jobs for result in job.results]

    @property
    def left_out(self) -> list[LeftOut]:
        """Jobs without results: those that do not apply, and those that gave no answer."""
        return [
            LeftOut(
                scenario=each.job.scenario,
                kernel=each.job.kernel,
                platform=each.job.platform,
                verdict="not applicable" if each.verdict == "not applicable" else "incomplete",
                reason=each.reason,
                set=each.job.set,
            )
            for each in self.jobs
            if not each.results
        ]
