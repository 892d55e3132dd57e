"""The numbers that a team steers by, from a folder of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from evidence import FolderEvidence
from trimtab import catalogue
from trimtab.catalogue.kpis import build_time, cache_hits, storage_bytes, success_rate
from trimtab.model import History, Job, Reading, Run, Unknown

CI = ".github/workflows/ci.yml"
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Given(FolderEvidence):
    """Evidence with these runs and readings."""

    def __init__(self, runs: Sequence[Run] = (), readings: Sequence[Reading] = ()) -> None:
        super().__init__(Path("nowhere"), files={CI: b"on: push\njobs: {}\n"})
        self.given, self.read_out = tuple(runs), tuple(readings)

    def history(self, workflow: str) -> History | Unknown:
        mine = tuple(run for run in self.given if run.workflow == workflow)
        if not mine:
            return Unknown(f"no run of {workflow} was collected", "trimtab collect")
        return History(mine, mine[0].created, mine[-1].created)

    def readings(self, kpi: str) -> tuple[Reading, ...] | Unknown:
        mine = tuple(reading for reading in self.read_out if reading.kpi == kpi)
        return mine or Unknown("no reading")


def runs(conclusions: str, minutes: float = 20, *, per_day: int = 4) -> list[Run]:
    """One run per letter: s(uccess), f(ailure), t(imed out), c(ancelled), k (skipped)."""
    names = {"s": "success", "f": "failure", "t": "timed_out", "c": "cancelled", "k": "skipped"}
    made = []
    for index, letter in enumerate(conclusions):
        at = T0 + timedelta(days=index // per_day, hours=index % per_day)
        made.append(Run(index + 1, 1, CI, names[letter], at, at, at + timedelta(minutes=minutes)))
    return made


def test_success_leaves_out_what_says_nothing_and_tells_three_rates() -> None:
    first = runs("ssssfsstck" * 4)
    again = [replace(run, attempt=2, conclusion="success") for run in first if run.conclusion == "failure"]
    got = success_rate.measure(Given([*first, *again]), ())
    assert got.value == pytest.approx(24 / 32)
    assert got.n == 32
    assert got.low is not None
    assert got.high is not None
    assert got.low < 0.75 < got.high
    assert got.says == (
        "first attempt 75.0 % of 32",
        "final attempt 87.5 % of 32",
        "without infrastructure failures 85.7 % of 28 (jobs of 0 of 4 failed runs known)",
        "2026-03-02 to 2026-03-11",
    )


def failed(run: Run) -> Run:
    """The same run with the one job that failed in it."""
    return replace(run, jobs=(Job(run.id, run.id, 1, "test", run.conclusion, None, run.started, run.ended),))


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        (0, "unknown (jobs of 0 of 5 failed runs known)"),
        (2, "75.0 % of 20 (jobs of 2 of 5 failed runs known)"),
        (5, "75.0 % of 20"),
    ],
)
def test_infrastructure_is_told_apart_only_as_far_as_jobs_are_known(jobs: int, said: str) -> None:
    given = runs("sssf" * 5)
    bad = [run for run in given if run.conclusion == "failure"]
    with_jobs = {run.id: failed(run) for run in bad[:jobs]}
    got = success_rate.measure(Given([with_jobs.get(run.id, run) for run in given]), ())
    assert got.says[2] == f"without infrastructure failures {said}"


def test_without_a_failure_no_job_is_needed() -> None:
    got = success_rate.measure(Given(runs("s" * 20)), ())
    assert got.says[2] == "without infrastructure failures 100.0 % of 20"


def test_build_time_says_the_mean_first_then_p50_and_p95_and_the_trend() -> None:
    got = build_time.measure(
        Given(
            [
                *runs("sssf" * 28, 20)[:-40],
                *[replace(r, ended=r.created + timedelta(minutes=60)) for r in runs("sssf" * 28)[-40:]],
            ]
        ),
        (CI,),
    )
    assert got.value == pytest.approx((54 * 20 + 30 * 60) / 84)
    assert got.says[0] == "p50 20.0 min, p95 60.0 min, 84 successful first attempts"
    assert got.says[1].startswith("trend: +")
    assert got.says[1].endswith("; 84 runs)")


def test_only_the_last_four_weeks_count() -> None:
    old = [replace(run, id=run.id + 1000, created=run.created - timedelta(days=60)) for run in runs("f" * 20)]
    got = success_rate.measure(Given([*old, *runs("s" * 20)]), (CI,))
    assert (got.value, got.n) == (1.0, 20)


def test_the_window_is_28_days_of_a_history_that_has_them_and_never_begins_before_it() -> None:
    later = [replace(run, id=run.id + 1000, created=run.created + timedelta(days=60)) for run in runs("s")]
    assert success_rate.measure(Given([*runs("s"), *later]), (CI,)).says[-1] == "2026-04-03 to 2026-05-01"
    assert success_rate.measure(Given(runs("s" * 8)), (CI,)).says[-1] == "2026-03-02 to 2026-03-03"


def test_one_is_no_plural() -> None:
    got = build_time.measure(Given(runs("s")), (CI,))
    assert got.says[:2] == (
        "p50 20.0 min, p95 20.0 min, 1 successful first attempt",
        "trend: unknown (1 run on 1 day, needs 20 on 14)",
    )


@pytest.mark.parametrize("kpi", [success_rate, build_time])
def test_without_runs_a_kpi_is_unknown_with_a_command(kpi: ModuleType) -> None:
    assert kpi.measure(Given(), ()).value == Unknown(f"no run of {CI} was collected", "trimtab collect")
    several = kpi.measure(Given(), (CI, ".github/workflows/other.yml")).value
    assert several == Unknown("no run of any of 2 workflows was collected", "trimtab collect")
    nothing = kpi.measure(Given(runs("ckc")), ()).value
    assert isinstance(nothing, Unknown)
    assert nothing.command == "trimtab collect"


def test_storage_is_the_worst_hosts_latest_reading() -> None:
    readings = [
        Reading("storage-bytes", "runner-1", T0, 90e9),
        Reading("storage-bytes", "runner-1", T0 + timedelta(days=1), 20e9),
        Reading("storage-bytes", "runner-2", T0, 40e9),
    ]
    got = storage_bytes.measure(Given(readings=readings), ())
    assert (got.value, got.n) == (40e9, 2)
    assert got.says == ("runner-2, read 2026-03-02 09:00 UTC",)


def test_cache_hits_are_the_latest_reading() -> None:
    got = cache_hits.measure(Given(readings=[Reading("cache-hits", "logs", T0, 0.9)]), ())
    assert got.value == 0.9


@pytest.mark.parametrize("kpi", [storage_bytes, cache_hits])
def test_what_was_never_read_is_unknown_with_a_command(kpi: ModuleType) -> None:
    got = kpi.measure(Given(), ()).value
    assert isinstance(got, Unknown)
    assert got.why
    assert got.command


def test_the_plans_four_targets() -> None:
    targets = {id: (entry.better, entry.target, entry.unit) for id, entry in catalogue.kpis().items()}
    assert targets["success-rate"] == ("higher", 0.95, "share")
    assert targets["build-time"] == ("lower", 30, "minutes")
    assert targets["storage-bytes"] == ("lower", 50e9, "bytes")
    assert targets["cache-hits"] == ("higher", 0.80, "share")
