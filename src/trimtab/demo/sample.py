"""
The sample project as a real git repository: its files, every commit of the simulated team, and the changes that they commit

Commits are written by `git fast-import`, thousands in a second, with dates of the story. Pull requests live where GitHub
keeps them, under refs/pull/N/head; main moves as in any clone: by a fast-forward merge in the working tree. Settings of the
user's own git (signing, hooks, templates) are kept out, so that the same seed gives the same commit ids everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

from trimtab.demo.traffic import Push
from trimtab.errors import RefusedError
from trimtab.world import process

WORKFLOWS = ".github/workflows/"
_INCOMING = "refs/heads/incoming"
_ALONE = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_ADA = ("ada", "ada@harbour.example")
_BUTTON = ("GitHub", "noreply@github.com")


def files() -> dict[str, bytes]:
    """The files of the first commit, by path."""
    folder = resources.files("trimtab.demo").joinpath("sample")
    found = {
        WORKFLOWS + entry.name: entry.read_bytes()
        for entry in folder.joinpath("workflows").iterdir()
        if entry.name.endswith(".yml")
    }
    found["README.md"] = folder.joinpath("README.md").read_bytes()
    found["requirements.txt"] = b"flask==3.1.0\npytest==8.3.4\nruff==0.9.2\n"
    found["pyproject.toml"] = b'[project]\nname = "harbour"\nversion = "1.0"\n'
    found["package.json"] = b'{"name": "harbour", "private": true, "scripts": {"build": "vite build"}}\n'
    found["package-lock.json"] = b'{"name": "harbour", "lockfileVersion": 3, "packages": {}}\n'
    return found


class SampleRepository:
    """The clone at `root` that the loop works on."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, root: Path, at: datetime) -> SampleRepository:
        """A new repository with the first commit on main. Raises RefusedError when git is missing or too old."""
        root.mkdir(parents=True)
        repository = cls(root)
        repository.git("init", "-q", "--template=", "-b", "main")
        for name, value in (("user.name", _ADA[0]), ("user.email", _ADA[1]), ("commit.gpgsign", "false")):
            repository.git("config", name, value)
        changes = "".join(_file(path, data) for path, data in sorted(files().items()))
        repository.git(
            "fast-import", "--quiet", stdin=(_commit(_INCOMING, 1, "ada", at, "Start", None) + changes).encode()
        )
        repository.pull()
        return repository

    def git(
        self,
        *args: str,
        stdin: bytes | None = None,
        at: datetime | None = None,
        committer: tuple[str, str] = _ADA,
    ) -> str:
        """One git command in the sample, without the user's settings. Raises RefusedError quoting git when it fails."""
        stamp = f"{int(at.timestamp())} +0000" if at else None
        dated = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp} if stamp else {}
        name = {"GIT_COMMITTER_NAME": committer[0], "GIT_COMMITTER_EMAIL": committer[1]}
        done = process.run(
            ("git", "-c", "gc.auto=0", "-c", "core.hooksPath=/dev/null", *args),
            cwd=self.root,
            stdin=stdin,
            env=process.environment(_ALONE | dated | name),
        )
        if done.code != 0:
            raise RefusedError(
                f"git {args[0]} failed in the sample project: {done.complaint}",
                "the demo cannot go on",
                "git --version",
            )
        return done.text

    def push_all(self, pushes: Sequence[Push]) -> list[str]:
        """Write the commits of these pushes, in order; returns their ids. Main stays where it is until `pull`."""
        marks = self.root / ".git" / "demo-marks"
        stream = f"reset {_INCOMING}\nfrom refs/heads/main^0\n\n" + "".join(self._commits(pushes))
        self.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream.encode())
        ids = dict(line.split() for line in marks.read_text().splitlines())
        marks.unlink()
        return [ids[f":{n}"] for n in range(1, len(pushes) + 1)]

    def pull(self) -> None:
        """Bring main and the working tree to what has arrived."""
        self.git("merge", "-q", "--ff-only", _INCOMING)

    def merge_change(self, message: str, at: datetime) -> str:
        """
        The team takes what stands in the working tree into main; returns the commit's id

        It carries GitHub's name as the committer, like every pull request merged by GitHub's button: its date is then known to
        be the moment at which main moved.
        """
        self.git("commit", "-q", "-a", "-m", message, at=at, committer=_BUTTON)
        return self.head()

    def dirty(self) -> bool:
        return bool(self.git("status", "--porcelain", "--untracked-files=no").strip())

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def workflow_files(self) -> Mapping[str, bytes]:
        """The workflow files in the working tree, by path."""
        folder = self.root / WORKFLOWS
        return {WORKFLOWS + path.name: path.read_bytes() for path in sorted(folder.glob("*.yml"))}

    def _commits(self, pushes: Sequence[Push]) -> Iterator[str]:
        known = set(self.git("for-each-ref", "--format=%(refname)", "refs/pull").split())
        for mark, push in enumerate(pushes, 1):
            if push.tag:
                ref, parent = f"refs/tags/{push.tag}", f"{_INCOMING}^0"
            elif push.event == "push":
                ref, parent = _INCOMING, None
            else:
                ref = f"refs/pull/{push.pull_request}/head"
                parent = f"{_INCOMING}^0" if push.opens else f"{ref}^0" if ref in known else None
                known.discard(ref)
            title = f"Release {push.tag}" if push.tag else f"Work on #{push.pull_request}"
            yield _commit(ref, mark, push.actor, push.at, title, parent)
            for path in push.files:
                yield _file(path, f"# {push.branch} {push.index}\n".encode())


def _commit(ref: str, mark: int, who: str, at: datetime, message: str, parent: str | None) -> str:
    stamp = f"{who} <{who}@harbour.example> {int(at.timestamp())} +0000"
    lines = [f"commit {ref}", f"mark :{mark}", f"author {stamp}", f"committer {stamp}"]
    lines += [f"data {len(message.encode())}", message, *([f"from {parent}"] if parent else [])]
    return "\n".join(lines) + "\n"


def _file(path: str, data: bytes) -> str:
    return f"M 100644 inline {path}\ndata {len(data)}\n{data.decode()}\n"
