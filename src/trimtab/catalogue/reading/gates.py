"""
The gate: a small job that asks which files a pull request touches, and says which jobs may be left out

Written for `rules/gate_unaffected_jobs.py`. The Python side (`skips`) and the Bash side (the script) say the same in two
languages; a test runs the script on the same files. Whatever goes wrong in the script leaves every gate open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trimtab.model import Data
from trimtab.workflow.model import Job, Workflow

NAME = "changes"
TOP_TEXTS = r"^[^/]+\.(md|rst)$|^\.github/([^/]+\.md$|ISSUE_TEMPLATE/)"
DOCS = r"^docs/|" + TOP_TEXTS


@dataclass(frozen=True, slots=True)
class Gate:
    """
    One output of the gate job, and the root jobs that listen to it

    `skips` says whether a change of these files leaves the jobs out. `folder` is the only top folder that they work in,
    "" for jobs that may depend on any file but documentation; `docs` is the pattern of documentation.
    """

    output: str
    jobs: tuple[str, ...]
    skips: Callable[[Sequence[str]], bool]
    docs: str
    folder: str = ""


def documentation_gate(jobs: tuple[str, ...], docs: str) -> Gate:
    """Leaves its jobs out when every file is documentation."""
    is_docs = re.compile(docs).search
    return Gate("code", jobs, lambda files: all(map(is_docs, files)), docs)


def folder_gate(folder: str, jobs: tuple[str, ...], docs: str) -> Gate:
    """Leaves its jobs out when no file but documentation is in the folder, in the root or in .github."""
    relevant, is_docs = re.compile(_relevant(folder)).search, re.compile(docs).search
    output = "in_" + re.sub(r"[^A-Za-z0-9_]", "_", folder)
    return Gate(output, jobs, lambda files: not any(relevant(f) and not is_docs(f) for f in files), docs, folder)


def _relevant(folder: str) -> str:
    """Files of the folder, of the repository's root (locks, settings) and of .github."""
    return rf"^({folder.replace('.', '[.]')}|[.]github)/|^[^/]+$"


def gate_job(workflow: Workflow, gates: Sequence[Gate], model: Job) -> Mapping[str, Data]:
    """The job as plain data; `model` is one of the gated jobs, whose runner it takes if no job runs on ubuntu."""
    step: dict[str, Data] = {"id": "look", "shell": "bash"}
    if workflow.tree.node(("defaults", "run", "working-directory")) is not None:
        step["working-directory"] = "${{ github.workspace }}"  # nothing is checked out, so no other folder exists
    step["env"] = {"GH_TOKEN": "${{ github.token }}", "PULL_REQUEST": "${{ github.event.pull_request.number }}"}
    step["run"] = _script(gates)
    hosted = any(label.startswith("ubuntu-") for job in workflow.jobs.values() for label in job.runs_on)
    return {
        "runs-on": "ubuntu-latest" if hosted or not model.runs_on else _labels(model),
        "timeout-minutes": 5,
        "permissions": {"pull-requests": "read"},
        "outputs": {g.output: f"${{{{ steps.look.outputs.{g.output} }}}}" for g in gates},
        "steps": [step],
    }


def _labels(job: Job) -> Data:
    return job.runs_on[0] if len(job.runs_on) == 1 else list(job.runs_on)


def _script(gates: Sequence[Gate]) -> str:
    """
    Bash that sets each output; whatever goes wrong leaves it "true"

    No pipes: under `pipefail`, a reader that stops early turns "found" into "failed". GitHub lists at most 3000 files.
    """
    outputs = [g.output for g in gates]
    lines = [
        "# Everything runs, unless this is a pull request whose complete list of files says otherwise.",
        'files=""',
        'if [ -n "$PULL_REQUEST" ]; then',
        '  files=$(gh api --paginate "repos/$GITHUB_REPOSITORY/pulls/$PULL_REQUEST/files" \\',
        "    --jq '.[] | .filename, (.previous_filename // empty)') || files=\"\"",
        "fi",
        f"docs='{gates[0].docs}'",
        *(f"{g.output}_files='{_relevant(g.folder)}'" for g in gates if g.folder),
        *(f"{name}=false" for name in outputs),
        "count=0",
        "while IFS= read -r file; do",
        "  count=$((count + 1))",
        "  if [[ $file =~ $docs ]]; then continue; fi",
        *(
            f"  if [[ $file =~ ${g.output}_files ]]; then {g.output}=true; fi" if g.folder else "  code=true"
            for g in gates
        ),
        'done <<< "$files"',
        'if [ -z "$files" ] || [ "$count" -ge 3000 ]; then',
        *(f"  {name}=true" for name in outputs),
        "fi",
        *(f'echo "{name}=${name}" >> "$GITHUB_OUTPUT"' for name in outputs),
    ]
    return "\n".join(lines) + "\n"
