"""
An interval for a share that stays honest near 0 and 1, where success rates live (Wilson 1927)
"""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a share; (0, 1) when n is 0. Raises ValueError unless 0 <= successes <= n."""
    check_share(successes, n)
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def check_share(events: int, n: int) -> None:
    """ValueError unless `events` of `n` is a share."""
    if not 0 <= events <= n:
        raise ValueError(f"{events} of {n} is no share")
