"""
Let a cheap job that often fails go before the expensive ones

When a linter fails in one run of four, everything that ran beside it was for nothing: the author will push again. With a
`needs` entry the expensive jobs start only after the cheap one succeeded. The prediction shows both sides: runner minutes
spared where it fails, and the wait that it adds where it succeeds.

Proposed only from history: at least 20 runs of both jobs, the cheap one failing by its code in at least one run of twenty
even at the low end of the interval, at least three times shorter than the expensive one, and sparing at least twice what
waiting costs.

Not proposed: for jobs that already need another, run `always()`, or deploy; behind a job that fails more often than not,
which has to be mended first; where an expensive job is a required check
and the cheap one is not, because a job skipped behind a failure reports success and the pull request could be merged
untested. If it is not known which checks are required, the finding says that you have to look.

The effect is counted: jobs skipped behind a failure that used to run beside failures, each worth the minutes it usually took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.needs import Usual, asks_status, first_key, graph, job_ids, unmatched, usual, waiting
from trimtab.catalogue.reading.purpose import delivers
from trimtab.catalogue.reading.skips import Minutes, base, minutes_by_job
from trimtab.model import NOT_PRICED, Counted, Design, EditFile, Finding, History, InsertKey, Risk, Run, Unknown
from trimtab.replay.runs import change_runs, reschedule
from trimtab.stats.wilson import wilson
from trimtab.workflow.model import Job, Workflow
from trimtab.workflow.names import job_for

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "counted"
settings: Mapping[str, object] = {"min_failure_share": 0.05}
ranges: Mapping[str, tuple[float, float]] = {"min_failure_share": (0, 1)}

_TIMES_CHEAPER = 3
_BROKEN = 0.5  # a job that fails more often than not has to be mended; nothing should wait for it


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in evidence.workflows():
        roots = [job for job in workflow.jobs.values() if not job.needs and (job.runs_on or job.group or job.uses)]
        runs = evidence.runs(workflow.path) if len(roots) > 1 else ()
        if isinstance(runs, Unknown) or not runs or not _tests_code(workflow):
            continue
        ids = job_ids(workflow, runs)
        times = usual(runs, ids)
        best = _best(workflow, roots, times, evidence)
        if best is not None:
            unpriced = unmatched(runs, ids)
            yield _finding(workflow, *best, ids=ids, times=times, evidence=evidence, unpriced=unpriced)


def _tests_code(workflow: Workflow) -> bool:
    return workflow.runs_on("pull_request") or workflow.runs_on("push")


def _best(
    workflow: Workflow, roots: Sequence[Job], times: Mapping[str, Usual], evidence: Evidence
) -> tuple[Job, list[Job]] | None:
    """The cheap job that spares most, with the expensive jobs that should wait for it."""
    found: list[tuple[float, Job, list[Job]]] = []
    for cheap in roots:
        if cheap.id not in times or not _fails_often(times[cheap.id], evidence):
            continue
        if cheap.condition is not None or delivers(cheap):
            continue
        behind = [job for job in roots if job.id != cheap.id and _should_wait(job, cheap, times)]
        behind = [job for job in behind if _mergeable_only_tested(workflow, cheap, job, evidence)]
        if behind:
            spared = sum(waiting(times[cheap.id], times[job.id]).spared for job in behind)
            found.append((spared, cheap, behind))
    if not found:
        return None
    _, cheap, behind = max(found, key=lambda item: item[0])
    return cheap, behind


def _fails_often(job: Usual, evidence: Evidence) -> bool:
    least = evidence.setting("fail-early.min_failure_share")
    low, _ = wilson(job.failed, job.runs)
    return low >= (least if isinstance(least, float) else 0.05) and job.failure_share <= _BROKEN


def _should_wait(job: Job, cheap: Job, times: Mapping[str, Usual]) -> bool:
    if job.id not in times or asks_status(job) or job.continue_on_error or cheap.continue_on_error or delivers(job):
        return False
    long_enough = times[job.id].wall >= _TIMES_CHEAPER * times[cheap.id].wall
    return long_enough and waiting(times[cheap.id], times[job.id]).pays


def _mergeable_only_tested(workflow: Workflow, cheap: Job, job: Job, evidence: Evidence) -> bool:
    required = evidence.required_checks()
    if isinstance(required, Unknown):
        return True
    owners = {job_for(workflow, name) for name in required}
    return job.id not in owners or cheap.id in owners


def _finding(
    workflow: Workflow,
    cheap: Job,
    behind: Sequence[Job],
    *,
    ids: Mapping[str, str],
    times: Mapping[str, Usual],
    evidence: Evidence,
    unpriced: Unknown | None,
) -> Finding:
    usually = times[cheap.id]
    names = behind[0].id if len(behind) == 1 else f"{len(behind)} expensive jobs"
    return Finding(
        rule="fail-early",
        says=f"{cheap.id} failed in {usually.failed} of {usually.runs} runs while {names} ran beside it for nothing",
        where=workflow.span(cheap.path),
        node=("jobs", cheap.id),  # another cheap job, found once this one goes first, is another finding
        evidence=tuple(_evidence(cheap, behind, times, evidence)),
        change=EditFile(workflow.path, tuple(_op(job, cheap) for job in behind)),
        risk=risk,
        spots=tuple(workflow.span(job.path) for job in behind),
        predicts=unpriced or NOT_PRICED,
        what_if=None if unpriced else _what_if(workflow, cheap, behind, ids),
    )


def _evidence(cheap: Job, behind: Sequence[Job], times: Mapping[str, Usual], evidence: Evidence) -> Iterator[str]:
    for job in behind:
        both = waiting(times[cheap.id], times[job.id])
        yield (
            f"{job.id} would start {times[cheap.id].wall / 60:.1f} min later "
            f"and spare {both.spared / 60:.1f} runner minutes a run"
        )
    if isinstance(evidence.required_checks(), Unknown):
        yield f"make {cheap.id} a required check: a job skipped behind a failed one reports success"


def _op(job: Job, cheap: Job) -> InsertKey:
    return InsertKey(job.path, "needs", cheap.id, before=first_key(job))


def _what_if(
    workflow: Workflow, cheap: Job, behind: Sequence[Job], ids: Mapping[str, str]
) -> Callable[[History], History]:
    before = graph(workflow)
    after = {**before, **{job.id: (cheap.id,) for job in behind}}
    return lambda history: change_runs(history, lambda run: reschedule(run, after, ids, before=before))


# ------------------------------------------------------------------------------------ what came of it


def count(before: History, after: History) -> Counted | Unknown:
    """
    Jobs of `after` that were skipped in a run with a failed job, though in most failing runs of `before` they ran

    Each is worth the minutes that it usually took; the bounds are the cheapest and dearest quarter. Unknown when `before`
    shows no failing run with jobs.
    """
    usual = _beside_failures(before)
    if not usual:
        return Unknown("no failing run before the change tells which jobs ran for nothing", "trimtab collect")
    failing = [run for run in after.runs if _failed(run)]
    spared = [
        usual[base(job.name)]
        for run in failing
        for job in run.jobs or ()
        if job.conclusion == "skipped" and base(job.name) in usual
    ]
    low, mean, high = (sum(minutes[k] for minutes in spared) for k in range(3))
    return Counted(len(spared), mean, low, high, f"{len(spared)} jobs were spared in {len(failing)} failing runs")


def _failed(run: Run) -> bool:
    return any(job.conclusion == "failure" for job in run.jobs or ())


def _beside_failures(history: History) -> dict[str, Minutes]:
    """Usual minutes of the jobs that ran in at least half of the failing runs that list them."""
    ran: Counter[str] = Counter()
    listed: Counter[str] = Counter()
    for run in filter(_failed, history.runs):
        listed.update({base(job.name) for job in run.jobs or ()})
        ran.update({base(job.name) for job in run.jobs or () if job.conclusion != "skipped"})
    usual = minutes_by_job(history)
    return {name: usual[name] for name in listed if name in usual and 2 * ran[name] >= listed[name]}
