"""
What a job is for: does it deliver something, or does it only look at the code?

A build that is cancelled, killed or served from a cache can be started again. A deployment or a release that stops half-way is
worse than a slow one, and a cache that an attacker filled must not end up in a release. So several rules ask here
first. The answer errs on one side: a word that may mean delivery counts as delivery, and the rule stays silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from yaml.nodes import ScalarNode

from trimtab.catalogue.evidence import Evidence
from trimtab.workflow.model import Job, Step, Workflow
from trimtab.workflow.tree import child

# Words in an action's name. Names, not a list of actions: new ones appear every week.
_ACTION = re.compile(
    r"publish|release|deploy|gh-?pages|/pages|configure-pages|upload-pages|attest|sign-?store|cosign|auto-?commit|add-and-commit"
    r"|push-action|github-push|create-pull-request|changesets/action|semantic|goreleaser|netlify|vercel|wrangler"
    r"|cloudflare|surge|heroku|flyctl|superfly|pulumi|terraform|hashicorp/|ssh-action|scp-action|rsync|ftp|argo"
    r"|npm-publish|chart-releaser|upload(?!-artifact|-sarif|-code)|blob|s3-|github-action-benchmark|docker/login"
    r"|snapcraft|snapcore|google-play|app-store|testflight|fastlane|configure-aws-credentials"
    r"|google-github-actions/|azure/login|repository-dispatch|backport|cherry-?pick|auto-?merge|automerge|dependabot/|renovate"
)
_PUSHING = frozenset({"docker/build-push-action", "docker/bake-action"})

# Commands that change the world outside the runner. Each alternative starts at a word.
_SCRIPT = re.compile(
    r"""(?:^|[\s;&|(`"'])(?:
      semantic-release | twine\s+upload | gem\s+push | mix\s+hex\.publish | (?:dotnet\s+)?nuget\s+push | goreleaser
    | git\s+push | git-push | gh\s+release\s+(?:create|upload|edit|delete)
    | gh\s+(?:workflow\s+run|pr\s+(?:create|merge|close|edit|review))
    | docker\s+(?:image\s+|compose\s+|manifest\s+)?push | podman\s+push
    | skopeo\s+copy | crane\s+(?:push|copy|tag) | oras\s+push | cosign\s
    | helm\s+(?:upgrade|push) | kubectl\s+(?:apply|set|rollout)
    | (?:terraform|tofu|terragrunt|pulumi|cdk|sls|serverless|sam|eksctl)\s
    | aws\s | gsutil\s | gcloud\s | az\s | fly(?:ctl)?\s+deploy
    | vercel\b | netlify\s | firebase\s | wrangler\s | heroku\s | surge\s
    | mkdocs\s+gh-deploy | mike\s+deploy | scp\s | ssh\s | ansible(?:-playbook)?\s
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# Commands with anything between their first word and the one that tells. Kept apart: a single expression would look for the
# second word anew at each repetition of the first. For each: the characters that end it, and the second word.
_BEGINNING = re.compile(
    r"""(?:^|[\s;&|(`"'])(?:
      (?P<package>npm|yarn|pnpm|bun|lerna|changeset|poetry|uv|hatch|flit|maturin|cargo|vsce|ovsx|pdm|deno|jsr|pixi)(?=\s)
    | (?P<git>git)\s+(?=-) | (?P<maven>mvn|\./mvnw)(?=\s) | (?P<gradle>gradle|\./gradlew)(?=\s) | (?P<rsync>rsync)(?=\s)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_REST = {
    "package": (re.compile(r"[\n;|&]"), re.compile(r"(?<=\s)(?:publish|release|upload)\b", re.IGNORECASE)),
    "git": (re.compile(r"\n"), re.compile(r"(?<=\s)push", re.IGNORECASE)),
    "maven": (re.compile(r"\n"), re.compile(r"\bdeploy\b", re.IGNORECASE)),
    "gradle": (re.compile(r"\n"), re.compile(r"(?:publish|release)\w*", re.IGNORECASE)),
    "rsync": (re.compile(r"\n"), re.compile(r"@")),
}
_OVER_THE_END = ("package", "git")  # the second word may also begin the next line
_PUSH = re.compile(r"--push\b", re.IGNORECASE)
# The first words of those commands: most scripts hold none of them, and a set is quicker to ask than the expression.
_TOOLS = frozenset({
    "npm", "yarn", "pnpm", "bun", "lerna", "changeset", "poetry", "uv", "hatch", "flit", "maturin", "cargo", "vsce",
    "ovsx", "pdm", "deno", "jsr", "pixi", "semantic-release", "twine", "gem", "mix", "nuget", "dotnet", "goreleaser",
    "git", "git-push", "gh", "docker", "podman", "skopeo", "crane", "oras", "cosign", "helm", "kubectl", "terraform",
    "tofu", "terragrunt", "pulumi", "cdk", "sls", "serverless", "sam", "eksctl", "aws", "gsutil", "gcloud", "az", "fly",
    "flyctl", "vercel", "netlify", "firebase", "wrangler", "heroku", "surge", "mvn", "./mvnw", "gradle", "./gradlew",
    "mkdocs", "mike", "rsync", "scp", "ssh", "ansible", "ansible-playbook",
})  # fmt: skip
_OPENED = str.maketrans(dict.fromkeys("\t\n;&|(`\"'", " "))
_MAX_LINE = 2000  # characters of a line that a person can follow; 2 of 1,684 real files have longer ones
_GENERATED = re.compile(
    r"\b(?:auto-?generated|automatically generated|generated automatically|generated (?:by|from|with|file))\b"
    r"|\bnot (?:be )?(?:\w+ )?(?:edit(?:ed)?|modif(?:y|ied)|change(?:d)?)\b",
    re.IGNORECASE,
)
# "Release", "publish-docs", "nightly_deploy": a name that begins or ends with such a word says what it is for.
_NAMED = re.compile(
    r"^(?:re)?(?:release|publish|deploy|upload)|(?:release|releases|publish|deploy|deployment|upload)$", re.I
)
_STEP_NAMED = re.compile(r"^(?:deploy|publish)\b", re.I)
_SCRIPTED = re.compile(
    r"createRelease|uploadReleaseAsset|createDeployment|pulls\.merge|imagetools|createWorkflowDispatch|createDispatch"
)
_WRITES = ("contents", "packages", "deployments", "pages", "attestations")


def own_files(evidence: Evidence) -> tuple[Workflow, ...]:
    """The workflows that people write by hand: what a generator wrote, it would write again without the edit."""
    return tuple(workflow for workflow in evidence.workflows() if not is_generated(workflow))


def is_generated(workflow: Workflow) -> bool:
    """Whether the file's name (`ci.generated.yml`, `x.lock.yml`) or its opening comment says that a tool writes it."""
    if workflow.path.rpartition("/")[2].rsplit(".")[-2:-1] in (["generated"], ["lock"]):
        return True
    if not workflow.tree.text.startswith(("#", "\n", " ")):
        return False
    opening = workflow.tree.text[: workflow.tree.root.start_mark.index]
    return _GENERATED.search(opening) is not None and "originally" not in opening.lower()


def delivers(job: Job) -> str | None:
    """
    Why this job may change the world outside its runner ("deploys to production"), or None when nothing says so

    A called workflow is judged by its name; `called_deliver` looks into it.
    """
    if job.environment is not None:
        return f"deploys to {job.environment}"
    if named_for_delivery(job):
        return f"is called {job.name or job.id}"
    if job.uses is not None:
        return f"calls {job.uses}" if _action_delivers(_called(job.uses)) else None
    return next((reason for step in job.steps if (reason := step_delivers(step)) is not None), None)


def is_switched_off(job: Job) -> bool:
    """Whether the job's `if` is a plain false: nothing in it ever runs, so nothing in it is worth an edit."""
    return (job.condition or "").replace(" ", "").lower() in ("false", "${{false}}")


def named_for_delivery(job: Job) -> bool:
    """Whether the job's id or name says that it releases, publishes, deploys or uploads."""
    return _NAMED.search(job.id) is not None or _NAMED.search(job.name or "") is not None


def is_for_delivery(workflow: Workflow) -> bool:
    """Whether the whole workflow is there to release, publish or deploy: by its trigger, its name or its file's name."""
    if "release" in workflow.events or "deployment" in workflow.events:
        return True
    file = workflow.path.rpartition("/")[2].rpartition(".")[0]
    return _NAMED.search(file) is not None or _NAMED.search((workflow.name or "").strip()) is not None


def callees(job: Job, files: Mapping[str, Workflow]) -> tuple[Workflow, ...] | None:
    """The workflows that a job calls, and those that they call; None when one of them cannot be seen (another repository's)."""
    found: dict[str, Workflow] = {}
    waiting = [job]
    while waiting:
        uses = waiting.pop().uses
        if uses is None:
            continue
        path = uses.removeprefix("./")
        if not uses.startswith("./") or path not in files:
            return None
        if path not in found:
            found[path] = files[path]
            waiting += files[path].jobs.values()
    return tuple(found.values())


def called_deliver(job: Job, files: Mapping[str, Workflow]) -> bool:
    """Whether a workflow that this job calls may deliver something, or cannot be seen."""
    called = callees(job, files)
    return called is None or any(
        delivers(inner) is not None or holds_write_token(workflow, inner)
        for workflow in called
        for inner in workflow.jobs.values()
    )


def step_delivers(step: Step) -> str | None:
    """Why this step may publish, push, release or deploy, or None."""
    if step.run is not None:
        if _STEP_NAMED.search(step.name or ""):
            return f"has a step called {step.name}"
        found = _script_delivers(step.run)
        return f"runs {found}" if found else None
    if step.uses is None:
        return None
    name = _called(step.uses)
    if name in _PUSHING:
        return f"{name} may push" if _may_push(step) else None
    if name == "actions/github-script":
        script = step.inputs.get("script", "")
        return "runs a script that releases" if _SCRIPTED.search(script) or _script_delivers(script) else None
    return f"uses {name}" if _action_delivers(name) else None


def holds_write_token(workflow: Workflow, job: Job) -> bool:
    """Whether `permissions` give this job the right to write code, packages, pages or deployments."""
    node = workflow.tree.node((*job.path, "permissions")) or workflow.tree.node(("permissions",))
    if isinstance(node, ScalarNode):
        return str(node.value) == "write-all"
    granted = {scope for scope in _WRITES if (held := child(node, scope)) is not None and held.value == "write"}
    return bool(granted)


def action_major(workflow: Workflow, step: Step) -> int | None:
    """The major version of the action that a step uses, None when nothing tells."""
    version = action_version(workflow, step)
    return version[0] if version else None


def action_version(workflow: Workflow, step: Step) -> tuple[int, ...]:
    """
    The version of the action that a step uses, as far as it is told: (4,) for "v4", (4, 1, 2) for "v4.1.2", () for nothing

    From the ref, or, for a commit id, from the comment that pinning tools leave behind it ("# v4.1.0").
    """
    ref = step.ref or ""
    if re.fullmatch(r"[0-9a-f]{40}", ref):
        line = workflow.span((*step.path, "uses")).text
        found = re.search(r"\bv?(\d+(?:\.\d+)*)\b", line.partition(ref)[2].partition("#")[2])
    else:
        found = re.fullmatch(r"v?(\d+(?:\.\d+)*)", ref)
    return tuple(int(part[:9]) for part in found[1].split(".")) if found else ()


def source(workflow: Workflow, job: Job) -> str:
    """The text of one job as it stands in the file (to its last line, perhaps with the comments behind it)."""
    node = workflow.tree.node(job.path)
    if node is None:
        return ""
    return workflow.tree.text[node.start_mark.index : node.end_mark.index]


def _called(uses: str) -> str:
    """The path of an action or workflow without its ref; for one of this repository the last two folders."""
    return uses.partition("@")[0].lower().removeprefix("./").removeprefix(".github/")


def _may_push(step: Step) -> bool:
    if step.inputs.get("push", "false").lower() != "false":
        return True
    outputs = " ".join(step.inputs.get(key, "") for key in ("outputs", "set", "*.output"))
    return "push=true" in outputs or "type=registry" in outputs


@cache
def _action_delivers(name: str) -> bool:
    return _ACTION.search(name) is not None


@cache
def _script_delivers(script: str) -> str | None:
    if _TOOLS.isdisjoint(script.lower().translate(_OPENED).split()) and "--push" not in script:
        return None
    text = re.sub(r"\\\n\s*", " ", script)
    text = re.sub(r"(?m)^[ \t]*#.*$", "", text)
    if max(map(len, text.split("\n"))) > _MAX_LINE:
        return "a line too long to read"
    short = _SCRIPT.search(text)
    found = [] if short is None else [short.span()]
    start, end = min([*found, *_long_commands(text)], default=(0, 0))
    return " ".join(text[start:end].strip(" \t\n;&|(`\"'").split()[:3]) or None


def _long_commands(text: str) -> Iterator[tuple[int, int]]:
    """Where the first of the commands with something in between stand; each part of the text is read once for each kind."""
    pushed = _PUSH.search(text)
    if pushed is not None:
        yield text.rfind("\n", 0, pushed.start()) + 1, pushed.end()
    read: dict[str, int] = {}
    for begun in _BEGINNING.finditer(text):
        kind = str(begun.lastgroup)
        if begun.end() < read.get(kind, 0):
            continue
        ends, word = _REST[kind]
        stop = ends.search(text, begun.end() + 1)
        end = stop.start() if stop else len(text)
        found = word.search(text, begun.end() + 1, end)
        if found is None and kind in _OVER_THE_END and text[end : end + 1] == "\n":
            found = word.match(text, end + 1)
        if found is not None:
            yield begun.start(), found.end()
            return
        read[kind] = end
