"""
How sure it is that one share has risen above another

The comparison uses Beta posteriors with Jeffreys' prior, Beta(1/2, 1/2): with few runs it says "not sure", never "certainly
no difference".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.wilson import check_share

_STEPS = 4000


def probability_of_rise(before: tuple[int, int], after: tuple[int, int], margin: float = 0.02) -> float:
    """
    P(share after > share before + margin), for (events, n) before and after

    Under p = sin(a)^2 Jeffreys' prior is flat in a, so both posteriors are smooth on a grid of angles even with no event.
    """
    check_share(*before)
    check_share(*after)
    angles = np.asarray((np.arange(_STEPS) + 0.5) * (math.pi / 2 / _STEPS), dtype=np.float64)
    shares = np.asarray(np.sin(angles) ** 2)
    was, now = _posterior(angles, *before), _posterior(angles, *after)
    above = np.concatenate([np.cumsum(now[::-1])[::-1], [0.0]])
    return float((was * above[np.searchsorted(shares, shares + margin, side="right")]).sum())


def _posterior(angles: NDArray[np.float64], events: int, n: int) -> NDArray[np.float64]:
    logs = 2 * events * np.log(np.sin(angles)) + 2 * (n - events) * np.log(np.cos(angles))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
