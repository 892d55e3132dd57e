"""
Where a job installs dependencies: read from its scripts, as far as that is certain

A cache key needs the lock file of the very folder in which the job installs. `found` follows `working-directory` (of the step,
the job and the workflow), a `cd` at the start of a line, and the tools' own folder options. Where a script does more than
that, the install is left out: a missing cache is slow, a wrong one breaks the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath

from yaml.nodes import ScalarNode

from trimtab.workflow.model import Job, Step, Workflow


@dataclass(frozen=True, slots=True)
class Install:
    """One install command: the tool, the folder it works in ("." is the root), its arguments, the step it stands in."""

    tool: str  # npm yarn pnpm pip pipenv poetry maven gradle
    folder: str
    words: tuple[str, ...]
    step: Step


_COMMANDS = (
    ("npm", re.compile(r"npm\s+(?:ci|install|i|clean-install)\b(?P<rest>.*)")),
    ("npm", re.compile(r"npm\s+--prefix[= ](?P<folder>\S+)\s+(?:ci|install|i)\b(?P<rest>.*)")),
    ("yarn", re.compile(r"yarn(?:\s+--cwd[= ](?P<folder>\S+))?(?:\s+install\b)?(?P<rest>(?:\s+--\S+)*)$")),
    ("pnpm", re.compile(r"pnpm(?:\s+(?:-C|--dir)[= ](?P<folder>\S+))?\s+(?:install|i)\b(?P<rest>.*)")),
    ("pip", re.compile(r"(?:python[\d.]*\s+-m\s+|py\s+-m\s+)?pip[\d.]*\s+install\b(?P<rest>.*)")),
    ("pipenv", re.compile(r"(?:python[\d.]*\s+-m\s+)?pipenv\s+(?:install|sync)\b(?P<rest>.*)")),
    ("poetry", re.compile(r"poetry\s+(?:install|sync)\b(?P<rest>.*)")),
    ("maven", re.compile(r"(?:\./)?mvnw?(?:\.cmd)?\s(?P<rest>.*)")),
    ("gradle", re.compile(r"(?:\./)?gradlew?(?:\.bat)?\s(?P<rest>.*)")),
)
_FOLDER_OPTION = re.compile(r"(?:^|\s)(?:--prefix|--cwd|--dir|-C)[= ](\S+)")
_SEPARATOR = re.compile(r"&&|;|\n")
_ASSIGNMENTS = re.compile(r"^(?:[A-Z_][A-Z0-9_]*=\S*\s+)+")


def found(workflow: Workflow, job: Job) -> tuple[Install, ...]:
    """The installs of a job that always happen (no `if` on the step) in a folder that is certain."""
    return tuple(
        install
        for step in job.steps
        if step.run is not None and step.condition is None
        for install in _of_step(step, _folder(workflow, job, step))
    )


def _folder(workflow: Workflow, job: Job, step: Step) -> str | None:
    """The folder that a script starts in; None when it is an expression or leaves the checkout."""
    where = ("defaults", "run", "working-directory")
    defaults = workflow.tree.node((*job.path, *where)) or workflow.tree.node(where)
    return _joined(".", step.working_directory or (str(defaults.value) if isinstance(defaults, ScalarNode) else "."))


def _joined(base: str | None, part: str) -> str | None:
    if base is None or re.search(r"[$`~*%\\]|^/|^[\"']?-$", part):
        return None
    path = normpath(f"{base}/{part.strip(chr(34) + chr(39))}")
    return None if path.startswith("..") else path


def _of_step(step: Step, folder: str | None) -> Iterator[Install]:
    script = re.sub(r"\\\n\s*", " ", step.run or "")
    nested = False
    for line in script.split("\n"):
        if re.match(r"\s*(if|for|while|case|until|function|select)\b|.*<<", line):
            nested = True  # from here on a command may not run at all
        here = folder
        for command in _SEPARATOR.split(line):
            words = _ASSIGNMENTS.sub("", command.strip())
            moved = re.fullmatch(r"(?:cd|pushd)\s+(\S+)", words)
            if moved:
                here = _joined(here, moved[1])
            elif here is not None and not nested:
                yield from _install(words, here, step)
        folder = here


def _install(command: str, folder: str, step: Step) -> Iterator[Install]:
    if "||" in command or command.startswith("#"):
        return
    for tool, pattern in _COMMANDS:
        match = pattern.match(command)
        if match is None:
            continue
        named = match.groupdict().get("folder") or next(iter(_FOLDER_OPTION.findall(match["rest"])), None)
        where = folder if named is None else _joined(folder, named)
        if where is not None:
            yield Install(tool, where, tuple(match["rest"].split()), step)
        return


def only_installs(step: Step) -> bool:
    """Whether a step does nothing but install packages, so that its time is the installs' time; builds of Java are more."""
    commands = [part.strip() for part in _SEPARATOR.split(re.sub(r"\\\n\s*", " ", step.run or "")) if part.strip()]
    kinds = [next((tool for tool, pattern in _COMMANDS if pattern.match(command)), None) for command in commands]
    rest = [command for command, kind in zip(commands, kinds, strict=True) if kind in (None, "maven", "gradle")]
    return bool(commands) and all(re.match(r"(cd|set|echo|pushd|popd)\b|#", command) for command in rest)


def inside(folder: str, name: str) -> str:
    """The path of a file that a command in `folder` calls `name`."""
    return normpath(f"{folder}/{name}")


def tools_mentioned(job: Job) -> frozenset[str]:
    """Words of all scripts of a job, to see that a tool is there before a step needs it."""
    return frozenset(word for step in job.steps for word in re.findall(r"[\w@.-]+", step.run or ""))
