"""
Shares: an interval for one, and how sure it is that one has risen above another

Wilson's interval (Wilson 1927) stays honest near 0 and 1, where success rates live. The comparison uses Beta posteriors with
Jeffreys' prior, Beta(1/2, 1/2): with few runs it says "not sure", never "certainly no difference".
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_STEPS = 4000


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a share; (0, 1) when n is 0. Raises ValueError unless 0 <= successes <= n."""
    _check(successes, n)
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def probability_of_rise(before: tuple[int, int], after: tuple[int, int], margin: float = 0.02) -> float:
    """
    P(share after > share before + margin), for (events, n) before and after

    Under p = sin(a)^2 Jeffreys' prior is flat in a, so both posteriors are smooth on a grid of angles even with no event.
    """
    _check(*before)
    _check(*after)
    angles = np.asarray((np.arange(_STEPS) + 0.5) * (math.pi / 2 / _STEPS), dtype=np.float64)
    shares = np.asarray(np.sin(angles) ** 2)
    was, now = _posterior(angles, *before), _posterior(angles, *after)
    above = np.concatenate([np.cumsum(now[::-1])[::-1], [0.0]])
    return float((was * above[np.searchsorted(shares, shares + margin, side="right")]).sum())


def _posterior(angles: NDArray[np.float64], events: int, n: int) -> NDArray[np.float64]:
    logs = 2 * events * np.log(np.sin(angles)) + 2 * (n - events) * np.log(np.cos(angles))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _check(events: int, n: int) -> None:
    if not 0 <= events <= n:
        raise ValueError(f"{events} of {n} is no share")
