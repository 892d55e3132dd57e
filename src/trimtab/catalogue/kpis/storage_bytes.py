"""
Storage: bytes that CI holds on the host that holds most

The worst host counts, because that is the one whose disk fills up and fails builds. The value comes from readings that hosts
report; until one does, storage is unknown, which is neither met nor missed. `docker system df` on a runner host shows what
Docker holds there.
"""

from __future__ import annotations

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Direction, KpiValue, Reading, Unknown

unit = "bytes"
better: Direction = "lower"
target = 50e9


def measure(evidence: Evidence, workflows: tuple[str, ...]) -> KpiValue:
    """The largest of the hosts' latest readings, in bytes; Unknown before the first reading."""
    readings = evidence.readings("storage-bytes")
    if isinstance(readings, Unknown) or not readings:
        return KpiValue(Unknown("no host has reported what it holds", "docker system df"))
    latest: dict[str, Reading] = {}
    for reading in sorted(readings, key=lambda reading: reading.at):
        latest[reading.where] = reading
    worst = max(latest.values(), key=lambda reading: (reading.value, reading.where))
    return KpiValue(worst.value, n=len(latest), says=(f"{worst.where}, read {worst.at:%Y-%m-%d %H:%M} UTC",))
