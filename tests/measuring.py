"""Plans, series of runs and verdicts on them, for the tests of measuring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from series import START, series
from trimtab.loop.measure import Other, measure
from trimtab.model import (
    Design,
    EditFile,
    Intervention,
    PlannedFile,
    Prediction,
    Risk,
    Run,
    Verdict,
)

CI = ".github/workflows/ci.yml"
OLD, NEW = "0" * 40, "1" * 40
LIVE = START + timedelta(days=112)
HORIZON = 28


def plan(design: Design = "before_after", metric: str = "build_seconds") -> Intervention:
    predicts = Prediction(metric, -10, -8, -6, -0.3, -0.2, 100, 28, "replay")
    file = PlannedFile(CI, "", "", OLD, NEW, EditFile(CI))
    return Intervention(
        "c0ffee00", "a-rule", "says", (), (file,), metric, design, HORIZON, predicts, Risk.SAFE, LIVE, "digest"
    )


def runs(factor: float = 1.0, *, kind: str = "iid", days: int = 150, seed: int = 1, blobs: bool = True) -> list[Run]:
    """A series as runs; those from LIVE on executed the new workflow and took `factor` times as long."""
    made = []
    for index, point in enumerate(series(kind, days, seed)):
        new = point.at >= LIVE
        seconds = point.value * (factor if new else 1)
        blob = (NEW if new else OLD) if blobs else None
        end = point.at + timedelta(seconds=seconds)
        made.append(Run(index + 1, 1, CI, "success", point.at, point.at, end, event="push", blob=blob))
    return made


def verdict(
    found: Sequence[Run],
    day: float,
    *,
    rule: object | None = None,
    of: Intervention | None = None,
    live_from: datetime | None = LIVE,
    effective_at: datetime | None = None,
    looked_until: float | None = None,
    others: Sequence[float] = (),
) -> Verdict:
    """What measure says `day` days after the change; runs were collected until `looked_until`, `others` came on those days."""
    return measure(
        of or plan(),
        found,
        now=LIVE + timedelta(days=day),
        live_from=live_from,
        treated_blobs=frozenset({NEW}),
        control_blobs=frozenset({OLD}),
        rule=rule,  # type: ignore[arg-type]
        effective_at=effective_at,
        looked_until=None if looked_until is None else LIVE + timedelta(days=looked_until),
        others=[Other(LIVE + timedelta(days=each), "another change came") for each in others],
    )
