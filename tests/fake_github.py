"""
A small stateful GitHub behind a unix socket, for the real `gh` to talk to

`gh` sends all its requests to a socket when its configuration says `http_unix_socket`; this server answers the few REST
endpoints that Trimtab uses, with GitHub's habits: pages of at most 100, at most 1,000 results for a filtered list, an attempt
of a run with its own conclusion and jobs, annotations behind their own request, limits told in headers, and failures on demand.
Files and branches come from a real bare repository.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Object = dict[str, Any]
Reply = tuple[int, Any]


@dataclass
class FakeGitHub:
    """What this GitHub holds, and how it misbehaves; tests set both."""

    slug: str
    bare: Path | None = None  # the repository that contents and branches are read from
    runs: dict[int, list[Object]] = field(default_factory=dict)  # run id -> its attempts, first to last
    jobs: dict[int, list[Object]] = field(default_factory=dict)  # run id -> jobs of all attempts
    annotations: dict[int, list[str]] = field(default_factory=dict)  # job id -> messages
    required: tuple[str, ...] = ()  # by ruleset
    protected: tuple[str, ...] = ()  # by branch protection
    hides_rules: bool = False  # 403, as without permission
    hides_runs: bool = False  # 403 for the list of runs
    hides_jobs_after: int | None = None  # 403 for pages of jobs after this one
    pulls: list[Object] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    server_errors: int = 0  # how many of the next requests get a 502
    remaining: int = 5000  # requests of the primary limit
    secondary: int = 0  # how many of the next requests are told to wait (retry-after: 1)
    tokens: frozenset[str] = frozenset({"fake"})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_run(self, run_id: int, created: str, *, attempts: tuple[str, ...] = ("success",), **more: Any) -> None:
        """A run whose attempts concluded so; each attempt gets one job "build" of ten minutes unless `jobs` are added."""
        told = []
        for number, conclusion in enumerate(attempts, 1):
            start = _later(created, 3600 * (number - 1))
            told.append(
                {
                    "id": run_id,
                    "name": "CI",
                    "path": ".github/workflows/ci.yml",
                    "run_attempt": number,
                    "run_number": run_id,
                    "event": "push",
                    "status": "completed",
                    "conclusion": conclusion,
                    "created_at": created,
                    "run_started_at": start,
                    "updated_at": _later(start, 700),
                    "head_branch": "main",
                    "head_sha": f"{run_id:040x}",
                    "pull_requests": [],
                    "actor": {"login": "ada"},
                    "head_repository": {"full_name": self.slug},
                    "repository": {"full_name": self.slug},
                    **more,
                }
            )
            self.jobs.setdefault(run_id, []).append(self._job(run_id, number, conclusion, start))
        self.runs[run_id] = told

    def _job(self, run_id: int, attempt: int, conclusion: str, start: str) -> Object:
        return {
            "id": run_id * 100 + attempt,
            "run_id": run_id,
            "run_attempt": attempt,
            "name": "build",
            "status": "completed",
            "conclusion": conclusion,
            "created_at": start,
            "started_at": _later(start, 30),
            "completed_at": _later(start, 630),
            "labels": ["ubuntu-latest"],
            "runner_name": "GitHub Actions 1",
            "steps": [],
        }

    # ------------------------------------------------------------------------------------ answering

    def answer(self, method: str, url: str, body: Any) -> Reply:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path).removeprefix(f"/repos/{self.slug}")
        if path == unquote(parts.path):
            return 404, {"message": "Not Found"}
        for verb, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                reply: Reply = getattr(self, name)(*found.groups(), query=query, body=body)
                return reply
        return 404, {"message": f"no route {method} {path}"}

    def repository(self, query: Mapping[str, str], body: Any) -> Reply:
        return 200, {"full_name": self.slug, "default_branch": "main"}

    def list_runs(self, query: Mapping[str, str], body: Any) -> Reply:
        if self.hides_runs:
            return 403, {"message": "Resource not accessible by personal access token"}
        latest = sorted((attempts[-1] for attempts in self.runs.values()), key=lambda r: (r["created_at"], r["id"]))
        if "created" in query:
            first, _, last = query["created"].partition("..")
            latest = [r for r in latest if first <= r["created_at"] <= last][::-1]
            return 200, {"total_count": len(latest), "workflow_runs": _page(latest[:1000], query)}
        return 200, {"total_count": len(latest), "workflow_runs": _page(latest[::-1], query)}

    def attempt(self, run_id: str, number: str, query: Mapping[str, str], body: Any) -> Reply:
        attempts = self.runs.get(int(run_id), [])
        return (200, attempts[int(number) - 1]) if 0 < int(number) <= len(attempts) else (404, {"message": "Not Found"})

    def list_jobs(self, run_id: str, query: Mapping[str, str], body: Any) -> Reply:
        jobs = self.jobs.get(int(run_id))
        if self.hides_jobs_after is not None and int(query.get("page", 1)) > self.hides_jobs_after:
            return 403, {"message": "Resource not accessible by personal access token"}
        if jobs is None:
            return 404, {"message": "Not Found"}
        latest = max((job["run_attempt"] for job in jobs), default=1)
        chosen = jobs if query.get("filter") == "all" else [job for job in jobs if job["run_attempt"] == latest]
        return 200, {"total_count": len(chosen), "jobs": _page(chosen, query)}

    def list_annotations(self, job_id: str, query: Mapping[str, str], body: Any) -> Reply:
        return 200, [{"annotation_level": "failure", "message": m} for m in self.annotations.get(int(job_id), [])]

    def rules(self, branch: str, query: Mapping[str, str], body: Any) -> Reply:
        if self.hides_rules:
            return 403, {"message": "Resource not accessible by personal access token"}
        checks = [{"context": name} for name in self.required]
        return 200, [{"type": "required_status_checks", "parameters": {"required_status_checks": checks}}]

    def branch(self, branch: str, query: Mapping[str, str], body: Any) -> Reply:
        checks = {"required_status_checks": {"contexts": list(self.protected)}}
        return 200, {"name": branch, "protected": bool(self.protected), "protection": checks}

    def contents(self, path: str, query: Mapping[str, str], body: Any) -> Reply:
        listed = self._git("ls-tree", "-z", query.get("ref", "main"), path)
        if not listed:
            return 404, {"message": "Not Found"}
        mode, kind, sha = listed.split("\t")[0].split()
        if kind == "tree":
            rows = [row.split("\t") for row in self._git("ls-tree", "-z", sha).split("\0") if row]
            items = [(about.split(), f"{path}/{name}") for about, name in rows]
            return 200, [{"type": "file" if a[1] == "blob" else "dir", "path": p, "sha": a[2]} for a, p in items]
        data = subprocess.run(("git", "cat-file", "blob", sha), cwd=self.bare, check=True, capture_output=True).stdout
        content = base64.encodebytes(data).decode()
        return 200, {"type": "file", "encoding": "base64", "sha": sha, "path": path, "content": content, "mode": mode}

    def open_pull(self, query: Mapping[str, str], body: Any) -> Reply:
        if not self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{body['head']}"):
            return 422, {"message": "Validation Failed: head does not exist"}
        if any(p["state"] == "open" and p["head"]["ref"] == body["head"] for p in self.pulls):
            return 422, {"message": "Validation Failed: A pull request already exists"}
        number = len(self.pulls) + 1
        url = f"https://github.com/{self.slug}/pull/{number}"
        pull = {"number": number, "html_url": url, "state": "open", "merged": False, "merged_at": None}
        self.pulls.append(pull | {"head": {"ref": body["head"]}, "base": {"ref": body["base"]}, "title": body["title"]})
        return 201, self.pulls[-1]

    def list_pulls(self, query: Mapping[str, str], body: Any) -> Reply:
        head = query.get("head", "").partition(":")[2]
        found = [p for p in self.pulls if query.get("state") in ("all", p["state"]) and head in ("", p["head"]["ref"])]
        return 200, _page(found, query)

    def get_pull(self, number: str, query: Mapping[str, str], body: Any) -> Reply:
        return (200, self.pulls[int(number) - 1]) if int(number) <= len(self.pulls) else (404, {"message": "Not Found"})

    def change_pull(self, number: str, query: Mapping[str, str], body: Any) -> Reply:
        self.pulls[int(number) - 1].update(body)
        return 200, self.pulls[int(number) - 1]

    def merge_pull(self, number: int) -> None:
        """Note that a pull request was merged; the merging itself is the test's business, with real git."""
        self.pulls[number - 1].update(state="closed", merged=True, merged_at="2026-03-02T00:00:00Z")

    def _git(self, *args: str) -> str:
        return subprocess.run(("git", *args), cwd=self.bare, capture_output=True, text=True).stdout.strip("\0\n")


ROUTES = (
    ("GET", "", "repository"),
    ("GET", "/actions/runs", "list_runs"),
    ("GET", r"/actions/runs/(\d+)/attempts/(\d+)", "attempt"),
    ("GET", r"/actions/runs/(\d+)/jobs", "list_jobs"),
    ("GET", r"/check-runs/(\d+)/annotations", "list_annotations"),
    ("GET", "/rules/branches/(.+)", "rules"),
    ("GET", "/branches/(.+)", "branch"),
    ("GET", "/contents/(.+)", "contents"),
    ("POST", "/pulls", "open_pull"),
    ("GET", "/pulls", "list_pulls"),
    ("GET", r"/pulls/(\d+)", "get_pull"),
    ("PATCH", r"/pulls/(\d+)", "change_pull"),
)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    github: FakeGitHub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        github = self.server.github
        body = json.loads(self._sent() or b"null")
        with github.lock:
            github.requests.append(f"{self.command} {self.path}")
            status, value, headers = self._judge(github, body)
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**headers, "content-type": "application/json", "content-length": str(len(data))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def _sent(self) -> bytes:
        """The request's body; gh sends it in chunks, since it does not know its length."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _judge(self, github: FakeGitHub, body: Any) -> tuple[int, Any, dict[str, str]]:
        token = self.headers.get("authorization", "").partition(" ")[2]
        if token not in github.tokens:
            return 401, {"message": "Bad credentials"}, {}
        if github.server_errors > 0:
            github.server_errors -= 1
            return 502, {"message": "Server Error"}, {}
        if github.secondary > 0:
            github.secondary -= 1
            return 403, {"message": "You have exceeded a secondary rate limit"}, {"retry-after": "1"}
        if github.remaining <= 0:
            headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767225600"}
            return 403, {"message": "API rate limit exceeded"}, headers
        github.remaining -= 1
        status, value = github.answer(self.command, self.path, body)
        return status, value, {"x-ratelimit-remaining": str(github.remaining)}

    do_GET = do_POST = do_PATCH = _serve

    def address_string(self) -> str:
        return "gh"

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept in `FakeGitHub.requests`, not printed."""


@contextmanager
def serving(github: FakeGitHub, folder: Path) -> Iterator[dict[str, str]]:
    """Serve on a socket in `folder`; gives the environment in which `gh` talks to it."""
    socket = folder / "gh.sock"
    config = folder / "gh-config"
    config.mkdir()
    (config / "config.yml").write_text(f"version: 1\nhttp_unix_socket: {socket}\n")
    (config / "hosts.yml").write_text("")
    server = _Server(str(socket), _Handler)
    server.github = github
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield {
            "GH_CONFIG_DIR": str(config),
            "GH_TOKEN": "fake",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_PROMPT_DISABLED": "1",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(items: list[Object], query: Mapping[str, str]) -> list[Object]:
    size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
    return items[(page - 1) * size : page * size]


def _later(time: str, seconds: int) -> str:
    moment = datetime.fromisoformat(time).timestamp() + seconds
    return datetime.fromtimestamp(moment, tz=datetime.fromisoformat(time).tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
