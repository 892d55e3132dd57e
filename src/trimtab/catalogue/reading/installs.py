"""
Where a job installs dependencies: read from its scripts, as far as that is certain

A cache key needs the lock file of the very folder in which the job installs. `found` follows `working-directory` (of the step,
the job and the workflow), a plain `cd`, and the tools' own folder options. Where a script does more than that (a condition,
a loop, a quote over several lines, a folder that is computed, a shell that is not a common one), the install is left out: a
missing cache is slow, a wrong one breaks the job.
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

    tool: str  # npm yarn pnpm pip maven gradle
    folder: str
    words: tuple[str, ...]
    step: Step


_COMMANDS = (
    ("npm", re.compile(r"npm\s+(?:ci|install|i|clean-install)(?!\S)(?P<rest>.*)")),
    ("npm", re.compile(r"npm\s+--prefix[= ](?P<folder>\S+)\s+(?:ci|install|i)(?!\S)(?P<rest>.*)")),
    ("yarn", re.compile(r"yarn(?:\s+--cwd[= ](?P<folder>\S+))?(?P<named>\s+install(?!\S))?(?P<rest>(?:\s+--\S+)*)$")),
    ("pnpm", re.compile(r"pnpm(?:\s+(?:-C|--dir)[= ](?P<folder>\S+))?\s+(?:install|i)(?!\S)(?P<rest>.*)")),
    ("pip", re.compile(r"(?:python[\d.]*\s+-m\s+|py\s+-m\s+)?pip[\d.]*\s+install(?!\S)(?P<rest>.*)")),
    ("maven", re.compile(r"(?:\./)?mvnw?(?:\.cmd)?\s(?P<rest>.*)")),
    ("gradle", re.compile(r"(?:\./)?gradlew?(?:\.bat)?\s(?P<rest>.*)")),
)
# With one of these a command downloads nothing, or not what the lock file says, or keeps it elsewhere.
_NOTHING = frozenset({
    "--version", "-v", "-version", "--help", "-h", "-?", "--dry-run", "--stop", "--status", "--offline", "-o",
    "--lockfile-only", "--package-lock-only", "--no-package-lock", "--no-lockfile", "--fix-lockfile",
})  # fmt: skip
_ELSEWHERE = (
    "--cache", "--no-cache", "--store", "--virtual-store", "--global-folder", "--mode", "--gradle-user-home",
    "-Dmaven.repo.local",
)  # fmt: skip
# Yarn installs when it is told nothing else; of its flags these are known to leave it at that.
_YARN = frozenset({
    "--frozen-lockfile", "--immutable", "--pure-lockfile", "--prefer-offline", "--silent", "--non-interactive", "--no-progress",
    "--ignore-scripts", "--ignore-engines", "--ignore-optional", "--check-files", "--inline-builds", "--verbose",
})  # fmt: skip
_IDLE = frozenset(
    {"help", "tasks", "projects", "properties", "wrapper", "init", "clean"}
)  # goals that need no packages
_VALUED = frozenset(
    {"-P", "-pl", "-f", "--file", "-s", "--settings", "-x", "-p", "--project-dir", "-I", "--init-script"}
)

_FOLDER_OPTION = re.compile(r"(?:^|\s)(?:--prefix|--cwd|--dir|-C)[= ](\S+)")
_ASSIGNMENTS = re.compile(r"^(?:[A-Z_][A-Z0-9_]*=\S*\s+)+")
_PLAIN_PATH = re.compile(r"[\w@+=.,/-]+")  # no glob, no variable, no URL, no backslash, no blank
_LONGEST_PATH = 500
_MOVED = re.compile(r"(?:cd|pushd)\s+(\S+)")
_MOVES = re.compile(r"(?<![\w./-])(?:cd|pushd|popd|chdir|sl|(?:Set|Push|Pop)-Location)(?![\w./-])", re.IGNORECASE)
_SHELLS = frozenset({"", "bash", "sh", "pwsh", "powershell", "cmd"})

_TOKEN = re.compile(
    r"""(?P<join>\\\n[ \t]*) | \\. | '[^'\n]*' | "(?:\\[^\n]|[^"\\\n])*" | (?P<open>['"])
    | (?P<comment>(?<!\S)\#[^\n]*) | (?P<end>&&|;|\n) | [^\\'"&;\n\#]+ | .""",
    re.VERBOSE,
)
# Words after which a command of the same script may not run, or not here.
_BLOCKS = frozenset({
    "if", "for", "foreach", "while", "case", "until", "function", "select", "try", "do", "exit", "return", "exec",
})  # fmt: skip
# What may stand before `&&` without being a condition.
_STEADY = frozenset({
    "cd", "pushd", "mkdir", "echo", "export", "set", "node", "npm", "yarn", "pnpm", "corepack", "python", "python3", "pip",
    "pip3", "java", "mvn", "./mvnw", "gradle", "./gradlew",
})  # fmt: skip


def found(workflow: Workflow, job: Job) -> tuple[Install, ...]:
    """The installs of a job that always happen (no `if` on the step) in a folder that is certain."""
    return tuple(
        install for step in job.steps if _is_read(workflow, job, step) for install in _of_step(workflow, job, step)
    )


def sure_commands(workflow: Workflow, job: Job, step: Step) -> tuple[str, ...]:
    """The commands of a step that always run, in one of the common shells, each with single blanks between its words."""
    if not _is_read(workflow, job, step):
        return ()
    return tuple(" ".join(command.split()) for command, sure in commands(step.run or "") if sure)


def _is_read(workflow: Workflow, job: Job, step: Step) -> bool:
    shell = step.shell or _default(workflow, job, "shell")
    return step.run is not None and step.condition is None and shell.strip() in _SHELLS


def _default(workflow: Workflow, job: Job, key: str) -> str:
    where = ("defaults", "run", key)
    node = workflow.tree.node((*job.path, *where)) or workflow.tree.node(where)
    return str(node.value) if isinstance(node, ScalarNode) else ""


def joined(base: str | None, part: str) -> str | None:
    """The folder or file that `part` names in the folder `base`; None when it is computed, outside, or too odd to be sure."""
    plain = part.strip("\"'")
    if base is None or len(base) + len(plain) > _LONGEST_PATH:
        return None
    if plain.startswith(("/", "-")) or not _PLAIN_PATH.fullmatch(plain):
        return None
    path = normpath(f"{base}/{plain}")
    return None if path.startswith("..") else path


def commands(script: str) -> Iterator[tuple[str, bool]]:
    """The commands of a script without comments, and whether each surely runs; what cannot be told apart is one command."""
    nested = doubted = False
    for command, end in _split(script):
        if not command:
            continue
        first = _ASSIGNMENTS.sub("", command).partition(" ")[0]
        nested = nested or first in _BLOCKS or command.endswith(("{", "(", "|", "`", "^")) or "<<" in command
        doubted = doubted or "||" in command
        yield command, not (nested or doubted or "\n" in command)
        doubted = end == "&&" and (doubted or first not in _STEADY)


def _split(script: str) -> Iterator[tuple[str, str]]:
    """Commands and what ends each; a quote that is open at the end of its line takes all the rest with it."""
    parts: list[str] = []
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "end":
            yield "".join(parts).strip(), token[0]
            parts.clear()
        elif token.lastgroup == "open":
            parts.append(script[token.start() :] + "\n")
            break
        elif token.lastgroup != "comment":
            parts.append(" " if token.lastgroup == "join" else token[0])
    rest = "".join(parts)
    yield rest if rest.endswith("\n") else rest.strip(), ""


def _of_step(workflow: Workflow, job: Job, step: Step) -> Iterator[Install]:
    here = joined(".", step.working_directory or _default(workflow, job, "working-directory") or ".")
    for command, sure in commands(step.run or ""):
        moved = _MOVED.fullmatch(command)
        if _MOVES.search(command):
            here = joined(here, moved[1]) if moved and sure else None
        elif sure and here is not None:
            yield from _install(command, here, step)


def _install(command: str, folder: str, step: Step) -> Iterator[Install]:
    tool, match = _recognised(command)
    if match is None:
        return
    named = match.groupdict().get("folder") or next(iter(_FOLDER_OPTION.findall(match["rest"])), None)
    where = folder if named is None else joined(folder, named)
    if where is not None:
        yield Install(tool, where, tuple(match["rest"].split()), step)


def _recognised(command: str) -> tuple[str, re.Match[str] | None]:
    """The tool that a command installs with and its match; None for a command that installs nothing."""
    bare = _ASSIGNMENTS.sub("", command)
    for tool, pattern in _COMMANDS:
        match = None if "\n" in bare else pattern.match(bare)
        if match is not None:
            words = match["rest"].split()
            bad = any(word in _NOTHING or word.startswith(_ELSEWHERE) for word in words)
            idle = tool in ("maven", "gradle") and not _has_goal(words)
            other = tool == "yarn" and match["named"] is None and not _YARN.issuperset(words)
            return tool, None if bad or idle or other else match
    return "", None


def _has_goal(words: list[str]) -> bool:
    """Whether Maven or Gradle are told to do something for which they need packages."""
    if "-g" in words:  # Gradle's home elsewhere
        return False
    goals = [word for before, word in zip(["", *words], words, strict=False) if before not in _VALUED]
    return any(not goal.startswith(("-", "help:", "wrapper:")) and goal not in _IDLE for goal in goals)


def is_install(command: str) -> bool:
    """Whether a command does nothing but install packages (or build, in Java)."""
    return "&" not in command and "|" not in command and _recognised(command)[1] is not None


def only_installs(step: Step) -> bool:
    """Whether a step does nothing but install packages, so that its time is the installs' time; builds of Java are more."""
    found = [command for command, _ in commands(step.run or "")]
    rest = [one for one in found if (kind := _recognised(one))[1] is None or kind[0] in ("maven", "gradle")]
    return bool(found) and all(re.match(r"(cd|set|echo|pushd|popd)\b", command) for command in rest)


def inside(folder: str, name: str) -> str:
    """The path of a file that a command in `folder` calls `name`."""
    return normpath(f"{folder}/{name}")


def tools_mentioned(job: Job) -> frozenset[str]:
    """Words of all scripts of a job, to see that a tool is there before a step needs it."""
    return frozenset(word for step in job.steps for word in re.findall(r"[\w@.-]+", step.run or ""))
