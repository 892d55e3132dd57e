"""
GitHub through the user's own `gh`: what it is signed in to, with its credentials, which Trimtab never sees

Every request is one `gh api --include`, whose output starts with the status line and headers. Facts of the API that shaped
this: `filter=all` lists the jobs of every attempt; a list of runs with any filter ends after 1,000 results; `updated_at` is a
run's only end; lists are newest first, so that new runs only ever push old ones to later pages (duplicates, never gaps);
a primary limit answers 403 or 429 with `x-ratelimit-remaining: 0`, a secondary one with `retry-after`.
(docs.github.com: REST API, "Workflow runs", "Workflow jobs", "Rate limits".)
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from urllib.parse import quote, urlencode

from trimtab.errors import RateLimited, RefusedError
from trimtab.model import Job, Run, Unknown
from trimtab.world import rest
from trimtab.world.process import Done, run

PAGE = 100
RETRIES = (1.0, 2.0, 4.0)  # seconds before asking again after a 5xx
LONGEST_WAIT = 60.0  # a secondary limit that asks for more ends this collection; the next one resumes


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, headers in lower case, the JSON value (None for an empty body)."""

    status: int
    headers: Mapping[str, str]
    body: object


@dataclass(frozen=True, slots=True)
class Gone(Unknown):
    """What GitHub does not have, or no longer (404, 410): asking again later brings no other answer."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    number: int
    url: str
    state: str  # "open", "merged" or "closed"
    head: str  # branch name


@dataclass(slots=True)
class Meter:
    """How many requests may still be made, and how many were."""

    budget: int
    used: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def left(self) -> int:
        return max(self.budget - self.used, 0)

    def count(self) -> None:
        with self.lock:
            self.used += 1


@dataclass(frozen=True, slots=True)
class Hub:
    """One repository (`slug` "owner/name") on one GitHub host. `meter` bounds requests; `sleep` is the clock to wait by."""

    slug: str
    host: str = "github.com"
    meter: Meter = field(default_factory=lambda: Meter(500))
    sleep: Callable[[float], None] = time.sleep

    # ------------------------------------------------------------------------------------ asking

    def get(self, path: str, **query: str | int) -> Answer | Unknown:
        """
        GET repos/SLUG/`path`; Unknown for 403 (no permission), Gone for 404 and 410 (no such thing)

        Raises RateLimited, and RefusedError when gh is missing, not signed in, offline, or GitHub keeps failing.
        """
        return self._send("GET", path, query, None)

    def pages(self, path: str, key: str, **query: str | int) -> Iterator[list[Mapping[str, object]]]:
        """The lists under `key`, page by page, until a page is not full. Raises RefusedError for a page that is refused."""
        for page in range(1, 1_000_000):
            answer = self.get(path, per_page=PAGE, page=page, **query)
            if isinstance(answer, Unknown):
                raise RefusedError(
                    answer.why, "what was collected so far is kept, what is missing is not known", answer.command
                )
            items = _items(answer, key)
            if items:
                yield items
            if len(items) < PAGE:
                return

    def _send(self, method: str, path: str, query: Mapping[str, str | int], body: object | None) -> Answer | Unknown:
        url = f"repos/{self.slug}{'/' + path if path else ''}" + (f"?{urlencode(query)}" if query else "")
        argv = ["gh", "api", "--include", "--method", method, "--hostname", self.host, url]
        argv += ["--header", "Accept: application/vnd.github+json"] + (["--input", "-"] if body is not None else [])
        stdin = json.dumps(body).encode() if body is not None else None
        for wait in (*RETRIES, 0.0):
            self.meter.count()
            done = run(argv, stdin=stdin, timeout=120)
            answer = _answer(done)
            if answer is None:
                raise _unreachable(done, self.host)
            if answer.status < 400:
                return answer
            if answer.status == 401:
                raise RefusedError(
                    f"{self.host} does not accept gh's credentials (401)", "nothing was read", "gh auth login"
                )
            pause = _limited(answer, self.host)
            if not pause and answer.status < 500:
                return _refused(answer, url)
            self.sleep(pause or wait)
        raise RefusedError(
            f"GitHub refused {len(RETRIES) + 1} requests in a row for {url}",
            f"the last answer was {done.text.partition(chr(10))[0].strip()}; what was collected so far is kept",
            "run the same command again later",
        )

    # ------------------------------------------------------------------------------------ runs and jobs

    def runs(self, **query: str | int) -> Iterator[tuple[list[Run], list[str]]]:
        """Pages of runs, newest first, as they stand now (their latest attempt), each with what could not be read."""
        for page in self.pages("actions/runs", "workflow_runs", **query):
            yield _runs(page)

    def run(self, run_id: int, attempt: int) -> Run | Unknown:
        """One attempt of a run; an earlier attempt has its own conclusion and times."""
        answer = self.get(f"actions/runs/{run_id}/attempts/{attempt}")
        if isinstance(answer, Unknown):
            return answer
        found, problems = _runs([answer.body] if isinstance(answer.body, Mapping) else [])
        return (
            found[0] if found else Unknown(f"attempt {attempt} of run {run_id}: {', '.join(problems) or 'no object'}")
        )

    def jobs(self, run: Run) -> tuple[Job, ...] | Unknown:
        """
        The jobs of every attempt of a run, all of them or Unknown

        Gone when GitHub no longer has them, or one of them cannot be read.
        """
        found: list[Job] = []
        for page in range(1, 1_000):
            answer = self.get(f"actions/runs/{run.id}/jobs", filter="all", per_page=PAGE, page=page)
            if isinstance(answer, Unknown):
                return answer
            items = _items(answer, "jobs")
            try:
                found += [rest.job_of(item, run.id, run.attempt) for item in items]
            except (ValueError, OverflowError) as error:
                return Gone(f"a job of run {run.id} cannot be read: {error}")
            if len(items) < PAGE:
                break
        return tuple(found)

    def notes(self, job: Job) -> Job:
        """The job with the texts of its annotations, where a time limit or a lost runner is told."""
        answer = self.get(f"check-runs/{job.id}/annotations", per_page=PAGE)
        return replace(job, notes=tuple(rest.sound(str(item.get("message") or "")) for item in _items(answer, "")))

    # ------------------------------------------------------------------------------------ the repository

    def default_branch(self) -> str | Unknown:
        answer = self.get("")
        if isinstance(answer, Unknown):
            return answer
        told = answer.body.get("default_branch") if isinstance(answer.body, Mapping) else None
        return str(told) if told else Unknown(f"GitHub names no default branch of {self.slug}")

    def required_checks(self, branch: str) -> frozenset[str] | Unknown:
        """
        Names of the checks that `branch` requires, from rulesets and from branch protection

        Unknown when either may not be read: half an answer would call a required check free.
        """
        names: set[str] = set()
        rules = self.get(f"rules/branches/{quote(branch, safe='')}", per_page=PAGE)
        protection = self.get(f"branches/{quote(branch, safe='')}")
        if isinstance(rules, Unknown):
            return rules
        if isinstance(protection, Unknown):
            return protection
        for rule in _items(rules, ""):
            parameters = rule.get("parameters")
            listed = parameters.get("required_status_checks") if isinstance(parameters, Mapping) else None
            names |= {str(check.get("context")) for check in listed or () if isinstance(check, Mapping)}
        body = protection.body if isinstance(protection.body, Mapping) else {}
        guarded = body.get("protection")
        checks = guarded.get("required_status_checks") if isinstance(guarded, Mapping) else None
        if isinstance(checks, Mapping):
            names |= {str(name) for name in checks.get("contexts") or ()}
        return frozenset(names)

    def file(self, path: str, ref: str) -> tuple[str, bytes] | Unknown:
        """(git blob id, bytes) of a file at a ref; Unknown when it is not there or over 1 MiB."""
        answer = self.get(f"contents/{quote(path)}", ref=ref)
        if isinstance(answer, Unknown):
            return answer
        told = answer.body if isinstance(answer.body, Mapping) else {}
        if told.get("type") != "file" or told.get("encoding") != "base64":
            return Unknown(f"{path} at {ref} is no file of at most 1 MiB")
        return str(told.get("sha")), base64.b64decode(str(told.get("content")))

    def folder(self, path: str, ref: str) -> Mapping[str, str] | Unknown:
        """Blob ids of the files directly in a folder at a ref, by path."""
        answer = self.get(f"contents/{quote(path)}", ref=ref)
        if isinstance(answer, Unknown):
            return answer
        items = answer.body if isinstance(answer.body, list) else []
        return {str(i["path"]): str(i["sha"]) for i in items if isinstance(i, Mapping) and i.get("type") == "file"}

    # ------------------------------------------------------------------------------------ pull requests

    def open_pull_request(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request from branch `head`; when one is open already it is returned. Raises RefusedError."""
        told = {"head": head, "base": base, "title": title, "body": body}
        answer = self._send("POST", "pulls", {}, told)
        if isinstance(answer, Answer) and isinstance(answer.body, Mapping):
            return _pull(answer.body)
        for pull in self._open_pulls(head):
            return pull
        why = answer.why if isinstance(answer, Unknown) else "the answer was no pull request"
        raise RefusedError(
            f"GitHub opened no pull request for {head}: {why}",
            "the branch is pushed; nothing else was changed",
            f"gh pr create --repo {self.slug} --head {head} --base {base}",
        )

    def close_pull_request(self, head: str) -> int | None:
        """Close the open pull request from branch `head`; its number, None when there is none. Raises RefusedError."""
        for pull in self._open_pulls(head):
            answer = self._send("PATCH", f"pulls/{pull.number}", {}, {"state": "closed"})
            if isinstance(answer, Unknown):
                raise RefusedError(
                    f"pull request {pull.number} stays open: {answer.why}",
                    "merging it would bring the change after all",
                    f"gh pr close {pull.number} --repo {self.slug}",
                )
            return pull.number
        return None

    def _open_pulls(self, head: str) -> list[PullRequest]:
        owner = self.slug.partition("/")[0]
        found = self.get("pulls", head=f"{owner}:{head}", state="open", per_page=PAGE)
        return [_pull(item) for item in _items(found, "")]

    def pull_request(self, number: int) -> PullRequest | Unknown:
        """Where a pull request stands now."""
        answer = self.get(f"pulls/{number}")
        if isinstance(answer, Unknown):
            return answer
        return _pull(answer.body) if isinstance(answer.body, Mapping) else Unknown(f"no pull request {number}")


# ------------------------------------------------------------------------------------ reading what gh printed


def _answer(done: Done) -> Answer | None:
    """The answer that `gh api --include` printed; None when it printed none (gh itself failed)."""
    head, _, body = done.out.replace(b"\r\n", b"\n", 60).partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    words = lines[0].split()
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        return None
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    try:
        value = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        value = None
    return Answer(int(words[1]), headers, value)


def _unreachable(done: Done, host: str) -> RefusedError:
    if "gh auth login" in done.complaint or done.code == 4:
        return RefusedError(
            f"gh is not signed in to {host}",
            "Trimtab asks GitHub through your own gh and keeps no token",
            "gh auth login",
        )
    return RefusedError(
        f"gh cannot reach {host}: {done.complaint[:300]}", "nothing was read", f"gh api --hostname {host} meta"
    )


def _limited(answer: Answer, host: str) -> float:
    """Seconds to wait for a secondary limit, 0 when this answer is about no limit. Raises RateLimited when it is long."""
    if answer.status not in (403, 429):
        return 0.0
    after = answer.headers.get("retry-after", "")
    if after.isdigit() and int(after) <= LONGEST_WAIT:
        return max(float(after), 0.1)
    if answer.headers.get("x-ratelimit-remaining") == "0" or after or answer.status == 429:
        reset = answer.headers.get("x-ratelimit-reset", "")
        raise RateLimited(
            f"the request limit of {host} is used up",
            "what was collected so far is kept; the next collect goes on from there",
            "run the same command again later (gh api rate_limit says when)",
            int(reset) if reset.isdigit() else None,
        )
    return 0.0


def _refused(answer: Answer, url: str) -> Unknown:
    message = answer.body.get("message") if isinstance(answer.body, Mapping) else None
    kind = Gone if answer.status in (404, 410) else Unknown
    return kind(f"GitHub answered {answer.status} to {url}: {message or 'no reason given'}", f"gh api '{url}'")


def _items(answer: Answer | Unknown, key: str) -> list[Mapping[str, object]]:
    if isinstance(answer, Unknown):
        return []
    value = answer.body.get(key) if key and isinstance(answer.body, Mapping) else answer.body
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _runs(records: list[Mapping[str, object]]) -> tuple[list[Run], list[str]]:
    found, problems = [], []
    for record in records:
        try:
            found.append(rest.run_of(record))
        except (ValueError, OverflowError) as error:
            problems.append(f"run {record.get('id')}: {error}")
    return found, problems


def _pull(body: Mapping[str, object]) -> PullRequest:
    head = body.get("head")
    merged = bool(body.get("merged") or body.get("merged_at"))
    return PullRequest(
        number=int(str(body.get("number") or 0)),
        url=str(body.get("html_url") or ""),
        state="merged" if merged else str(body.get("state") or "open"),
        head=str(head.get("ref")) if isinstance(head, Mapping) else "",
    )
