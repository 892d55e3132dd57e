"""
What a setup action would keep between runs: which package manager's downloads, keyed by which lock file

One reader per action answers for one job, and only where the answer is certain: every install of the job is one that the lock
file speaks for, its versions are pinned there, so that what was kept is what is asked for again, and there are enough of
them to be worth a cache. For the rule that turns the caches on.

The keys are the actions' own: setup-node and setup-java hash the lock file with the operating system, setup-python also
with the Python version. Jobs with the same file share one entry, and the first to end fills it for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.installs import Install, inside, tools_mentioned
from trimtab.catalogue.reading.purpose import action_major
from trimtab.model import Unknown
from trimtab.workflow.model import Job, Step, Workflow

ACTIONS = {"actions/setup-node": 2, "actions/setup-python": 3, "actions/setup-java": 2}  # first major with `cache`
_NODE_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
}
_FEW = {
    "npm": 30,
    "yarn": 30,
    "pnpm": 30,
    "pip": 8,
    "poetry": 8,
    "pipenv": 8,
}  # packages; a cache for less costs what it saves
_ENTRY = re.compile(
    r'"version": |^ +version:? |^version = |^ +resolution: ', re.M
)  # one a package, in any of these lock files
_PINNED = 0.8  # share of a requirements file's lines that name one version
_INSTALLERS = frozenset({"pip", "setuptools", "wheel", "build", "pip-tools"})
_VALUED = frozenset({
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--timeout", "--retries", "--progress-bar", "--only-binary",
    "--no-binary",
})  # fmt: skip
# What changes how an install talks or fails, never what it downloads.
_HOW = frozenset({
    "ci", "install", "i", "--no-audit", "--no-fund", "--prefer-offline", "--frozen-lockfile", "--immutable", "--no-progress",
    "-q", "--quiet", "--silent", "-B", "--batch-mode", "--no-transfer-progress", "-ntp", "-V", "-U", "--upgrade",
    "--ignore-scripts", "--legacy-peer-deps", "--no-interaction", "-e", "--editable", ".",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Downloads:
    """The inputs to add to one setup step, and the install steps that they should make shorter."""

    step: Step
    tool: str
    lock: str
    inputs: tuple[tuple[str, str], ...]
    installs: tuple[Install, ...]

    @property
    def shared(self) -> tuple[str, str]:
        """What jobs with the same entry have in common, as far as the files tell."""
        return self.tool, self.lock

    @property
    def wanted(self) -> frozenset[tuple[str, ...]]:
        """What the job installs, in words that can be compared with another job's."""
        return wanted(self.installs)


def wanted(installs: tuple[Install, ...]) -> frozenset[tuple[str, ...]]:
    """The arguments of installs that say what is downloaded."""
    return frozenset((one.tool, *sorted(word for word in one.words if word not in _HOW)) for one in installs)


def downloads(
    workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence
) -> Downloads | None:
    """What the setup action in `step` would keep for the job's `installs`; None when that is not certain or not worth it."""
    return _READERS[step.action or ""](workflow, job, step, installs, evidence)


# ------------------------------------------------------------------------------------ Node


def _node(
    workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence
) -> Downloads | None:
    mine = tuple(one for one in installs if one.tool in _NODE_LOCKS and not _global(one))
    if len({(one.tool, one.folder) for one in mine}) != 1:
        return None
    tool, folder = mine[0].tool, mine[0].folder
    lock = next((name for name in _NODE_LOCKS[tool] if _tracked(evidence, inside(folder, name))), None)
    if (
        lock is None
        or not _is_there(tool, folder, job, step, evidence)
        or _is_small(tool, inside(folder, lock), evidence)
    ):
        return None
    if (action_major(workflow, step) or 0) >= 5 and _names_manager(folder, evidence):
        return None
    path = () if folder == "." else (("cache-dependency-path", inside(folder, lock)),)
    return Downloads(step, tool, inside(folder, lock), (("cache", tool), *path), mine)


def _is_small(tool: str, lock: str, evidence: Evidence) -> bool:
    """Whether a lock file holds too few packages; one that is too large to be read, or of another form, tells nothing."""
    text = evidence.text(lock)
    return isinstance(text, str) and 0 < len(_ENTRY.findall(text)) < _FEW[tool]


def _global(install: Install) -> bool:
    """An install of named packages or of a tool for the machine: no lock file speaks of it."""
    values = {word for word in install.words if not word.startswith("-")}
    flags = {"-g", "--global", "--location=global", "--no-save", "--package-lock-only", "--dry-run"}
    if install.tool == "npm" and {"--prefix", "-C"}.isdisjoint(install.words) and values:
        return True
    return bool(flags.intersection(install.words)) or (
        install.tool == "pnpm" and bool(values) and not _only_values(install)
    )


def _only_values(install: Install) -> bool:
    """Whether the bare words are values of options ("--filter app"), not packages."""
    return any(word in ("--filter", "-F", "--dir", "-C", "--reporter") for word in install.words)


def _is_there(tool: str, folder: str, job: Job, setup: Step, evidence: Evidence) -> bool:
    """Whether the package manager, in the version that the project wants, is there when setup-node asks it for its folder."""
    before = [step for step in job.steps if step.index < setup.index]
    corepack = any("corepack enable" in (step.run or "") for step in before)
    if tool == "npm":
        return True
    if tool == "pnpm":
        ready = [step for step in before if step.action == "pnpm/action-setup" and step.condition is None]
        installed = any(
            "npm install -g pnpm" in (step.run or "") or "npm i -g pnpm" in (step.run or "") for step in before
        )
        plain = all({"run_install", "cache", "dest"}.isdisjoint(step.inputs) for step in ready)
        return (bool(ready) and plain) or installed or corepack
    if _tracked(evidence, inside(folder, ".yarn/cache/**")) or _tracked(evidence, inside(folder, ".yarn/releases/**")):
        return False
    berry = (
        _tracked(evidence, inside(folder, ".yarnrc.yml"))
        or _names_manager(folder, evidence)
        or _names_manager(".", evidence)
    )
    return corepack or not berry


def _names_manager(folder: str, evidence: Evidence) -> bool:
    """Whether package.json names its package manager: setup-node 5 then caches by itself, and Yarn 1 refuses to run."""
    text = evidence.text(inside(folder, "package.json"))
    return not isinstance(text, str) or '"packageManager"' in text or '"devEngines"' in text


# ------------------------------------------------------------------------------------ Python


def _python(
    workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence
) -> Downloads | None:
    if not {"python-version", "python-version-file"}.intersection(step.inputs):
        return None
    for tool, lock in (("poetry", "poetry.lock"), ("pipenv", "Pipfile.lock")):
        mine = tuple(one for one in installs if one.tool == tool)
        if mine:
            ready = tool == "pipenv" or _poetry_before(job, step)
            good = (
                ready
                and {one.folder for one in mine} == {"."}
                and _tracked(evidence, lock)
                and not _is_small(tool, lock, evidence)
            )
            return Downloads(step, tool, lock, (("cache", tool),), mine) if good else None
    return _pip(job, step, tuple(one for one in installs if one.tool == "pip"), evidence)


def _poetry_before(job: Job, setup: Step) -> bool:
    before = " ".join(step.run or "" for step in job.steps if step.index < setup.index)
    return "install poetry" in before or any(
        "install-poetry" in (s.action or "") for s in job.steps if s.index < setup.index
    )


def _pip(job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence) -> Downloads | None:
    """pip: all that the job installs must be pinned in tracked requirements files; they become the key."""
    scripts = "\n".join(step.run or "" for step in job.steps)
    if len(re.findall(r"(?m)^[^#\n]*\bpip[\d.]*\s+install\b", scripts)) > len(installs):
        return None  # one that may not run, or whose folder is not certain
    named = [_pip_files(one) for one in installs]
    files = tuple(dict.fromkeys(name for names in named for name in names or ()))
    if None in named or not files or {"uv", "sudo"}.intersection(tools_mentioned(job)):
        return None
    pins = [line for name in files for line in _requirements(name, evidence, frozenset())]
    if len(pins) < _FEW["pip"] or sum("==" in line or " @ " in line for line in pins) < _PINNED * len(pins):
        return None
    path = () if files == ("requirements.txt",) else (("cache-dependency-path", "\n".join(files)),)
    used = tuple(one for one, names in zip(installs, named, strict=True) if names)
    return Downloads(step, "pip", ", ".join(files), (("cache", "pip"), *path), used)


def _pip_files(install: Install) -> list[str] | None:
    """The requirements files of a command; [] when it brings only installers or the project itself, None when anything else."""
    files = []
    words = iter(word.strip("\"'") for word in install.words)
    for word in words:
        if word in ("-r", "--requirement", "-c", "--constraint"):
            files.append(inside(install.folder, next(words, "")))
        elif word.startswith(("-r", "--requirement=")):
            files.append(inside(install.folder, word.partition("=")[2] or word[2:]))
        elif word in _VALUED:
            next(words, "")
        elif word == "--group" or not (word.startswith("-") or _is_plain(word)):
            return None
    return files


def _is_plain(word: str) -> bool:
    """The project itself without extras, or an installer: neither is what the cache is for."""
    return word in (".", "./") or re.split(r"[<>=!~\[]", word)[0] in _INSTALLERS


def _requirements(name: str, evidence: Evidence, seen: frozenset[str]) -> Iterator[str]:
    """The requirements that a file and those it includes list; none at all when one of them is not tracked."""
    text = evidence.text(name) if _tracked(evidence, name) and name not in seen else None
    if not isinstance(text, str):
        return
    folder = name.rpartition("/")[0] or "."
    for line in re.sub(r"\\\n", " ", text).splitlines():
        bare = line.partition("#")[0].strip()
        more = re.match(r"(?:-r|-c|--requirement|--constraint)[= ]*(\S+)", bare)
        if more:
            yield from _requirements(inside(folder, more[1]), evidence, seen | {name})
        elif bare and not bare.startswith("-"):
            yield line


# ------------------------------------------------------------------------------------ Java


def _java(
    workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence
) -> Downloads | None:
    mine = tuple(one for one in installs if one.tool in ("maven", "gradle"))
    if len({one.tool for one in mine}) != 1 or {one.folder for one in mine} != {"."}:
        return None
    tool = mine[0].tool
    locks = (
        ("pom.xml",)
        if tool == "maven"
        else ("gradle/wrapper/gradle-wrapper.properties", "build.gradle", "build.gradle.kts")
    )
    lock = next((name for name in locks if _tracked(evidence, name)), None)
    return None if lock is None else Downloads(step, tool, lock, (("cache", tool),), mine)


_Reader = Callable[[Workflow, Job, Step, tuple[Install, ...], Evidence], Downloads | None]
_READERS: Mapping[str, _Reader] = {
    "actions/setup-node": _node,
    "actions/setup-python": _python,
    "actions/setup-java": _java,
}


def _tracked(evidence: Evidence, glob: str) -> bool:
    files = evidence.tracked(glob)
    return not isinstance(files, Unknown) and bool(files)
