"""
The two files that `trimtab init` writes: a commented trimtab.toml and a weekly workflow

Both are made from what the catalogue and this version know, so they cannot drift from it.
"""

from __future__ import annotations

from trimtab import __version__, catalogue
from trimtab.cli.manual import toml
from trimtab.report import figures

CONFIG_PATH = "trimtab.toml"
WORKFLOW_PATH = ".github/workflows/trimtab.yml"

# actions/checkout and actions/setup-python by commit, because a tag can be moved; the comment names the release that a
# person (or Dependabot, which reads it) compares with.
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"


def config() -> str:
    """A trimtab.toml in which every key stands as a comment with its default."""
    lines = [
        "# What Trimtab may know of this repository. Everything is optional; what is commented out shows its default.",
        "# No key names a program, a URL, a credential or a path outside the repository: those are refused.",
        "",
        '# The workflows that the KPIs call "the build"; empty means all of them.',
        '# build = [".github/workflows/ci.yml"]',
        "",
        "# How changes arrive: working-tree, branch or pull-request.",
        '# delivery = "working-tree"',
        "",
        "# Whether copies of the files before a change are committed with it (.github/workflows/backup).",
        "# backup-in-diff = false",
        "",
        "# For how many days a change is measured before it is settled one way or the other.",
        "# horizon-days = 28",
        "",
        "# The remote whose default branch the team works on.",
        '# remote = "origin"',
        "",
        "# Rules that find nothing here; `trimtab explain` lists them.",
        "# disabled = []",
        "",
        "# What to aim for.",
        "# [targets]",
    ]
    for id, kpi in catalogue.kpis().items():
        said = figures.in_unit(kpi.target, kpi.unit)
        lines.append(f"# {id} = {_number(kpi.target)}  # {said}, {kpi.better} is better. {catalogue.title(kpi)}")
    lines += [
        "",
        "# What serves your own runner labels: hosted, slim or self-hosted.",
        "# [runners]",
        '# big-box = "self-hosted"',
    ]
    for id, rule in catalogue.rules().items():
        if rule.settings:
            lines += ["", f"# {catalogue.title(rule)}.", f"# [rules.{id}]"]
            lines += [f"# {key.replace('_', '-')} = {toml(value)}" for key, value in rule.settings.items()]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """A number as TOML, thousands apart by underscores."""
    return f"{value:_.0f}" if value == round(value) else repr(value)


def workflow(slug: str | None) -> str:
    """
    A workflow that turns the loop once a week; with `slug` (owner/name) scheduled runs of forks are left out

    `contents: write` is for branches and the journal's ref, `pull-requests: write` for offering changes, `actions: read` for the
    run history. It starts by schedule and by hand only, so that no pull request can run it with these permissions. The minute
    is derived from the slug: schedules at full hours wait longest at GitHub. A change to files under .github/workflows
    needs a token that may write workflows, which GITHUB_TOKEN may not: hence the secret, with a clear fallback.
    """
    minute = 7 + sum((slug or "").encode()) % 46
    fork = "    # A fork has no history of its own worth turning on.\n"
    here = f"    if: github.repository == {_text(slug or '')} || github.event_name == 'workflow_dispatch'\n"
    guard = fork + here if slug else ""
    return f"""\
# One turn of Trimtab's loop every week: collect what ran, measure the changes under way, keep what helped, take back what
# did not, and offer at most one new safe change as a pull request. `trimtab pause` stops it, from anywhere.
name: Trimtab

on:
  schedule:
    - cron: "{minute} 4 * * 1"
  workflow_dispatch:

permissions: {{}}

concurrency:
  group: trimtab
  cancel-in-progress: false

jobs:
  turn:
{guard}    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      actions: read
      contents: write
      pull-requests: write
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
          # The token is given to the one step that needs it.
          persist-credentials: false
      - uses: {SETUP_PYTHON}
        with:
          python-version: "3.13"
      - run: python -m pip install "trimtab=={__version__}"
      - name: Turn the loop
        env:
          # GITHUB_TOKEN may not change workflow files. To have changes offered as pull requests, add the secret
          # TRIMTAB_TOKEN: a fine-grained token for this repository with read access to actions and write access to
          # contents, pull requests and workflows. Without it the loop still measures and reports.
          GH_TOKEN: ${{{{ secrets.TRIMTAB_TOKEN || github.token }}}}
          CAN_OFFER: ${{{{ secrets.TRIMTAB_TOKEN != '' }}}}
        run: |
          gh auth setup-git
          apply=0
          if [ "$CAN_OFFER" = true ]; then apply=1; fi
          trimtab loop --yes --apply "$apply" --delivery pull-request --format markdown >> "$GITHUB_STEP_SUMMARY"
"""


def _text(slug: str) -> str:
    """A string literal of GitHub's expression language."""
    return "'" + slug.replace("'", "''") + "'"
