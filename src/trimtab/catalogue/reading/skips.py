"""
What a skipped job would have cost: the minutes that a run usually spends on it

For rules whose effect is that jobs do not run. Matrix legs of one job are taken together, because a skipped matrix job is one
entry without its legs.
"""

from __future__ import annotations

from collections import defaultdict

from trimtab.model import History

Minutes = tuple[float, float, float]  # lower quartile, mean, upper quartile


def base(name: str) -> str:
    """The name of an API job without its matrix leg: "test (3.11, ubuntu)" is "test"."""
    return name.split(" (")[0]


def minutes_by_job(history: History) -> dict[str, Minutes]:
    """By base name: the minutes that a run spends on the successful legs of a job."""
    sums: defaultdict[str, list[float]] = defaultdict(list)
    for run in history.runs:
        own: defaultdict[str, float] = defaultdict(float)
        for job in run.jobs or ():
            if job.conclusion == "success" and job.seconds is not None:
                own[base(job.name)] += job.seconds / 60
        for name, minutes in own.items():
            sums[name].append(minutes)
    found = {}
    for name, values in sums.items():
        values.sort()
        quarter = len(values) // 4
        found[name] = (values[quarter], sum(values) / len(values), values[-1 - quarter])
    return found
