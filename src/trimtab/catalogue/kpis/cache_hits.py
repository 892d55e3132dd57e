"""
Cache hits: the share of cache look-ups that found what they asked for

GitHub's API tells neither hits nor misses: only the logs of the steps do ("Cache restored from key", "Cache not found"), or a
cache server that counts. The value comes from such readings; until there is one it is unknown, which is neither met nor missed.
"""

from __future__ import annotations

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Direction, KpiValue, Unknown

unit = "share"
better: Direction = "higher"
target = 0.80

COMMAND = 'gh run view --log RUN | grep -E "Cache (restored|not found)"'


def measure(evidence: Evidence, workflows: tuple[str, ...]) -> KpiValue:
    """The latest reading, a share; Unknown before the first."""
    readings = evidence.readings("cache-hits")
    if isinstance(readings, Unknown) or not readings:
        return KpiValue(Unknown("GitHub's API does not tell hits; the logs of single runs do", COMMAND))
    latest = max(readings, key=lambda reading: (reading.at, reading.where))
    return KpiValue(latest.value, n=1, says=(f"{latest.where}, read {latest.at:%Y-%m-%d %H:%M} UTC",))
