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
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.installs import (
    Install,
    commands,
    inside,
    is_install,
    joined,
    sure_commands,
    tools_mentioned,
)
from trimtab.catalogue.reading.purpose import action_major
from trimtab.model import Unknown
from trimtab.workflow.model import Job, Step, Workflow

# From which version on a cache works: GitHub shut down the service that older ones ask in April 2025, and since then they fail
# or wait for minutes. Of each major that a release mended the first such release; earlier majors were never mended.
ACTIONS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "actions/setup-node": ((3, 9), (4, 2)),
    "actions/setup-python": ((4, 9), (5, 4)),
    "actions/setup-java": ((3, 14), (4, 7)),
}
_NODE_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
}
_FEW = {"npm": 30, "yarn": 30, "pnpm": 30, "pip": 8}  # packages; a cache for less costs what it saves
_MOST_FILES = 50  # requirements files that one command reaches; real ones reach a handful
_MOST_TOML = 100_000  # characters of a pyproject.toml that is read
_ENTRY = re.compile(r'"version": |^ +version:? |^ +resolution: ', re.M)  # one a package, in any of these lock files
_PINNED = 0.8  # share of a requirements file's lines that name one version
_INSTALLERS = frozenset({"pip", "setuptools", "wheel", "build", "pip-tools"})
_OTHER_INSTALLERS = frozenset({"uv", "sudo", "poetry", "pipenv", "pdm"})
_INCLUDE = re.compile(r"(?:(?:-r|-c)[ \t]*|(?:--requirement|--constraint)[= \t][ \t]*)(\S+)")
_PIP_INSTALL = re.compile(r"\bpip[\d.]*(?:\s+-\S+){0,5}\s+install\b")
_REMOVED = re.compile(r"\b(?:rm|mv|del|rimraf|Remove-Item)\b")
# Files in which package managers are told to keep their downloads elsewhere, and words of such a line.
_SETTINGS = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".mvn/maven.config")
_PLACES = re.compile(
    r"^[ \t\"'-]*(?:cache|store|virtual-?store|global-?folder|enableGlobalCache|yarn-offline)|maven\.repo\.local",
    re.IGNORECASE | re.MULTILINE,
)
_VALUED = re.compile(
    r"-i|-f|--(?:extra-)?index[-]url|--find-links|--timeout|--retries|--progress-bar|--(?:only|no)-binary"
)  # options of pip whose next word is their value
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
    kept = _READERS[step.action or ""](workflow, job, step, installs, evidence)
    return None if kept is None or _is_rewritten(job, kept.lock.split(", ")) or _is_elsewhere(kept, evidence) else kept


def works(action: str, version: tuple[int, ...], *, is_commit: bool) -> bool:
    """Whether a cache works in this version of a setup action; "v4" moves to its newest release, a commit's "# v4" does not."""
    floors = ACTIONS[action]
    if not version or version[0] < floors[0][0] or (is_commit and len(version) == 1):
        return False
    return len(version) == 1 or all(version >= floor for floor in floors if floor[0] == version[0])


def _is_rewritten(job: Job, locks: list[str]) -> bool:
    """Whether a script of the job names a lock file other than to install from it: it may write or remove the file."""
    names = [lock.rpartition("/")[2] for lock in locks]
    for step in job.steps:
        for command, _ in commands(step.run or ""):
            if is_install(command) or _PIP_INSTALL.search(command):
                continue
            if any(name in command for name in names) or ("lock" in command and _REMOVED.search(command)):
                return True
    return False


def _is_elsewhere(kept: Downloads, evidence: Evidence) -> bool:
    """Whether a file of settings tells where packages are kept: the action might ask for another folder than is filled."""
    if kept.tool == "pip":
        return False
    folders = {".", kept.installs[0].folder}
    texts = [evidence.text(inside(folder, name)) for folder in sorted(folders) for name in _SETTINGS]
    return any(isinstance(text, str) and _PLACES.search(text) for text in texts)


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
        or not _is_there(tool, folder, workflow, job, step, evidence)
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


def _is_there(tool: str, folder: str, workflow: Workflow, job: Job, setup: Step, evidence: Evidence) -> bool:
    """Whether the package manager, in the version that the project wants, is there when setup-node asks it for its folder."""
    before = [step for step in job.steps if step.index < setup.index]
    ran = {command for step in before for command in sure_commands(workflow, job, step)}
    corepack = bool(ran & {"corepack enable", f"corepack enable {tool}"})
    if tool == "npm":
        return True
    if tool == "pnpm":
        ready = [step for step in before if step.action == "pnpm/action-setup" and step.condition is None]
        plain = all({"run_install", "cache", "dest"}.isdisjoint(step.inputs) for step in ready)
        installed = any(re.fullmatch(r"npm (?:i|install) (?:-g|--global) pnpm(?:@[\w.]+)?", command) for command in ran)
        # Behind corepack pnpm's version is that of the folder, and setup-node asks in the root.
        return (bool(ready) and plain) or installed or (corepack and folder == ".")
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
    return _pip(job, step, tuple(one for one in installs if one.tool == "pip"), evidence)


def _pip(job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence) -> Downloads | None:
    """pip: all that the job installs must be pinned in tracked requirements files; they become the key."""
    told = (command for one in job.steps for command, _ in commands(one.run or ""))
    if sum(len(_PIP_INSTALL.findall(command)) for command in told) > len(installs):
        return None  # one that may not run, or whose folder is not certain
    named = [_pip_files(one, evidence) for one in installs]
    asked = [name for names in named for name in names or ()]
    if None in named or not asked or _OTHER_INSTALLERS.intersection(tools_mentioned(job)):
        return None
    reached = _requirements(asked, evidence)
    if reached is None:
        return None
    files, pins = reached
    if len(pins) < _FEW["pip"] or sum("==" in line or " @ " in line for line in pins) < _PINNED * len(pins):
        return None
    path = () if files == ("requirements.txt",) else (("cache-dependency-path", "\n".join(files)),)
    used = tuple(one for one, names in zip(installs, named, strict=True) if names)
    return Downloads(step, "pip", ", ".join(files), (("cache", "pip"), *path), used)


def _pip_files(install: Install, evidence: Evidence) -> list[str] | None:
    """The requirements files of a command; [] when it brings only installers or the project itself, None when anything else."""
    files: list[str | None] = []
    words = iter(word.strip("\"'") for word in install.words)
    for word in words:
        if word in ("-r", "--requirement", "-c", "--constraint"):
            files.append(joined(install.folder, next(words, "")))
        elif word.startswith(("-r", "-c", "--requirement=", "--constraint=")):
            files.append(joined(install.folder, word.partition("=")[2] if word.startswith("--") else word[2:]))
        elif _VALUED.fullmatch(word):
            next(words, "")
        elif word == "--group" or not (word.startswith("-") or _brings_nothing(word, install.folder, evidence)):
            return None
    known = [file for file in files if file is not None]
    return known if len(known) == len(files) else None


def _brings_nothing(word: str, folder: str, evidence: Evidence) -> bool:
    """An installer, or the project itself where it needs no packages: neither is what the cache is for."""
    if word in (".", "./"):
        return _needs_nothing(folder, evidence)
    return re.split(r"[<>=!~\[]", word, maxsplit=1)[0] in _INSTALLERS


def _needs_nothing(folder: str, evidence: Evidence) -> bool:
    """Whether the pyproject.toml of a folder says that the project depends on no package."""
    text = evidence.text(inside(folder, "pyproject.toml"))
    if not isinstance(text, str) or len(text) > _MOST_TOML:
        return False
    try:
        project = tomllib.loads(text).get("project")
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    if not isinstance(project, dict) or project.get("dependencies"):
        return False
    dynamic = project.get("dynamic", [])
    return isinstance(dynamic, list) and "dependencies" not in dynamic


def _requirements(asked: list[str], evidence: Evidence) -> tuple[tuple[str, ...], list[str]] | None:
    """The files that requirements files reach through what they include, and all they list; None when that is not certain."""
    files, pins = list(dict.fromkeys(asked)), list[str]()
    for name in files:  # grows as files include others
        text = evidence.text(name)
        if not isinstance(text, str) or len(files) > _MOST_FILES:
            return None
        folder = name.rpartition("/")[0] or "."
        for line in text.replace("\\\n", " ").splitlines():
            bare = line.strip() if line.lstrip()[:1] != "#" else ""
            bare = re.split(r"\s#", bare, maxsplit=1)[0]
            more = _INCLUDE.match(bare)
            if more or bare.startswith(("-e", "--editable", ".", "/")):
                included = joined(folder, more[1]) if more else None
                if included is None:
                    return None
                if included not in files:
                    files.append(included)
            elif bare and not bare.startswith("-"):
                pins.append(line)
            if len(files) > _MOST_FILES:
                return None
    return tuple(files), pins


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
