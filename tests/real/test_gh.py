"""The real `gh` collects from a small stateful GitHub behind a unix socket."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fake_github import FakeGitHub, serving
from trimtab.config import Config
from trimtab.errors import RateLimited, RefusedError
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.collect import collect, evidence
from trimtab.model import History, Unknown
from trimtab.world.github import Hub, Meter

pytestmark = pytest.mark.real
SLUG = "octo/app"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def stamp(hours_ago: float) -> str:
    return (NOW - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def git(folder: Path, *args: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ("git", *identity, *args), cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    work = tmp_path / "work"
    (work / ".github/workflows").mkdir(parents=True)
    (work / ".github/workflows/ci.yml").write_text("name: CI\non: push\njobs: {}\n")
    (work / ".github/workflows/notes.txt").write_text("no workflow\n")
    git(work, "init", "-q")
    git(work, "add", ".")
    git(work, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", "--bare", "work", "app.git")
    fake = FakeGitHub(SLUG, tmp_path / "app.git")
    with serving(fake, tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield fake


def hub(budget: int = 500, waited: list[float] | None = None) -> Hub:
    return Hub(SLUG, meter=Meter(budget), sleep=(waited if waited is not None else []).append)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    state = tmp_path / "state.sqlite"
    return Site(None, Ledger.open(state), Journal.open(state), Config(), lambda: NOW, lambda text: None, SLUG)


def history(site: Site) -> History:
    found = site.ledger.history()
    assert isinstance(found, History)
    return found


def test_runs_jobs_steps_and_every_attempt(github: FakeGitHub, site: Site) -> None:
    github.add_run(1, stamp(50))
    github.add_run(
        2, stamp(40), attempts=("failure", "cancelled", "success"), event="pull_request", pull_requests=[{"number": 8}]
    )
    github.add_run(3, stamp(30), attempts=("startup_failure",))
    github.add_run(4, stamp(0.1), attempts=("success",), status="in_progress", conclusion=None)
    github.annotations[202] = ["The job running on runner x has exceeded the maximum execution time of 10 minutes."]
    collected = collect(site, hub=hub())
    runs = {run.key: run for run in history(site).runs}
    assert set(runs) == {(1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (4, 1)}
    assert [runs[2, n].conclusion for n in (1, 2, 3)] == ["failure", "cancelled", "success"]
    assert [runs[2, n].seconds for n in (1, 2, 3)] == [630, 630, 630]
    assert all(run.jobs is not None and len(run.jobs) == 1 for key, run in runs.items() if key[0] in (1, 2))
    jobs = runs[2, 2].jobs
    assert jobs is not None
    assert "maximum execution time" in jobs[0].notes[0]
    assert runs[4, 1].conclusion is None
    assert (runs[2, 3].pull_request, runs[2, 3].workflow) == (8, ".github/workflows/ci.yml")
    assert (collected.stored, collected.remaining) == (6, 0)
    assert collected.requests == len(github.requests)


def test_collecting_again_adds_nothing_and_asks_little(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 121):
        github.add_run(number, stamp(number), attempts=("success" if number % 10 == 0 else "skipped",))
    first = collect(site, hub=hub())
    before = history(site)
    asked = len(github.requests)
    again = collect(site, hub=hub())
    assert (first.stored, first.remaining, again.stored, again.updated) == (120, 0, 0, 0)
    assert history(site) == before
    assert len(github.requests) - asked < 10
    github.add_run(200, stamp(0.01))
    assert collect(site, hub=hub()).stored == 1


def test_a_first_report_within_the_budget_and_a_backfill_that_resumes(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 1301):  # more than the 1,000 results that a filtered list gives
        path = f".github/workflows/{'ci' if number % 2 else 'release'}.yml"
        github.add_run(number, stamp(number * 2.0), path=path, attempts=("success" if number % 17 == 0 else "skipped",))
    first = collect(site, hub=hub(70))
    assert first.requests <= 70
    assert len(history(site).runs) == 1300
    ran = [run for run in history(site).runs if run.conclusion == "success"]
    sampled = [run for run in ran if run.jobs is not None]
    assert 30 <= len(sampled) < len(ran)
    weeks = {(run.workflow, run.created.isocalendar()[:2]) for run in ran}
    covered = {(run.workflow, run.created.isocalendar()[:2]) for run in sampled}
    assert covered == weeks  # every workflow and week is in the sample
    assert any("run trimtab collect again" in text for text in first.says)
    assert collect(site, hub=hub(100)).remaining == 0
    assert len(history(site).runs) == 1300
    assert all(run.jobs for run in history(site).runs if run.conclusion == "success")


def test_lists_that_the_budget_cuts_short_are_finished_later(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 501):
        github.add_run(number, stamp(number), attempts=("skipped",))
    first = collect(site, hub=hub(12))
    assert 100 <= len(history(site).runs) < 500
    assert any("are not listed yet" in text for text in first.says)
    for _ in range(5):
        collect(site, hub=hub(12))
    assert {run.id for run in history(site).runs} == set(range(1, 501))


def test_failures_and_secondary_limits_are_waited_for(github: FakeGitHub, site: Site) -> None:
    github.add_run(1, stamp(5))
    github.server_errors, waited = 2, []
    collect(site, hub=hub(waited=waited))
    assert waited == [1.0, 2.0]
    assert len(history(site).runs) == 1
    github.secondary = 1
    collect(site, hub=hub(waited=waited))
    assert waited == [1.0, 2.0, 1.0]
    github.server_errors = 99
    with pytest.raises(RefusedError, match="GitHub refused 4 requests in a row"):
        collect(site, hub=hub())


def test_the_request_limit_ends_a_collection_and_the_next_goes_on(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 31):
        github.add_run(number, stamp(number))
    github.remaining = 15
    first = collect(site, hub=hub())
    assert "request limit of github.com is used up" in first.says[0]
    assert len(history(site).runs) == 30
    assert 0 < first.remaining <= 30
    github.remaining = 5000
    assert collect(site, hub=hub()).remaining == 0


def test_jobs_that_are_gone_are_not_zero_and_not_asked_for_again(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 5):
        github.add_run(number, stamp(number))
    del github.jobs[1]
    github.jobs[2] = []
    github.jobs[3][0]["id"] = "none"
    first = collect(site, hub=hub())
    assert [run.id for run in history(site).runs if run.jobs is not None] == [4]
    assert first.remaining == 0
    github.requests.clear()
    collect(site, hub=hub())
    assert not [url for url in github.requests if "/jobs" in url]


def test_jobs_that_may_not_be_read_are_asked_for_again(github: FakeGitHub, site: Site) -> None:
    for number in range(1, 41):
        github.add_run(number, stamp(number))
    github.hides_jobs_after = 0
    first = collect(site, hub=hub())
    assert first.remaining == 40
    assert sum("/jobs" in url for url in github.requests) <= 24  # a batch, not the whole budget
    assert any(text.startswith("jobs of 24 runs: GitHub answered 403") for text in first.says)
    assert all(run.jobs is None for run in history(site).runs)
    github.hides_jobs_after = None
    assert collect(site, hub=hub()).remaining == 0
    assert all(run.jobs for run in history(site).runs)


def test_half_of_the_jobs_are_none(github: FakeGitHub, site: Site) -> None:
    github.add_run(1, stamp(5))
    github.jobs[1] = [github.jobs[1][0] | {"id": 1000 + n, "name": f"build ({n})"} for n in range(130)]
    github.hides_jobs_after = 1
    assert collect(site, hub=hub()).remaining == 1
    assert history(site).runs[0].jobs is None
    github.hides_jobs_after = None
    collect(site, hub=hub())
    assert len(history(site).runs[0].jobs or ()) == 130


def test_a_list_of_runs_that_may_not_be_read_is_not_an_empty_one(github: FakeGitHub, site: Site) -> None:
    github.add_run(1, stamp(50))
    github.hides_runs = True
    with pytest.raises(RefusedError, match="403"):
        collect(site, hub=hub())
    github.hides_runs = False
    assert collect(site, hub=hub()).stored == 1


def test_not_signed_in_and_offline(
    github: FakeGitHub, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GH_TOKEN")
    with pytest.raises(RefusedError, match="gh is not signed in") as told:
        collect(site, hub=hub())
    assert told.value.fix == "gh auth login"
    monkeypatch.setenv("GH_TOKEN", "fake")
    (tmp_path / "gh-config/config.yml").write_text(f"http_unix_socket: {tmp_path}/nobody.sock\n")
    with pytest.raises(RefusedError, match="gh cannot reach"):
        collect(site, hub=hub())
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RefusedError, match="gh is not on PATH") as told:
        collect(site, hub=hub())
    assert "trimtab collect FILE" in told.value.fix


def test_a_bad_token_is_not_an_empty_repository(
    github: FakeGitHub, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "expired")
    with pytest.raises(RefusedError, match="401"):
        collect(site, hub=hub())


def test_evidence_without_a_clone(github: FakeGitHub, site: Site) -> None:
    github.required, github.protected = ("test",), ("lint",)
    github.add_run(1, stamp(5))
    assert isinstance(evidence(site).required_checks(), Unknown)
    collect(site, hub=hub())
    seen = evidence(site)
    assert [workflow.path for workflow in seen.workflows()] == [".github/workflows/ci.yml"]
    assert seen.required_checks() == {"test", "lint"}
    assert seen.default_branch() == "main"
    unknown = seen.tracked("**")
    assert isinstance(unknown, Unknown)
    assert seen.text(".github/workflows/ci.yml") == "name: CI\non: push\njobs: {}\n"


def test_required_checks_that_may_not_be_read_are_unknown(github: FakeGitHub) -> None:
    github.hides_rules, github.protected = True, ("lint",)
    answer = hub().required_checks("main")
    assert isinstance(answer, Unknown)
    assert "403" in answer.why


def test_a_long_limit_is_told_with_its_end(github: FakeGitHub) -> None:
    github.remaining = 0
    with pytest.raises(RateLimited) as told:
        hub().default_branch()
    assert told.value.reset == 1767225600


def test_pull_requests_open_once_and_close(github: FakeGitHub) -> None:
    assert github.bare is not None
    git(github.bare, "branch", "trimtab/x", "main")
    pull = hub().open_pull_request("trimtab/x", "main", "title", "body")
    assert hub().open_pull_request("trimtab/x", "main", "title", "body") == pull
    assert (pull.number, pull.state, pull.head) == (1, "open", "trimtab/x")
    assert hub().close_pull_request("trimtab/x") == 1
    closed = hub().pull_request(1)
    assert not isinstance(closed, Unknown)
    assert closed.state == "closed"
    assert hub().close_pull_request("trimtab/x") is None
    github.merge_pull(1)
    merged = hub().pull_request(1)
    assert not isinstance(merged, Unknown)
    assert merged.state == "merged"
    with pytest.raises(RefusedError, match="opened no pull request for nothing"):
        hub().open_pull_request("nothing", "main", "title", "body")


def test_tokens_stay_out_of_arguments(github: FakeGitHub, site: Site) -> None:
    github.add_run(1, stamp(5))
    collect(site, hub=hub())
    assert os.environ["GH_TOKEN"] not in " ".join(github.requests)
