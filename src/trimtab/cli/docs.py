"""
Writes docs/reference from the code: `python -m trimtab.cli.docs`; with --check it only says what is out of date, and exits 1

Nothing there is written by hand: commands come from argparse, rules and KPIs from their docstrings, the configuration from what
`trimtab init` prints, exit codes from `errors`. The pages do not depend on the version of Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path

from trimtab import catalogue, errors
from trimtab.cli import manual, options, templates
from trimtab.errors import EXIT_FAILED_ON, EXIT_FINE

FOLDER = Path("docs/reference")
HEAD = "<!-- Written by `python -m trimtab.cli.docs`; edit the code it comes from instead. -->\n\n"


def pages() -> dict[str, str]:
    """Each page by its file name."""
    made = {
        "commands.md": commands(),
        "rules.md": rules(),
        "kpis.md": kpis(),
        "configuration.md": configuration(),
        "exit-codes.md": exit_codes(),
    }
    return {name: HEAD + text.rstrip("\n") + "\n" for name, text in made.items()}


def commands() -> str:
    """Every verb with its options."""
    parts = ["# Commands\n", "Without a verb, `trimtab` shows the status. Results go to stdout, progress to stderr.\n"]
    everywhere = argparse.ArgumentParser(add_help=False)
    options.common(everywhere)
    common = {action.dest for action in everywhere._actions} - {"format"}
    parts += ["Everywhere:\n", *_rows(a for a in everywhere._actions if a.dest in common), ""]
    for name in options.names():
        verb = options.load(name)
        parser = options.parser_for(verb)
        own = [a for a in parser._actions if a.dest not in common and a.dest != "help"]
        title, _, text = cleandoc(verb.__doc__ or "").partition("\n")
        parts += [f"## trimtab {name}\n", f"{title}.\n"]
        parts += [text.strip() + "\n"] if text.strip() else []
        parts += [*_rows(own), ""]
    return "\n".join(parts)


def _rows(actions: Iterator[argparse.Action] | Sequence[argparse.Action]) -> list[str]:
    """One line of a list for each option."""
    return [f"- {_syntax(action)}: {action.help}" if action.help else f"- {_syntax(action)}" for action in actions]


def _syntax(action: argparse.Action) -> str:
    """ "`--format text|json`", "`--yes`", "`ID ...`"."""
    metavar = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    value = "" if action.nargs == 0 else str(metavar) + (" ..." if action.nargs in ("*", "+") else "")
    names = ", ".join(action.option_strings)
    return f"`{' '.join(part for part in (names, value) if part)}`"


def rules() -> str:
    """Every rule of Trimtab's own: title, manual, how risky, how measured, settings."""
    parts = [
        "# Rules\n",
        "A rule is silenced by `# trimtab: ignore[rule]` on the line, above it or at the head of the file, by `disabled` in"
        " trimtab.toml, or by `trimtab disable rule`.\n",
    ]
    for id, rule in catalogue.rules().items():
        if _ours(rule):
            parts += _entry(manual.rule_facts(id, rule))
    return "\n".join(parts)


def kpis() -> str:
    """Every KPI of Trimtab's own."""
    parts = ["# KPIs\n", "What was not measured is unknown, never good or bad. Targets can be set in trimtab.toml.\n"]
    for id, kpi in catalogue.kpis().items():
        if _ours(kpi):
            parts += _entry(manual.kpi_facts(id, kpi))
    return "\n".join(parts)


def _ours(entry: object) -> bool:
    """Whether an entry is Trimtab's own, not an installed package's: the pages must not depend on what is installed."""
    return str(getattr(entry, "__name__", "")).startswith("trimtab.")


def _entry(facts: dict[str, object]) -> list[str]:
    rows = [f"- {name}: {f'`{said}`' if name == 'setting' else said}" for name, said in manual.about(facts)]
    return [f"## {facts['id']}\n", f"**{facts['title']}.**\n", f"{facts['manual']}\n", *rows, ""]


def configuration() -> str:
    """trimtab.toml with every key, as `trimtab init` writes it."""
    return (
        "# trimtab.toml\n\n"
        "`trimtab init` writes this file; all of it is optional. An unknown key is an error that names the nearest known one."
        " The file comes with the repository, so it may not name a program, a URL, a credential or a path outside.\n\n"
        f"```toml\n{templates.config()}```\n"
    )


def exit_codes() -> str:
    """The table in `errors`, and which error gives which."""
    table = cleandoc(errors.__doc__ or "").partition("| exit |")[2].replace("finding|target", "finding\\|target")
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.TrimtabError)]
    rows = [f"- `{kind.__name__}` ({kind.exit_code}): {cleandoc(kind.__doc__ or '')}" for kind in kinds]
    return f"# Exit codes\n\n| exit |{table}\n\n## Errors\n\n" + "\n".join(rows) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or with --check compare them."""
    parser = argparse.ArgumentParser(prog="python -m trimtab.cli.docs", description=cleandoc(__doc__ or ""))
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    asked = parser.parse_args(argv)
    made = pages()
    stale = [n for n, text in made.items() if not (FOLDER / n).exists() or (FOLDER / n).read_text("utf-8") != text]
    stale += sorted(p.name for p in FOLDER.glob("*.md") if p.name not in made)
    if asked.check:
        for name in stale:
            print(f"{FOLDER / name} is out of date; run: python -m trimtab.cli.docs", file=sys.stderr)
        return EXIT_FAILED_ON if stale else EXIT_FINE
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in made:
            (FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
        print(f"{FOLDER / name}")
    return EXIT_FINE


if __name__ == "__main__":
    sys.exit(main())
