"""
Finds the verb in the words of a command line and builds its parser

A verb is a module in `verbs/`; its name is its file name, its help its docstring. Only the module of the verb that was typed is
imported. The options that every verb understands may stand before or after it.
"""

from __future__ import annotations

import argparse
import pkgutil
from importlib import import_module
from inspect import cleandoc
from typing import NoReturn, Protocol, cast

from trimtab.cli import verbs as _verbs
from trimtab.cli.terminal import Terminal
from trimtab.config import nearest
from trimtab.errors import UsageError
from trimtab.report.text import flowed

FORMATS = ("text", "json", "markdown", "github", "sarif")
DEFAULT = "status"
_TAKE_VALUE = ("-C", "--repo", "--format", "--fail-on")
_ORDER = (
    *("status", "init", "collect", "diagnose", "plan", "apply", "measure", "undo", "loop", "pause", "resume"),
    *("disable", "enable", "report", "explain", "backups", "demo"),
)


class Verb(Protocol):
    """What a module in `verbs/` offers; its docstring is its help."""

    __name__: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what only this verb understands."""

    def run(self, options: argparse.Namespace, terminal: Terminal) -> int:
        """Do it; returns the exit code."""


class Parser(argparse.ArgumentParser):
    """argparse, with errors that are ours and no abbreviations."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, "nothing was done", f"{self.prog} --help")


def names() -> tuple[str, ...]:
    """The verbs, in the order of the work."""
    found = {info.name for info in pkgutil.iter_modules(_verbs.__path__)}
    return (*(name for name in _ORDER if name in found), *sorted(found - set(_ORDER)))


def load(name: str) -> Verb:
    """The module of a verb."""
    return cast(Verb, import_module(f"{_verbs.__name__}.{name}"))


def find_verb(words: list[str]) -> tuple[Verb, list[str]]:
    """The verb and the words left for its parser; none means status. Raises UsageError for an unknown verb."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _TAKE_VALUE else 1
    if at >= len(words):
        return load(DEFAULT), words
    if words[at] not in names():
        raise UsageError(f'there is no "{words[at]}"', nearest(words[at], names()), "trimtab --help")
    return load(words[at]), words[:at] + words[at + 1 :]


def parser_for(verb: Verb) -> argparse.ArgumentParser:
    """The parser of one verb with the options that all understand."""
    name = verb.__name__.rpartition(".")[2]
    text = cleandoc(verb.__doc__ or "")
    parser = Parser(
        prog=f"trimtab {name}",
        description="\n".join(flowed(text)),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.arguments(parser)
    common(parser)
    return parser


def common(parser: argparse.ArgumentParser) -> None:
    """Where to work and how to answer."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("-C", dest="directory", metavar="DIR", default=".", help="work in DIR instead of here")
    group.add_argument(
        "--repo", metavar="OWNER/NAME", help="a repository on GitHub, read through your own gh; no clone needed"
    )
    if parser.get_default("format") is None:
        group.add_argument("--format", choices=("text", "json"), default="text", help="how to answer (default: text)")


def formats(parser: argparse.ArgumentParser, *names: str) -> None:
    """Offer these formats besides text and json."""
    parser.add_argument(
        "--format", choices=("text", "json", *names), default="text", help="how to answer (default: text)"
    )


def fail_on(parser: argparse.ArgumentParser) -> None:
    """`--fail-on`: what makes the exit code 1. Without it findings never do."""
    parser.add_argument(
        "--fail-on",
        choices=("finding", "target"),
        help="exit 1 when there is a finding, or when a KPI is known to miss its target",
    )


def title(verb: Verb) -> str:
    """The first line of its docstring."""
    return cleandoc(verb.__doc__ or "").partition("\n")[0]


def overview() -> str:
    """What `trimtab --help` says."""
    rows = [f"  {name:<10} {title(load(name))}" for name in names()]
    return "\n".join(
        [
            "usage: trimtab [VERB] [-C DIR] [--repo OWNER/NAME] [--format FORMAT] ...",
            "",
            "Small reversible changes to your GitHub Actions CI, kept only when your runs show that they help.",
            "",
            *rows,
            "",
            "trimtab VERB --help says more; trimtab --version tells the version. Without a verb: status.",
            "Exit codes: 0 fine, 1 what --fail-on asked for, 2 usage or configuration, 3 the world refused,",
            "4 a change did harm and was undone, 70 a bug in Trimtab, 130 interrupted.",
            "",
        ]
    )
