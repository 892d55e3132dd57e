"""
Spoil real workflow files in the ways people do, and see what the validity rules make of it

    python bench/faults.py DIR [--files 400] [--seed 1]

DIR holds repositories with `.github/workflows`. Each fault is put into one file by itself; the rule that should see it is
asked, its change is made with all proofs, and the result is compared with the file before it was spoilt. Printed by kind of
fault: how often the change gave the same text, the same meaning, another meaning, or none was offered. Beside it the number
of findings of the same rules on the files as they are, which are taken to be good: false alarms.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from trimtab.catalogue import rules
from trimtab.catalogue.evidence import BrokenFile
from trimtab.errors import EditRefused, HostileFileError, ParseError
from trimtab.workflow.edits import edit
from trimtab.workflow.model import Workflow
from trimtab.workflow.prove import prove
from trimtab.workflow.read import read
from trimtab.workflow.tree import parse

PATH = ".github/workflows/ci.yml"
RULES = ("repair-syntax", "fix-unknown-needs", "fix-unknown-keys")
KEY = re.compile(r"\s+(?:- )?[\w-]+:")
TRIES = 40  # lines of a file tried until one makes a fault
CALLS = re.compile(r"uses:\s*[\"']?[.$]/")


def _first(pattern: str, new: str | Callable[[re.Match[str]], str]) -> Callable[[str], str | None]:
    """A fault that replaces the first match in a line; None where there is none."""
    found = re.compile(pattern)
    return lambda line: found.sub(new, line, count=1) if found.search(line) else None


FAULTS: dict[str, Callable[[str], str | None]] = {
    "tab in the indentation": _first(r"^  ", "\t"),
    "one space too many": lambda line: " " + line if KEY.match(line) else None,
    "one space too few": lambda line: line[1:] if line.startswith("  ") and KEY.match(line) else None,
    "quote not closed": _first(r"(: ['\"].*)['\"]$", r"\1"),
    "bracket not closed": _first(r"(\[.*)\]$", r"\1"),
    "no space behind a colon": _first(r"^(\s*(?:- )?[\w-]+): (?=\S)", r"\1:"),
    "no space behind a dash": _first(r"^(\s*)- (?=[A-Za-z])", r"\1-"),
    "no colon": _first(r"^(\s*[\w-]+):$", r"\1"),
    "need misspelt": _first(r"^(\s+needs: [\w-]*\w)([\w-])(\s*)$", r"\1\3"),
    "event misspelt": _first(r"^  pull_request:", "  pull-request:"),
    "job key misspelt": _first(r"^    (runs|timeout)-(on|minutes): ", r"    \1_\2: "),
    "step key misspelt": _first(r"^(\s+)(working)-(directory): ", r"\1\2_\3: "),
}


class Spoilt:
    """Just enough evidence for the validity rules: one file."""

    def __init__(self, data: bytes) -> None:
        self._good: tuple[Workflow, ...] = ()
        self._bad: tuple[BrokenFile, ...] = ()
        try:
            self._good = (read(PATH, data),)
        except ParseError as error:
            self._bad = (BrokenFile(PATH, data.decode("utf-8-sig"), error.what, error.line, error.column),)

    def workflows(self) -> tuple[Workflow, ...]:
        return self._good

    def broken(self) -> tuple[BrokenFile, ...]:
        return self._bad


def spoil(text: str, kind: str, rng: np.random.Generator) -> str | None:
    """The text with one fault of that kind in a line chosen at random; None when the fault would change nothing."""
    lines = text.split("\n")
    tried = 0
    for n in rng.permutation(len(lines)):
        if lines[n].lstrip().startswith("#"):
            continue
        new = FAULTS[kind](lines[n])
        if new is not None and new != lines[n]:
            spoilt = "\n".join([*lines[:n], new, *lines[n + 1 :]])
            tried += 1
            if _is_fault(spoilt):
                return spoilt
        if tried == TRIES:
            return None
    return None


def spoil_some(files: Sequence[Path], each: int, seed: int) -> dict[str, dict[str, tuple[bytes, bytes]]]:
    """
    By kind of fault, `each` copies of real files drawn at random: path -> (the file as it was, with the fault)

    A copy stands alone, so files that call something of their repository are left out: linters would complain of the rest.
    """
    rng = np.random.default_rng(seed)
    some: dict[str, dict[str, tuple[bytes, bytes]]] = {}
    for kind in FAULTS:
        made: dict[str, tuple[bytes, bytes]] = {}
        for index in rng.permutation(len(files)):
            if len(made) == each:
                break
            text = _good_text(files[index])
            spoilt = spoil(text, kind, rng) if text is not None and not CALLS.search(text) else None
            if text is not None and spoilt is not None:
                made[f".github/workflows/{len(made):02}-{files[index].name}"] = text.encode(), spoilt.encode()
        some[kind] = made
    return some


def _is_fault(text: str) -> bool:
    """Whether GitHub would refuse it: a tab in a script, say, is none."""
    return any(_findings(text.encode()))


def _findings(data: bytes) -> list[object]:
    evidence = Spoilt(data)
    return [f for id in RULES for f in rules()[id].find(evidence)]  # type: ignore[arg-type]


def outcome(good: str, spoilt: str) -> str:
    """How the rules' changes compare with the file as it was."""
    data = spoilt.encode()
    for id in RULES:
        for finding in rules()[id].find(Spoilt(data)):  # type: ignore[arg-type]
            if finding.change is None:
                continue
            try:
                edited = edit(data, finding.change)
            except EditRefused:
                return "refused"
            prove(finding.change, edited)
            data = edited.after
    if data == spoilt.encode():
        return "told only"
    if data == good.encode():
        return "same text"
    return "same meaning" if parse(data).data == parse(good.encode()).data else "another meaning"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    texts = _good_texts(options.dir)
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    began = time.process_time()
    for number, index in enumerate(rng.permutation(len(texts))[: options.files]):
        for kind in FAULTS:
            spoilt = spoil(texts[index], kind, rng)
            if spoilt is not None:
                table[kind][outcome(texts[index], spoilt)] += 1
        print(f"\r{number + 1} files", end="", file=sys.stderr)
    print(file=sys.stderr)
    _print(table, time.process_time() - began)
    alarms = sum(len(_findings(text.encode())) for text in texts)
    print(f"\n{alarms} findings of {', '.join(RULES)} on {len(texts)} files as they are")


def _good_texts(folder: Path) -> list[str]:
    paths = sorted(folder.glob("*/.github/workflows/*.y*ml"))
    return [text for path in paths if path.is_file() and (text := _good_text(path)) is not None]


def _good_text(path: Path) -> str | None:
    """A file's text when it can be parsed, else None."""
    data = path.read_bytes()
    try:
        parse(data)
    except (ParseError, HostileFileError):
        return None
    return data.decode("utf-8-sig")


def _print(table: dict[str, Counter[str]], seconds: float) -> None:
    columns = ("same text", "same meaning", "another meaning", "told only", "refused")
    print(f"| fault | n | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for kind, counts in table.items():
        print(f"| {kind} | {sum(counts.values())} | {' | '.join(str(counts[c]) for c in columns)} |")
    total = sum(sum(counts.values()) for counts in table.values())
    print(f"\n{total} faults in {seconds:.0f} s CPU")


if __name__ == "__main__":
    main()
