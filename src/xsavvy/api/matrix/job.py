# SPDX-License-Identifier: Apache-2.0
"""One job: which model it is about, and what the search of it found."""

import time

import msgspec

from xsavvy.api.checking import answers_of, check
from xsavvy.api.origin import place_of
from xsavvy.api.result import CheckResult
from xsavvy.api.usage import UsageError
from xsavvy.api.world import find_scenario, setting, world
from xsavvy.checker import CheckerError
from xsavvy.model.build import system_of
from xsavvy.model.edits import ImpossibleDesign

from .identity import code_identity, model_identity
from .plan import THIS_MACHINE
from .result import Job, JobResult, JobVerdict, Task

__all__ = ["Prepared", "do", "do_text", "prepare", "under_name", "unfinished", "with_places"]

REASONS = {
    "complete": "",
    "states": "stopped at {:,} states",
    "memory": "stopped when the memory was used up",
    "stopped": "stopped before the end",
}


class Prepared(msgspec.Struct, frozen=True):
    """A job and its model: the identity, or why there is none; what of the world it chose itself.

    `places` says where the functions of the steps stand now, which is no part of the identity.
    Without an identity the job does not apply, or, if `broken`, the model itself is wrong.
    """

    job: Job
    digest: str = ""
    reason: str = ""
    broken: bool = False
    platform: str = ""
    choices: dict[str, str] = {}
    places: dict[str, str] = {}

    def nothing(self) -> JobResult:
        """Return the result of a job that has no model to search."""
        if self.broken:
            return unfinished(self.job, self.reason)
        return JobResult(self.job, "not applicable", self.reason, "")


def prepare(job: Job) -> Prepared:
    """Bind a job's model without searching it. Raises UsageError for a name that does not exist."""
    shared = setting(job.kernel, _platform(job), job.set, ())
    target, note = world(find_scenario(job.scenario), shared)
    if target is None:
        return Prepared(job, reason=note.removeprefix(f"{job.scenario}: "))
    try:
        system = system_of(target)
    except ImpossibleDesign as error:
        return Prepared(job, reason=str(error))
    except CheckerError as error:
        return Prepared(job, reason=" ".join(str(error).split()), broken=True)
    return Prepared(
        job,
        model_identity(job.scenario, system),
        platform=target.platform.name,
        choices=answers_of(target),
        places={rule.name: place_of(rule.effect) for rule in system.rules},
    )


def do(task: Task) -> JobResult:
    """Search a job's model. What goes wrong is the reason of an incomplete result, never an error."""
    began = time.perf_counter()
    try:
        refusal = _refusal(task)
        if refusal:
            return unfinished(task.job, refusal, task.digest)
        report = check(
            [task.job.scenario],
            kernel=task.job.kernel,
            platform=_platform(task.job),
            choices=task.job.set,
            engine=task.engine,
            threads=task.threads,
            memory=task.memory,
            max_states=task.max_states,
        )
    except MemoryError:
        return unfinished(task.job, "out of memory", task.digest)
    except (UsageError, CheckerError) as error:
        return unfinished(task.job, str(error), task.digest)
    except Exception as error:  # a campaign goes on whatever one job meets
        return unfinished(task.job, f"{type(error).__name__}: {error}", task.digest)
    return _found(task, report.results, time.perf_counter() - began)


def do_text(text: str) -> str:
    """Do a task that arrives as JSON, and answer in JSON."""
    return msgspec.json.encode(do(msgspec.json.decode(text, type=Task))).decode()


def unfinished(job: Job, reason: str, digest: str = "") -> JobResult:
    """Return the result of a job that gave no answer."""
    return JobResult(job, "incomplete", " ".join(reason.split()), digest)


def under_name(found: JobResult, wanted: Prepared) -> JobResult:
    """Return what was found for a model as the result of another job with the same model."""
    results = [_renamed(result, wanted) for result in found.results]
    return msgspec.structs.replace(found, job=wanted.job, results=results, origin="same model")


def with_places(found: JobResult, wanted: Prepared) -> JobResult:
    """Return a kept result whose traces say where the functions of their steps stand now."""
    results = [
        msgspec.structs.replace(
            result,
            trace=[
                msgspec.structs.replace(step, code=wanted.places.get(step.step, ""))
                for step in result.trace
            ],
        )
        for result in found.results
    ]
    return msgspec.structs.replace(found, results=results)


def _renamed(result: CheckResult, wanted: Prepared) -> CheckResult:
    renamed = msgspec.structs.replace(
        result,
        kernel=wanted.job.kernel,
        platform=wanted.platform,
        choices=wanted.choices,
        set=wanted.job.set,
    )
    if result.choices == wanted.choices:
        return renamed
    # Beside other choices, others may be idle: nothing is known, where something could be wrong.
    return msgspec.structs.replace(renamed, idle={}, no_effect=[])


def _platform(job: Job) -> str | None:
    return None if job.platform == THIS_MACHINE else job.platform


def _refusal(task: Task) -> str:
    if task.code and code_identity() != task.code:
        return "refused: the worker has another version of xsavvy's code"
    if prepare(task.job).digest != task.digest:
        return "refused: the worker has another model under these names (another machine or file)"
    return ""


def _found(task: Task, results: list[CheckResult], seconds: float) -> JobResult:
    seen = {result.verdict for result in results}
    verdict: JobVerdict = "incomplete" if "incomplete" in seen else "holds"
    if "violated" in seen:
        verdict = "violated"
    ended = results[0].ended if results else "stopped"
    reason = REASONS[ended].format(task.max_states)
    limit = task.max_states if ended == "states" else None
    return JobResult(task.job, verdict, reason, task.digest, results, limit, seconds)
