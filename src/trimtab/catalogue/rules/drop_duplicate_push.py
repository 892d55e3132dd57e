"""
Run once for a push to a pull request, not twice

A workflow on unfiltered `push` and on `pull_request` runs twice for every push to a branch with an open pull request: same
commit, same jobs. Restricting `push` to the default branch leaves one run, the pull request's, which tests what would be
merged. Tags keep their runs, and so do branches on which pushes ran for a week or more without a pull request (release
branches, a merge bot's staging branch), as far as the collected history shows them.

What you give up: a branch without a pull request gets no run until one is opened. Pull requests from forks lose nothing:
a fork's push never ran here.

Not proposed when the two runs differ: `push` or `pull_request` has filters of its own, `pull_request` does not run on new
commits, a job asks which event it runs for, or the collected history holds no second run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.needs import texts
from trimtab.model import (
    AppendItem,
    Counted,
    Data,
    Design,
    EditFile,
    Finding,
    History,
    InsertKey,
    Op,
    ReplaceScalar,
    RewriteOn,
    Risk,
    Run,
    Unknown,
)
from trimtab.replay.runs import change_runs, runner_seconds
from trimtab.workflow.model import Event, Workflow

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "counted"
settings: Mapping[str, object] = {}

_ALL = (("*",), ("**",))
_LONG_LIVED = timedelta(days=7)
_ENOUGH_RUNS = 20
_FEW_PUSHES = 3
_MOST_BRANCHES = 5
_QUEUE = "gh-readonly-queue/"
_ASKS = re.compile(
    r"github\.(event_name|head_ref|base_ref|ref_protected|event\.(pull_request|before|after|commits|number))"
)
_OF_DEFAULT = re.compile(r"refs/(heads|tags)/|default_branch|ref_name|ref_type")


def find(evidence: Evidence) -> Iterator[Finding]:
    default = evidence.default_branch()
    if isinstance(default, Unknown):
        return
    for workflow in evidence.workflows():
        if _runs_twice(workflow) and not _tells_apart(workflow):
            yield from _finding(workflow, default, evidence)


def count(before: History, after: History) -> Counted | Unknown:
    """
    The second runs that did not start: pull request runs of own branches without a push run of the same commit

    Each is worth the mean runner time of the second runs in `before`; the bounds are the cheapest and dearest quarter.
    """
    lengths = sorted(s / 60 for run in _second_runs(before) if (s := runner_seconds(run)) is not None)
    if not lengths:
        return Unknown("no second run with collected jobs before the change", "trimtab collect")
    pushed = {run.sha for run in after.runs if run.event == "push"}
    own = {r.sha for r in after.runs if r.event == "pull_request" and not r.fork and r.sha and r.sha not in pushed}
    mean, quarter = sum(lengths) / len(lengths), len(lengths) // 4
    return Counted(
        events=len(own),
        minutes=len(own) * mean,
        low=len(own) * lengths[quarter],
        high=len(own) * lengths[-1 - quarter],
        says=f"{len(own)} commits of pull requests ran once, not twice; a second run took {mean:.1f} min",
    )


def _runs_twice(workflow: Workflow) -> bool:
    push, pull = workflow.events.get("push"), workflow.events.get("pull_request")
    if push is None or pull is None or workflow.is_callable:
        return False
    return _takes_every_branch(push) and _takes_every_commit(pull) and not _paths(push) and not _paths(pull)


def _takes_every_branch(push: Event) -> bool:
    if push.branches in _ALL:
        return push.branches_ignore is None
    return push.branches is None and push.branches_ignore is None and push.tags is None and push.tags_ignore is None


def _takes_every_commit(pull: Event) -> bool:
    every_base = pull.branches in (None, *_ALL) and pull.branches_ignore is None
    return every_base and (pull.types is None or {"opened", "synchronize"} <= set(pull.types))


def _paths(event: Event) -> bool:
    return event.paths is not None or event.paths_ignore is not None


def _tells_apart(workflow: Workflow) -> bool:
    """Whether a job behaves otherwise on a branch's push: then the second run is not the same work."""
    data = workflow.tree.data
    body = data.get("jobs") if isinstance(data, dict) else None
    return any(_ASKS.search(text) and not _OF_DEFAULT.search(text) for text in texts(body))


def _finding(workflow: Workflow, default: str, evidence: Evidence) -> Iterator[Finding]:
    runs = evidence.runs(workflow.path)
    known = () if isinstance(runs, Unknown) else runs
    second = {run.key for run in _second_runs(known, default)}
    pushes = sum(run.event == "push" for run in known)
    if len(known) >= _ENOUGH_RUNS and not second:
        return  # the file would allow it, the team does not do it: everybody works in forks, or pushes to main
    seen = f" ({len(second)} of {pushes} push runs repeated a pull request's)" if known else ""
    yield Finding(
        rule="drop-duplicate-push",
        says=f"a push to a pull request runs this workflow twice{seen}",
        where=workflow.span(workflow.events["push"].path),
        node=("on", "push"),
        evidence=("a branch without a pull request will not run until one is opened",),
        change=EditFile(workflow.path, _ops(workflow, (default, *_kept(workflow, known, default)))),
        risk=risk,
        what_if=lambda history: change_runs(history, lambda run: _without_work(run) if run.key in second else run),
    )


def _without_work(run: Run) -> Run:
    """
    The second run as nothing but its moment

    Leaving it out altogether would move the start of the wait for feedback to the pull request's run: where a branch was
    pushed long before its pull request was opened, that would look like a gain.
    """
    return replace(run, conclusion="skipped", ended=run.created, jobs=())


def _second_runs(runs: Sequence[Run] | History, default: str | None = None) -> list[Run]:
    """Push runs (outside the default branch, if known) of a commit that a pull request run of the workflow looked at too."""
    known = runs.runs if isinstance(runs, History) else runs
    pulled = {(run.workflow, run.sha) for run in known if run.event == "pull_request" and run.sha}
    mine = (r for r in known if r.event == "push" and (default is None or r.branch != default))
    return [r for r in mine if (r.workflow, r.sha) in pulled]


def _kept(workflow: Workflow, runs: Sequence[Run], default: str) -> list[str]:
    """
    Branches that keep their runs beside the default one

    Those whose pushes ran for a week or more and never with a pull request, and the merge queue's, if pushes to it are
    what tests its entries (a workflow on `merge_group` does not need them).
    """
    pushes: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.event == "push" and run.branch and run.branch != default:
            pushes[run.branch].append(run)
    queued = any(name.startswith(_QUEUE) for name in pushes) and not workflow.runs_on("merge_group")
    paired = {run.branch for run in _second_runs(runs, default)}
    kept = [name for name, own in pushes.items() if name not in paired and _long_lived(own)]
    kept.sort(key=lambda name: (-len(pushes[name]), name))
    return kept[:_MOST_BRANCHES] + ([_QUEUE + "**"] if queued else [])


def _long_lived(pushes: Sequence[Run]) -> bool:
    times = [run.created for run in pushes]
    return len(pushes) >= _FEW_PUSHES and max(times) - min(times) >= _LONG_LIVED


def _ops(workflow: Workflow, branches: Sequence[str]) -> tuple[Op, ...]:
    push = workflow.events["push"]
    if push.branches is not None:
        more = (AppendItem(("on", "push", "branches"), name) for name in branches[1:])
        return (ReplaceScalar(("on", "push", "branches", 0), branches[0]), *more)
    data = workflow.tree.data
    on = data.get("on") if isinstance(data, dict) else None
    # a filter on branches alone would end the runs for tags, which unfiltered `push` has
    only: dict[str, Data] = {"branches": list(branches), "tags": ["**"]}
    if isinstance(on, dict):
        return tuple(InsertKey(("on", "push"), key, value) for key, value in only.items())
    return (RewriteOn({name: only if name == "push" else None for name in workflow.events}),)
