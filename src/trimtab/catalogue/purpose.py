"""
What a job is for: does it deliver something, or does it only look at the code?

A build that is cancelled, killed or served from a cache can be started again. A deployment or a release that stops half-way is
worse than a slow one, and a cache that an attacker filled must not end up in a release. So several rules ask here
first. The answer errs on one side: a word that may mean delivery counts as delivery, and the rule stays silent.
"""

from __future__ import annotations

import re
from functools import cache

from trimtab.workflow.model import Job, Step, Workflow

# Words in an action's name. Names, not a list of actions: new ones appear every week.
_ACTION = re.compile(
    r"publish|release|deploy|gh-?pages|/pages|configure-pages|upload-pages|attest|sign-?store|cosign|auto-?commit|add-and-commit"
    r"|push-action|github-push|create-pull-request|changesets/action|semantic|goreleaser|netlify|vercel|wrangler"
    r"|cloudflare|surge|heroku|flyctl|superfly|pulumi|terraform|hashicorp/|ssh-action|scp-action|rsync|ftp|argo"
    r"|npm-publish|chart-releaser|snapcraft|snapcore|google-play|app-store|testflight|fastlane|configure-aws-credentials"
    r"|google-github-actions/|azure/login|repository-dispatch|backport|cherry-?pick|auto-?merge|automerge|dependabot/"
)
_PUSHING = frozenset({"docker/build-push-action", "docker/bake-action"})

# Commands that change the world outside the runner. Each alternative starts at a word.
_SCRIPT = re.compile(
    r"""(?:^|[\s;&|(`"'])(?:
      (?:npm|yarn|pnpm|bun|lerna|changeset|poetry|uv|hatch|flit|maturin|cargo|vsce|ovsx|pdm|deno|jsr)\s(?:[^\n;|&]*\s)?(?:publish|release|upload)\b
    | semantic-release | twine\s+upload | gem\s+push | mix\s+hex\.publish | (?:dotnet\s+)?nuget\s+push | goreleaser
    | git\s+(?:-[^\n]*\s)?push | git-push | gh\s+release\s+(?:create|upload|edit|delete)
    | gh\s+(?:workflow\s+run|pr\s+(?:create|merge|close|edit|review))
    | docker\s+(?:image\s+|compose\s+|manifest\s+)?push | podman\s+push | [^\n]*--push\b
    | skopeo\s+copy | crane\s+(?:push|copy|tag) | oras\s+push | cosign\s
    | helm\s+(?:upgrade|push) | kubectl\s+(?:apply|set|rollout)
    | (?:terraform|tofu|terragrunt|pulumi|cdk|sls|serverless|sam|eksctl)\s
    | aws\s | gsutil\s | gcloud\s | az\s | fly(?:ctl)?\s+deploy
    | vercel\b | netlify\s | firebase\s | wrangler\s | heroku\s | surge\s
    | (?:mvn|\./mvnw)\s[^\n]*\bdeploy\b | (?:gradle|\./gradlew)\s[^\n]*(?:[pP]ublish|[rR]elease)
    | mkdocs\s+gh-deploy | mike\s+deploy | rsync\s[^\n]*@ | scp\s | ssh\s | ansible(?:-playbook)?\s
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_WRITES = ("contents", "packages", "deployments", "pages", "attestations")


def delivers(job: Job) -> str | None:
    """Why this job may change the world outside its runner ("deploys to production"), or None when nothing says so."""
    if job.environment is not None:
        return f"deploys to {job.environment}"
    if job.uses is not None:
        return f"calls {job.uses}" if _ACTION.search(_called(job.uses)) else None
    return next((reason for step in job.steps if (reason := step_delivers(step)) is not None), None)


def step_delivers(step: Step) -> str | None:
    """Why this step may publish, push, release or deploy, or None."""
    if step.run is not None:
        found = _script_delivers(step.run)
        return f"runs {found}" if found else None
    if step.uses is None:
        return None
    name = _called(step.uses)
    if name in _PUSHING:
        return f"{name} may push" if _may_push(step) else None
    return f"uses {name}" if _ACTION.search(name) else None


def holds_write_token(workflow: Workflow, job: Job) -> bool:
    """Whether `permissions` give this job the right to write code, packages, pages or deployments."""
    data = workflow.tree.data
    top = data.get("permissions") if isinstance(data, dict) else None
    own = at(data, *job.path, "permissions")
    granted = top if own is None else own
    if isinstance(granted, dict):
        return any(granted.get(scope) == "write" for scope in _WRITES)
    return granted == "write-all"


def at(data: object, *path: str | int) -> object:
    """The plain value at a path of nested dicts and lists, None when there is none."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def action_major(workflow: Workflow, step: Step) -> int | None:
    """
    The major version of the action that a step uses, None when nothing tells

    From the ref ("v4", "v4.1.0"), or, for a commit id, from the comment that pinning tools leave behind it ("# v4.1.0").
    """
    ref = step.ref or ""
    if re.fullmatch(r"[0-9a-f]{40}", ref):
        line = workflow.span((*step.path, "uses")).text
        found = re.search(r"#.*?\bv?(\d+)(?:\.\d+)*\b", line.partition(ref)[2])
    else:
        found = re.fullmatch(r"v?(\d+)(?:\.\d+)*", ref)
    return int(found[1]) if found else None


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
def _script_delivers(script: str) -> str | None:
    text = re.sub(r"\\\n\s*", " ", script)
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    found = _SCRIPT.search(text)
    return " ".join(found[0].strip(" \t\n;&|(`\"'").split()[:3]) if found else None
