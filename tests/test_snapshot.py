"""Evidence from a real clone and a real ledger: each question answered by a value or by Unknown with the command to type."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loops import CI, START, Team
from trimtab.config import Config
from trimtab.errors import RefusedError
from trimtab.loop import Site
from trimtab.loop.collect import collect, evidence
from trimtab.loop.collect.snapshot import Snapshot
from trimtab.model import Job, Run, Unknown

PATH = ".github/workflows/ci.yml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def site(team: Team) -> Site:
    return team.site(team.clone("ada"))


def root(site: Site) -> Path:
    assert site.repository is not None
    return site.repository.root


def run(number: int, *, sha: str | None = None, jobs: tuple[str, ...] | None = None, **more: object) -> Run:
    at = START + timedelta(hours=number)
    made = None
    if jobs is not None:
        made = tuple(Job(number * 10 + n, number, 1, name, "success", at, at, at) for n, name in enumerate(jobs))
    one = Run(number, 1, PATH, "success", at, at, at + timedelta(minutes=5), "push", "main", sha, number, jobs=made)
    return replace(one, **more)  # type: ignore[arg-type]


def test_files_of_the_working_tree_and_of_a_revision(site: Site) -> None:
    folder = root(site) / ".github/workflows"
    (folder / "ci.yml").write_text(CI.replace("name: CI", "name: Mine"))
    (folder / "untracked.yaml").write_bytes(b"\xef\xbb\xbfname: New\non: push\njobs: {}\n")
    here, there = evidence(site), evidence(site, rev="HEAD")
    assert [(w.path, w.name) for w in here.workflows()] == [(PATH, "Mine"), (".github/workflows/untracked.yaml", "New")]
    assert [(w.path, w.name) for w in there.workflows()] == [(PATH, "CI")]
    assert here.text(PATH) == CI.replace("name: CI", "name: Mine")
    assert there.text(PATH) == CI
    assert here.text(".github/workflows/untracked.yaml") == "name: New\non: push\njobs: {}\n"
    with pytest.raises(RefusedError, match="there is no revision nowhere"):
        evidence(site, rev="nowhere")
    with pytest.raises(RefusedError, match="there is no revision --help"):
        evidence(site, rev="--help")


def test_hostile_files_are_told_and_never_opened(site: Site, tmp_path: Path) -> None:
    folder = root(site) / ".github/workflows"
    (tmp_path / "secret").write_text("on: push\n")
    (folder / "a-link.yml").symlink_to(tmp_path / "secret")
    (folder / "b-device.yml").symlink_to("/dev/zero")
    os.mkfifo(folder / "c-pipe.yml")
    (folder / "d-large.yml").write_bytes(b"#" * (50 << 20))
    (folder / "e-binary.yml").write_bytes(b"on: push\0")
    (folder / "f-broken.yml").write_text("on: [push\njobs:\n")
    (folder / "g-folder.yml").mkdir()
    told = {file.path.rpartition("/")[2]: file for file in evidence(site).broken()}
    assert list(told) == [
        *("a-link.yml", "b-device.yml", "c-pipe.yml", "d-large.yml", "e-binary.yml", "f-broken.yml", "g-folder.yml")
    ]
    assert all("symbolic link" in told[name].says for name in ("a-link.yml", "b-device.yml"))
    assert told["c-pipe.yml"].says == told["g-folder.yml"].says == "it is no regular file"
    assert (told["f-broken.yml"].text or "").startswith("on: [push")
    assert all(told[name].text is None for name in told if name != "f-broken.yml")
    assert [w.path for w in evidence(site).workflows()] == [PATH]


def test_a_workflow_folder_that_is_a_link_holds_nothing(site: Site, tmp_path: Path) -> None:
    folder = root(site) / ".github/workflows"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert evidence(site).workflows() == ()


def test_tracked_globs(team: Team, site: Site) -> None:
    team.commit(root(site), {"a/b/c.py": "", "a/x.py": "", "top.py": "", "a/b/weird [x].txt": ""})
    seen = evidence(site)
    assert seen.tracked("*.py") == ("top.py",)
    assert seen.tracked("**/*.py") == ("a/b/c.py", "a/x.py", "top.py")
    assert seen.tracked("a/*") == ("a/x.py",)
    assert seen.tracked("a/**") == ("a/b/c.py", "a/b/weird [x].txt", "a/x.py")
    assert seen.tracked("a/b/weird [x].txt") == ("a/b/weird [x].txt",)
    assert evidence(site, rev="HEAD~1").tracked("**/*.py") == ()
    answer = seen.text("a/none.py")
    assert isinstance(answer, Unknown)


def test_history_by_path_and_jobs_by_the_name_that_fits_alone(site: Site) -> None:
    seen = evidence(site)
    unknown = seen.history(PATH)
    assert isinstance(unknown, Unknown)
    assert unknown.command == "trimtab collect"
    site.ledger.add_runs([run(2, jobs=("build", "lint")), run(1, jobs=("build", "other")), run(3)])
    seen = evidence(site)
    runs, jobs = seen.runs(PATH), seen.jobs(PATH, "build")
    assert not isinstance(runs, Unknown)
    assert [one.id for one in runs] == [1, 2, 3]
    assert not isinstance(jobs, Unknown)
    assert [job.run_id for job in jobs] == [1, 2]
    assert isinstance(seen.jobs(PATH, "none"), Unknown)
    assert isinstance(seen.jobs("none.yml", "build"), Unknown)


def test_files_changed_is_asked_of_git_once_and_remembered(team: Team, site: Site) -> None:
    first = team.commit(root(site), {"docs/x.md": "1\n"})
    second = team.commit(root(site), {"src/x.py": "1\n", PATH: CI + "# end\n"})
    site.ledger.add_runs([run(1, sha=first), run(2, sha=second), run(3, sha="f" * 40)])
    seen = evidence(site)
    assert seen.files_changed(second) == (PATH, "src/x.py")
    assert seen.files_changed(first) == ("docs/x.md",)
    lost = seen.files_changed("f" * 40)
    assert isinstance(lost, Unknown)
    assert lost.command == "git fetch"
    assert site.ledger.files_changed(first) == ("docs/x.md",)
    assert site.ledger.files_changed("f" * 40) is None


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (("ubuntu-latest",), "hosted"),
        (("macos-14-xlarge",), "hosted"),
        (("Ubuntu-Slim",), "slim"),
        (("self-hosted", "linux"), "self-hosted"),
        (("big-box",), "self-hosted"),
        (("unheard-of",), None),
        (("${{ matrix.os }}",), None),
        ((), None),
    ],
)
def test_runner_class(site: Site, labels: tuple[str, ...], kind: str | None) -> None:
    seen = evidence(replace(site, config=Config(runners={"big-box": "self-hosted"})))
    answer = seen.runner_class(labels)
    assert answer == kind if kind else isinstance(answer, Unknown)


def test_settings_come_from_the_team_or_the_rule(site: Site) -> None:
    seen = Snapshot(replace(site, config=Config(rules={"set-timeout": {"default-minutes": 25}})))
    from trimtab import catalogue

    for name, value in catalogue.rules()["set-timeout"].settings.items():
        assert seen.setting(f"set-timeout.{name}") == (25 if name == "default-minutes" else value)
    with pytest.raises(KeyError):
        seen.setting("no-such-rule.key")


def test_runs_from_a_file_belong_to_the_workflow_that_their_name_means(team: Team, site: Site, tmp_path: Path) -> None:
    team.commit(
        root(site),
        {".github/workflows/on-merge.yml": CI, ".github/workflows/b.yml": "name: Twice\non: push\njobs: {}\n"},
    )
    team.commit(root(site), {".github/workflows/c.yml": "name: Twice\non: push\njobs: {}\n"})
    rows = [f"{name},{n},success,2026-03-01T10:00:00Z" for n, name in enumerate(("on-merge", "CI", "Twice", "gone"), 1)]
    (tmp_path / "h.csv").write_text("\n".join(["workflow,id,conclusion,created_at", *rows, rows[0]]) + "\n")
    collected = collect(site, files=[tmp_path / "h.csv"])
    assert (collected.stored, collected.duplicates, collected.requests) == (4, 1, 0)
    # "CI" is the name of two files here, "Twice" too: neither is guessed at
    assert site.ledger.workflows() == (".github/workflows/on-merge.yml", "CI", "Twice", "gone")
    assert collect(site, files=[tmp_path / "h.csv"]).stored == 0


def test_runs_of_squashed_pull_requests_are_fetched_by_id(team: Team, site: Site) -> None:
    from loops import planned
    from trimtab.loop.apply import apply
    from trimtab.loop.collect.expose import expose

    ben = team.clone("ben")
    team.git(ben, "checkout", "-qb", "topic")
    team.write(ben, {"topic.txt": "x\n"})
    team.git(ben, "add", ".")
    team.git(ben, "commit", "-qm", "topic")
    sha = team.git(ben, "rev-parse", "HEAD")
    team.git(ben, "push", "-q", "origin", "HEAD:refs/pull/1/head")  # where GitHub keeps it after the branch is gone
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="branch")
    site.ledger.add_runs(
        [run(1, sha=sha, event="pull_request"), run(2, sha="e" * 40), run(3, sha=sha, event="pull_request_target")]
    )
    assert site.repository is not None
    assert site.repository.existing([sha]) == []
    assert expose(site) == 1
    assert site.repository.existing([sha]) == [sha]
    history = site.ledger.history(PATH)
    assert not isinstance(history, Unknown)
    assert [one.blob for one in history.runs] == [change.files[0].before_blob, None, None]
