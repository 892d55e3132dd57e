"""
Time limits of jobs, as the team's own history suggests them

Shared by the rules that set, raise and tighten `timeout-minutes`. A limit is there for the job that hangs; it must never
stop one that works. So it is taken from successful executions, leg by leg of a matrix, with room above the slowest
ever seen, and where the old limit cut off the slow ones, their lengths count as lower bounds (stats.censored).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, linear_regression

from yaml.nodes import ScalarNode, SequenceNode

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.purpose import delivers, holds_write_token, is_for_delivery, is_switched_off, source
from trimtab.model import Job as Execution
from trimtab.model import Unknown
from trimtab.replay.outcomes import hit_limit
from trimtab.stats.censored import quantile
from trimtab.workflow.model import Job, Step, Workflow

DEFAULT_LIMIT = 360.0  # minutes; docs.github.com, workflow syntax, jobs.<job_id>.timeout-minutes
SLIM_LIMIT = 15.0  # minutes; a hard limit of the ubuntu-slim runner
SELF_HOSTED_LIMIT = 5 * 24 * 60.0  # minutes; a job on a self-hosted runner may take five days
MIN_SUCCESSES = 20
FLOOR = 5  # minutes; below it a slow registry alone kills
_HANG = 2.0  # a limit beyond twice the longest success stops hangs, not work
_TAIL = 0.99
_TOOL_LIMIT = re.compile(r"-(?:test\.)?timeout[= ](\d{1,4})([smh])\b")
_UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0}
_BUILT = re.compile(  # things built before that are kept between runs
    r"ccache|buildx|docker[- ](?:build|compose|image)|setup-docker|type=gha|bazel|turbo|\bnx\b|nix\b", re.IGNORECASE
)
_WAITS = re.compile(r"\bsleep\s+[\d$]|\bretry|\battempts?\b|Start-Sleep", re.IGNORECASE)
_BACKLOG = re.compile(r"/stale$|lock-threads|no-response|close-(?:stale|inactive|issue)", re.IGNORECASE)
_BACKPORT = re.compile(r"back-?port|cherry-?pick", re.IGNORECASE)
_DECIDES = re.compile(
    r"(?:then|else|fi|do|done|esac|exit|echo|printf|true|false|set|break|continue)\b|(?:if|elif|while)\s++(?:!\s*+)?(?:\[|test\s)"
    r"|(?:for|case)\s|\[|:|\{|\}|\w+=[^$(`]*$|[^\s()]+\)"
)
_SESSION = re.compile(r"tmate|upterm|action-debug|ssh-session|debugger-action", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lengths:
    """What history says of one job; lengths in minutes. `hits` were stopped by the limit, `p99` is None when it lies beyond."""

    successes: int
    longest: float
    p99: float | None
    needed: float  # the least limit that the formula allows, before rounding
    hits: int
    near: int  # successes that took more than 80 % of the limit
    days: float
    names: frozenset[str]  # how the API calls the job and its matrix legs

    def says(self) -> str:
        tail = "beyond the limit" if self.p99 is None else minutes(self.p99)
        return f"{self.successes} successes in {self.days:.0f} days: p99 {tail}, longest {minutes(self.longest)}"


def lengths(executions: Sequence[Execution], limit: float) -> Lengths | Unknown:
    """
    The lengths of one job's executions under a limit in minutes; Unknown below 20 successes

    An execution that the limit stopped counts as "at least the limit", unless the limit is more than twice the longest success:
    then it hung, and says nothing about honest work. `needed` is, over the legs of a matrix, the largest of 1.5 x p99 and
    1.2 x longest success; a leg with too few successes for a percentile counts with twice its longest.
    """
    good = [job for job in executions if job.conclusion == "success" and job.seconds is not None]
    if len(good) < MIN_SUCCESSES:
        return Unknown(f"{len(good)} successful executions, needs {MIN_SUCCESSES}")
    hits = [job for job in executions if job.seconds and job.conclusion != "success" and hit_limit(job, limit)]
    took = [(job.seconds or 0.0) / 60 for job in good]
    hung = limit > _HANG * max(took)
    legs: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for job in good if hung else good + hits:
        legs[job.name].append(((job.seconds or 0.0) / 60, hit_limit(job, limit)))
    begun = [job.started for job in good if job.started is not None]
    return Lengths(
        successes=len(good),
        longest=max(took),
        p99=_known(_quantile([pair for leg in legs.values() for pair in leg], _TAIL)),
        needed=max(_needed(leg) for leg in legs.values()),
        hits=len(hits),
        near=sum(limit * 0.8 <= one <= limit + 1 for one in took),
        days=(max(begun) - min(begun)).total_seconds() / 86400 if begun else 0.0,
        names=frozenset(job.name for job in executions),
    )


def _needed(leg: Sequence[tuple[float, bool]]) -> float:
    longest = max(took for took, _ in leg)
    if len(leg) < MIN_SUCCESSES:
        return 2.0 * longest
    p99 = _quantile(leg, _TAIL)
    return max(1.5 * (tail(leg) if isinstance(p99, Unknown) else p99), 1.2 * longest)


def _quantile(pairs: Sequence[tuple[float, bool]], q: float) -> float | Unknown:
    return quantile([took for took, _ in pairs], [cut for _, cut in pairs], q)


def _known(value: float | Unknown) -> float | None:
    return None if isinstance(value, Unknown) else value


def tail(leg: Sequence[tuple[float, bool]]) -> float:
    """
    The p99 of a leg whose slow end was cut off: a log-normal laid through the percentiles that can still be seen

    Durations of one job are close to log-normal. With fewer than three visible percentiles: twice the longest seen.
    """
    seen = [(q, _known(_quantile(leg, q))) for q in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)]
    points = [(NormalDist().inv_cdf(q), math.log(value)) for q, value in seen if value]
    longest = max(took for took, _ in leg)
    if len(points) < 3:
        return 2.0 * longest
    slope, start = linear_regression([z for z, _ in points], [log for _, log in points])
    return max(math.exp(start + slope * NormalDist().inv_cdf(_TAIL)), longest)


def proposed(found: Lengths, job: Job, runner: str | None) -> float:
    """
    The limit to write, in whole minutes: the formula, at least 5, rounded up; at most 15 on slim

    Where steps have limits of their own, the job gets as much on top as they have together: they may really take so long.
    """
    steps = sum(minutes_allowed(step) for step in job.steps)
    limit = tidy(max(found.needed + steps, FLOOR))
    return min(limit, SLIM_LIMIT) if runner == "slim" else limit


def minutes_allowed(step: Step) -> float:
    """Minutes that a step may take: by its own limit, or an option of its tool (`--timeout=10m`); 0 when none is told."""
    text = "\n".join([step.run or "", *step.inputs.values()])
    found = [float(number) * _UNITS[unit] for number, unit in _TOOL_LIMIT.findall(text)]
    own = float(step.timeout) if step.timeout is not None and _number(step.timeout) else 0.0
    return max([own, *found])


def tidy(value: float) -> float:
    """Whole minutes up to 10, multiples of 5 above: a limit is read by people."""
    whole = math.ceil(value - 1e-9)
    return float(whole if whole <= 10 else 5 * math.ceil(whole / 5))


def minutes(value: float) -> str:
    """A length in the unit that a reader would choose: "40 s", "4.2 min", "25 min"."""
    if value < 1:
        return f"{value * 60:.0f} s"
    return f"{value:.0f} min" if value >= 10 or value == int(value) else f"{value:.1f} min"


# ------------------------------------------------------------------------------------ what must be left alone


def untouchable(workflow: Workflow, job: Job) -> str | None:
    """Why a limit of this job is not ours to choose, or None."""
    if job.uses is not None:
        return "it calls a workflow, where timeout-minutes is not allowed"
    if not job.steps or is_switched_off(job):
        return "nothing in it ever runs"
    if delivers(job) is not None or is_for_delivery(workflow) or holds_write_token(workflow, job):
        return "it delivers something, and a delivery that is killed half-way is worse than a slow one"
    if all(name in ("workflow_dispatch", "repository_dispatch") for name in workflow.events):
        return "it is started by hand only, to do something that nobody wants half done"
    if any(_SESSION.search(step.uses or "") for step in job.steps):
        return "it opens a debugging session, which lasts as long as somebody works in it"
    if any(_BACKLOG.search(step.action or "") for step in job.steps):
        return "it works off a backlog within a budget of its own, and the backlog grows with other things than code"
    if any("failure()" in (step.condition or "") and step.action != "actions/upload-artifact" for step in job.steps):
        return "it reports its failures itself, and a job that is stopped by its limit does not count as failed"
    if any("retry" in (step.uses or "") for step in job.steps):
        return "a step starts its work again until it succeeds, within limits of its own"
    if any(step.timeout is not None and not _number(step.timeout) for step in job.steps):
        return "a step's own limit is an expression"
    if _BACKPORT.search(f"{workflow.path} {workflow.name} {job.id} {job.name}"):
        return "it carries commits to other branches, and half of that is worse than none"
    if _fills_a_cache(workflow, job):
        return "it fills a cache: history shows it warm, and killed while cold it would never get warm again"
    if all(_only_decides(step) for step in job.steps):
        return "its steps only compare and print: there is nothing in it that could hang"
    return None


def may_be_cold(workflow: Workflow, job: Job) -> bool:
    """Whether the job keeps built things between runs: without them it takes many times as long, and history shows it warm."""
    cached = any("cache" in (step.action or "") for step in job.steps)
    return cached or _BUILT.search(source(workflow, job)) is not None


def unseen_work(job: Job, executions: Sequence[Execution]) -> str | None:
    """
    Work of the job that no success in the history has shown, in words, or None

    A leg of the matrix that has not succeeded yet; a step that was added since, by its name; a step behind a filter
    (`steps.`, `needs.`) that was skipped every time. Steps are compared where the history knows them.
    """
    good = [one for one in executions if one.conclusion == "success"]
    names = "\n".join({one.name for one in good})
    whole = job.matrix is not None and not job.matrix.exclude
    for axis, values in job.matrix.axes.items() if job.matrix is not None and whole else ():
        shown = [value for value in values if value in names]
        if shown and len(shown) < len(values):
            return f"no success of {axis} {next(value for value in values if value not in shown)}"
    ran = {step.name for one in good for step in one.steps if step.conclusion == "success"}
    for step in job.steps if ran else ():
        gated = step.condition is not None and re.search(r"\b(?:steps|needs)\.", step.condition) is not None
        if (
            step.name is not None
            and "${{" not in step.name
            and step.name not in ran
            and (step.condition is None or gated)
        ):
            return f"no success in which the step {step.name} ran"
    return None


def waits(job: Job, evidence: Evidence) -> bool:
    """Whether a script, or an action of this repository that it uses (also one that cannot be read), sleeps or tries again."""
    texts: list[str | Unknown] = [step.run or "" for step in job.steps]
    for step in job.steps:
        if step.uses is not None and step.uses.startswith("./"):
            found = [evidence.text(f"{step.uses[2:].strip('/')}/{name}") for name in ("action.yml", "action.yaml")]
            texts.append(next((text for text in found if isinstance(text, str)), found[0]))
    return any(isinstance(text, Unknown) or _WAITS.search(text) for text in texts)


def _fills_a_cache(workflow: Workflow, job: Job) -> bool:
    named = " ".join([workflow.path.rpartition("/")[2], workflow.name or "", job.id, job.name or ""])
    saves = any((step.action or "").startswith("actions/cache") for step in job.steps)
    return saves and "cache" in named.lower()


def _only_decides(step: Step) -> bool:
    """Whether a step is shell without a program (conditions, assignments, echo, exit) or an action that compares results."""
    if step.run is None:
        return step.action == "re-actors/alls-green"
    lines = (line.strip() for line in step.run.splitlines())
    parts = (part.strip() for line in lines if not line.startswith("#") for part in re.split(r"[;&|]+", line))
    return "$(" not in step.run and "`" not in step.run and all(_DECIDES.match(part) for part in parts if part)


def unseen_event(workflow: Workflow, job: Job, evidence: Evidence, names: frozenset[str]) -> str | None:
    """
    An event on which this job may do other, longer work than any success in the history, or None

    A nightly run of the same job often does more. Only where the job's text asks for the event or for an input, and only if
    the history knows the events of its runs.
    """
    runs = evidence.runs(workflow.path)
    text = source(workflow, job)
    if isinstance(runs, Unknown) or not re.search(r"github\.event_name|github\.event\.schedule|\binputs\.", text):
        return None
    seen = {run.event for run in runs if _succeeded(run.jobs, names)}
    asked = {"schedule", "push", "pull_request", "merge_group"} if "event_name" in text or "schedule" in text else set()
    asked |= {"workflow_dispatch"} if "inputs." in text else set()
    return None if None in seen else next((name for name in workflow.events if name in asked - seen), None)


def _succeeded(jobs: Sequence[Execution] | None, names: frozenset[str]) -> bool:
    return any(job.name in names and job.conclusion == "success" for job in jobs or ())


def runner(workflow: Workflow, job: Job, evidence: Evidence) -> str | None:
    """ "hosted", "slim" or "self-hosted"; None when that is not known or differs between matrix legs."""
    kinds = {evidence.runner_class(labels) for labels in label_sets(workflow, job)}
    kind = kinds.pop() if len(kinds) == 1 else None
    return kind if isinstance(kind, str) else None


def label_sets(workflow: Workflow, job: Job) -> tuple[tuple[str, ...], ...]:
    """The label sets that the legs of a job ask for; one set with the expression itself when it cannot be resolved."""
    if job.group is not None:
        return ((job.group, *job.runs_on),)
    found = re.fullmatch(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", job.runs_on[0]) if len(job.runs_on) == 1 else None
    if found is None or job.matrix is None:
        return (job.runs_on,)
    axis, include = found[1], job.matrix.include
    values = [*job.matrix.axes.get(axis, ()), *(row[axis] for row in include if axis in row)]
    raw = workflow.tree.node((*job.matrix.path, axis))
    plain = raw is None or (isinstance(raw, SequenceNode) and all(isinstance(item, ScalarNode) for item in raw.value))
    if not plain or not values or any("${{" in value for value in values):
        return (job.runs_on,)
    return tuple((value,) for value in dict.fromkeys(values))


def limit_of(job: Job) -> float | None:
    """The limit that is written, in minutes; None when none is or when it is an expression."""
    return float(job.timeout) if job.timeout is not None and _number(job.timeout) else None


def _number(text: str) -> bool:
    return re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip()) is not None
