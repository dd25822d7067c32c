# SPDX-License-Identifier: Apache-2.0
"""`campaign`: plan, leave out what is known, search the rest, keep every answer as it comes."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from math import inf
from pathlib import Path

from xsavvy.api.checking import ENGINES
from xsavvy.api.usage import unknown
from xsavvy.checker.search import ENDLESS

from .identity import code_identity
from .job import Prepared, prepare, under_name, with_places
from .plan import in_order, planned
from .pool import on_this_machine, shares
from .result import CampaignReport, Job, JobResult, Key, Task
from .store import Store

__all__ = ["campaign", "campaign_results", "explored"]

OnResult = Callable[[JobResult], None]
OnProgress = Callable[[int, int], None]


def campaign(
    scenarios: Sequence[str] = (),
    *,
    kernels: Sequence[str] = (),
    platforms: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
    engine: str = "auto",
    max_states: int | None = None,
    jobs: int | None = None,
    memory: int | None = None,
    results: Path | None = None,
    cluster: str | None = None,
    on_result: OnResult | None = None,
    progress: OnProgress | None = None,
) -> CampaignReport:
    """Check every combination of some scenarios, kernels, platforms and values of choices.

    Names are those of `check`; a kernel may be a range `v5.17..v6.2`, and "all" stands for everything of its kind.
    Combinations with equal models are searched once. `results` is a file that keeps every answer at once, and from
    which a campaign goes on: it searches only what is new, unfinished, or has another model now. `jobs` searches run at
    a time, which share `memory` bytes; None means all cores, and most of what is free. `cluster` is the address of a
    Dask scheduler; there, each search may take `memory`. `on_result` gets each result as it comes, `progress` how many
    are done, of how many.
    Ctrl-C ends a campaign; the report says so. Raises UsageError.

    >>> report = campaign(["pkru-xinuse"], kernels=["v6.14..v6.15"], platforms=["genoa"])
    >>> [(job.job.kernel, job.verdict, job.origin) for job in report.jobs]
    [('v6.14', 'holds', 'searched'), ('v6.15', 'holds', 'same model')]
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    wanted = planned(scenarios, kernels, platforms, choices or {})
    return explored(
        wanted,
        engine=engine,
        max_states=max_states,
        jobs=jobs,
        memory=memory,
        results=results,
        cluster=cluster,
        on_result=on_result,
        progress=progress,
    )


def explored(
    wanted: Sequence[Job],
    *,
    engine: str = "auto",
    max_states: int | None = None,
    jobs: int | None = None,
    memory: int | None = None,
    results: Path | None = None,
    cluster: str | None = None,
    on_result: OnResult | None = None,
    progress: OnProgress | None = None,
) -> CampaignReport:
    """Do the jobs of a campaign, whoever planned them; the parameters are those of `campaign`."""
    if max_states is not None and max_states >= ENDLESS:
        max_states = None
    with Store(results) as store:
        store.begin(code_identity(), engine, max_states)
        run = _Run(store, len(wanted), on_result, progress)
        interrupted = False
        try:
            groups = run.without_search([prepare(job) for job in wanted], max_states)
            threads, share = (1, memory) if cluster else shares(len(groups), jobs, memory)
            code = code_identity() if cluster else ""
            tasks = [
                Task(first.job, first.digest, engine, max_states, code, threads, share)
                for first, *_ in groups
            ]
            with closing(_searched(tasks, jobs, cluster)) as answers:
                for found in answers:
                    run.answer(found)
        except KeyboardInterrupt:
            interrupted = True
    return CampaignReport([run.found[j.key] for j in wanted if j.key in run.found], interrupted)


def campaign_results(path: Path) -> CampaignReport:
    """Return what a file of results has, without searching anything. Raises UsageError."""
    with Store(path, must_exist=True) as store:
        return CampaignReport(sorted(store.all(), key=lambda each: in_order(each.job)))


def _searched(
    tasks: Sequence[Task], jobs: int | None, cluster: str | None
) -> Generator[JobResult, None, None]:
    if cluster is None:
        yield from on_this_machine(tasks, jobs)
    else:
        from .cluster import on_cluster

        yield from on_cluster(tasks, cluster)


class _Run:
    """A campaign under way: what has been found, and which jobs wait for the answer about a model."""

    def __init__(
        self, store: Store, total: int, on_result: OnResult | None, progress: OnProgress | None
    ) -> None:
        self.found: dict[Key, JobResult] = {}
        self._store = store
        self._total = total
        self._on_result = on_result
        self._progress = progress
        self._groups: dict[str, list[Prepared]] = {}

    def without_search(
        self, prepared: Sequence[Prepared], max_states: int | None
    ) -> list[list[Prepared]]:
        """Settle what needs no search; return the other jobs, grouped by model, longest first.

        A kept answer stands if its model is the same and it is whole, or was cut at no smaller limit.
        """
        kept = {each.job.key: each for each in self._store.all()}
        answers = {each.digest: each for each in kept.values() if _stands(each, max_states)}
        for each in prepared:
            if not each.digest:
                self._done(each.nothing())
            elif each.digest in answers:
                self._reuse(each, kept.get(each.job.key), answers[each.digest])
            else:
                self._groups.setdefault(each.digest, []).append(each)
        return sorted(self._groups.values(), key=_Estimate(kept.values()), reverse=True)

    def answer(self, found: JobResult) -> None:
        """Take the answer about a model, for all jobs that have it."""
        for each in self._groups[found.digest]:
            same = each.job.key == found.job.key
            self._done(found if same else under_name(found, each))

    def _reuse(self, wanted: Prepared, own: JobResult | None, other: JobResult) -> None:
        if own is not None and own.digest == wanted.digest and own.finished >= other.finished:
            fresh = with_places(own, wanted)
            self._done(fresh, keep=fresh != own)
        else:
            self._done(under_name(with_places(other, wanted), wanted))

    def _done(self, found: JobResult, *, keep: bool = True) -> None:
        if keep:
            self._store.put(found)
        self.found[found.job.key] = found
        if self._on_result is not None:
            self._on_result(found)
        if self._progress is not None:
            self._progress(len(self.found), self._total)


def _stands(found: JobResult, max_states: int | None) -> bool:
    """Tell whether a kept answer would come out the same, or is better than what is asked for."""
    if found.limit is not None:
        return max_states is not None and max_states <= found.limit
    return found.finished and bool(found.digest)


class _Estimate:
    """How long a model will take: as long as it took before, or its scenario did; unknown is longest."""

    def __init__(self, known: Iterable[JobResult]) -> None:
        self._own: dict[Key, float] = {}
        self._scenario: dict[str, float] = {}
        for each in known:
            self._own[each.job.key] = each.seconds
            longest = max(each.seconds, self._scenario.get(each.job.scenario, 0.0))
            self._scenario[each.job.scenario] = longest

    def __call__(self, group: Sequence[Prepared]) -> float:
        job = group[0].job
        return self._own.get(job.key, self._scenario.get(job.scenario, inf))
