"""
Success rate: the share of runs that pass at the first attempt

Cancelled and skipped runs are left out of every rate: they say nothing about the code or the machinery. The value counts first
attempts, because a run that passes only when it is started again has already cost its waiting. Beside it stand the rate of
final attempts (what finally got through: the difference is flakiness) and the rate without infrastructure failures
(startup failures, time limits, lost runners, full disks), which is what the code alone would have reached. A startup failure
and a run that GitHub itself calls timed out need no more than the run; of other failures only the jobs tell. So that rate says
of how many failed runs the jobs are known, and it is unknown when nothing at all tells the two kinds apart.

The window is the last 28 days of the collected history. The interval resamples whole days, because a broken main branch fails
many runs of one day, and is never narrower than Wilson's, which looks at runs one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.builds import COMMAND, recent
from trimtab.model import Direction, KpiValue, Run, Unknown
from trimtab.replay.outcomes import Outcome, final_attempts, first_attempts, outcome
from trimtab.stats.wilson import wilson

unit = "share"
better: Direction = "higher"
target = 0.95

LEVEL = 0.95
_JUDGED = (Outcome.SUCCESS, Outcome.CODE, Outcome.INFRA)


def measure(evidence: Evidence, workflows: tuple[str, ...]) -> KpiValue:
    """The share of first attempts that succeeded; Unknown without a first attempt that came to a result."""
    found = recent(evidence, workflows)
    if isinstance(found, Unknown):
        return KpiValue(found)
    first = _judged(first_attempts(found.runs))
    if not first:
        return KpiValue(Unknown("no first attempt came to a result", COMMAND))
    final = _judged(final_attempts(found.runs))
    low, high = _interval(first)
    says = (
        f"first attempt {_rate(first)}",
        f"final attempt {_rate(final)}",
        f"without infrastructure failures {_without_infra(first)}",
        found.window(),
    )
    return KpiValue(_share(first), low, high, len(first), says)


def _judged(runs: Sequence[Run]) -> list[tuple[Run, Outcome]]:
    return [(run, how) for run in runs if (how := outcome(run)) in _JUDGED]


def _share(judged: Sequence[tuple[Run, Outcome]]) -> float:
    return sum(how is Outcome.SUCCESS for _, how in judged) / len(judged)


def _rate(judged: Sequence[tuple[Run, Outcome]]) -> str:
    return f"{_share(judged) * 100:.1f} % of {len(judged):,}" if judged else "unknown (no run)"


def _without_infra(judged: Sequence[tuple[Run, Outcome]]) -> str:
    """The rate without infrastructure failures, and what it rests on unless that is every run."""
    failed = [run for run, how in judged if how is Outcome.CODE or run.conclusion == "failure"]
    known = sum(bool(run.jobs) for run in failed)
    told = f"jobs of {known:,} of {len(failed):,} failed runs known"
    if failed and not known and not any(how is Outcome.INFRA for _, how in judged):
        return f"unknown ({told})"
    rate = _rate([(run, how) for run, how in judged if how is not Outcome.INFRA])
    return rate if known == len(failed) else f"{rate} ({told})"


def _interval(judged: Sequence[tuple[Run, Outcome]]) -> tuple[float, float]:
    """The wider of the day-block and Wilson's interval: neither days that agree nor few runs may pass for certainty."""
    from trimtab.stats.bootstrap import mean_interval  # numpy: not for commands that only name the KPIs

    passed = sum(how is Outcome.SUCCESS for _, how in judged)
    low, high = wilson(passed, len(judged), LEVEL)
    blocks = mean_interval([(run.created, float(how is Outcome.SUCCESS)) for run, how in judged], LEVEL)
    return (low, high) if isinstance(blocks, Unknown) else (min(low, blocks[0]), max(high, blocks[1]))
