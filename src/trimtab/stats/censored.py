"""
A percentile of job lengths when some jobs were stopped by their time limit

A job that was killed at 30 minutes did not take 30 minutes: it would have taken longer. Dropping it, or taking the limit
for its length, makes every percentile too small, and a timeout set from it kills more jobs. The Kaplan-Meier estimator
(Kaplan and Meier 1958, product limit) uses such lengths for what they are: lower bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.model import Unknown


def quantile(durations: Sequence[float], censored: Sequence[bool], q: float) -> float | Unknown:
    """
    The Kaplan-Meier estimate of the `q` quantile (0 < q < 1) of durations, in their unit

    `censored[i]` says that duration i is only a lower bound. Without censoring this is the smallest observed value that
    at least a share q of all lie at or below. Unknown when so much is censored that the curve never gets there: then
    the data only says that the quantile is larger than the largest observation.

    Raises ValueError when q is outside (0, 1) or the two sequences differ in length.
    """
    if not 0 < q < 1 or len(durations) != len(censored):
        raise ValueError(
            f"quantile needs 0 < q < 1 and as many flags as durations, got {q}, {len(durations)}, {len(censored)}"
        )
    if not durations:
        return Unknown("no durations")
    times = np.asarray(durations, dtype=float)
    ends = ~np.asarray(censored, dtype=bool)
    values, ended = np.unique(times[ends], return_counts=True)
    # At each value: how many lasted at least as long (a censored length equal to it outlives it).
    at_risk = times.size - np.searchsorted(np.sort(times), values, side="left")
    surviving = np.cumprod(1.0 - ended / at_risk)
    reached = np.flatnonzero(surviving <= 1.0 - q + 1e-12)
    if reached.size == 0:
        stopped = int(np.count_nonzero(~ends))
        return Unknown(
            f"{stopped} of {times.size} were stopped by a limit, so the {q:.0%} point lies beyond what was seen"
        )
    return float(values[reached[0]])
