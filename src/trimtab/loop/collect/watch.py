"""
Watch: see by content what became of the changes that were offered or applied

Whether a team squashed, rebased, edited or half accepted a change, the file on the default branch tells: it holds the bytes
that were offered, or each operation's outcome, or some of them, or none. Commit ids tell nothing and are not looked at. The
first-parent line of the branch gives the times, so that what was adopted and taken back between two looks is seen as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trimtab.errors import HostileFileError, ParseError
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.model import EditFile, Op, PlannedFile, Stage, Unknown
from trimtab.workflow.intend import holds
from trimtab.workflow.tree import Tree, parse
from trimtab.world.git import Repository
from trimtab.world.git_changes import Version, versions
from trimtab.world.github import Hub

SKEW = timedelta(minutes=10)  # between the clock of a plan and that of a commit
_WAITING = frozenset({Stage.OFFERED, Stage.APPLIED, Stage.DECLINED, Stage.EXPIRED})
_HELD = frozenset({Stage.MEASURING, Stage.KEPT})


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that became of a change, as it was journalled."""

    id: str
    kind: str
    says: str


def watch(site: Site, hub: Hub | None = None) -> tuple[Seen, ...]:
    """
    Look at the default branch for every change that is out, and journal what became of it

    Without a clone the files are read through `hub`. Seeing the same thing twice journals it once. Raises RefusedError when
    git or GitHub cannot be asked at all.
    """
    out = [
        change for change in site.journal.state().changes.values() if change.stage in _WAITING | _HELD | {Stage.UNDOING}
    ]
    if not out:
        return ()
    if site.repository is not None:
        _refresh(site, site.repository)
    seen: list[Seen] = []
    for change in out:
        looks = _looks(site, hub, change)
        if looks:
            seen += _judge(site, hub, change, looks)
    return tuple(seen)


# ------------------------------------------------------------------------------------ looking


@dataclass(frozen=True, slots=True)
class Look:
    """The change's files at one time on the default branch: blob ids by path, and which operations' outcomes were there."""

    at: datetime
    blobs: Mapping[str, str]
    held: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def full(self) -> bool:
        return bool(self.held) and not self.missing


def _refresh(site: Site, repository: Repository) -> None:
    """Fetch the default branch; offline, what this clone knows has to do."""
    remote = site.config.remote
    branch = repository.default_branch(remote)
    if isinstance(branch, str) and remote in repository.remotes():
        refused = repository.fetch(remote, f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}")
        if refused is not None:
            site.say(f"looking at {remote}/{branch} as last fetched: {refused.why}")


def _looks(site: Site, hub: Hub | None, change: Progress) -> list[Look]:
    """The change's files on the default branch since it was planned, oldest first; the last look is now."""
    paths = tuple(file.path for file in change.plan.files)
    repository = site.repository
    if repository is not None:
        tip = repository.default_rev(site.config.remote)
        history = versions(repository, tip, paths, change.plan.planned - SKEW) if tip else []
        contents = repository.contents({blob for version in history for blob in version.blobs.values()}, limit=1 << 20)
        return _read(site, change, history, contents)
    branch = hub.default_branch() if hub is not None else Unknown("no clone and no GitHub")
    if hub is None or isinstance(branch, Unknown):
        return []
    files = {path: found for path in paths if not isinstance(found := hub.file(path, branch), Unknown)}
    now = Version(site.now(), {path: blob for path, (blob, _) in files.items()})
    return _read(site, change, [now], dict(files.values()))


def _read(site: Site, change: Progress, history: Sequence[Version], contents: Mapping[str, bytes]) -> list[Look]:
    """What each version holds; operations whose outcome stood there before the change was made tell nothing and are left out."""
    judged: dict[tuple[str, str | None], tuple[tuple[str, ...], tuple[str, ...]]] = {}
    looks = []
    for version in history:
        held: list[str] = []
        missing: list[str] = []
        for file in change.plan.files:
            key = (file.path, version.blobs.get(file.path))
            if key not in judged:
                judged[key] = _outcomes(file, key[1], contents, site.journal.content(file.before))
            held += judged[key][0]
            missing += judged[key][1]
        looks.append(Look(version.at, version.blobs, tuple(held), tuple(missing)))
    return looks


def _outcomes(
    file: PlannedFile, blob: str | None, contents: Mapping[str, bytes], before: bytes | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parts of one file's change that a blob holds, and those that it does not, in words."""
    telling = _telling(file.change, before)
    names = {_part(file.path, op) for op in telling}
    if blob == file.after_blob:
        return tuple(sorted(names)), ()
    if blob is None or blob == file.before_blob or blob not in contents:
        return (), tuple(sorted(names))
    tree = _tree(contents[blob])
    if tree is None:
        return (), tuple(sorted(names))
    held = (
        names if file.change.repair else {_part(file.path, op) for op in telling if op is not None and holds(tree, op)}
    )
    return tuple(sorted(held)), tuple(sorted(names - held))


def _telling(change: EditFile, before: bytes | None) -> tuple[Op | None, ...]:
    """The operations whose outcome the file lacked before; a repair is one part, whose outcome is that the file parses."""
    tree = _tree(before) if before is not None else None
    if change.repair or tree is None:
        return change.ops or (None,)
    return tuple(op for op in change.ops if not holds(tree, op)) or change.ops


def _part(path: str, op: Op | None) -> str:
    if op is None:
        return f"{path}: repaired"
    where = ".".join(map(str, (*getattr(op, "path", ()), *filter(None, (getattr(op, "key", None),)))))
    return f"{path}: {type(op).__name__} {where or 'on'}"


def _tree(data: bytes) -> Tree | None:
    """The tree of a file, None when it is no workflow any more: then it holds nothing of ours."""
    try:
        return parse(data)
    except (ParseError, HostileFileError):
        return None


# ------------------------------------------------------------------------------------ judging


def _judge(site: Site, hub: Hub | None, change: Progress, looks: Sequence[Look]) -> list[Seen]:
    """What the looks say of a change that is not in the journal yet."""
    now = looks[-1]
    adopted = _adoption(looks)
    if change.stage is Stage.UNDOING:
        if change.revert and not now.held:
            return [_undone(site, change, "the default branch no longer holds it")]
        return _stays(site, hub, change)
    if change.stage in _HELD:
        seen = [_adopted(site, change, adopted)] if now.held and _is_news(change, adopted) else []
        return seen if now.held else [_undone(site, change, "taken back by hand on the default branch")]
    if adopted:
        seen = [_adopted(site, change, adopted)]
        return seen if now.held else [*seen, _undone(site, change, "taken back by hand on the default branch")]
    return _declined(site, hub, change)


def _adoption(looks: Sequence[Look]) -> list[Look]:
    """The latest unbroken stretch of looks that held something of the change; empty when none did."""
    stretch: list[Look] = []
    for index, look in enumerate(looks):
        if look.held:
            stretch = [*stretch, look] if index and looks[index - 1].held else [look]
    return stretch


def _is_news(change: Progress, stretch: Sequence[Look]) -> bool:
    """Whether a stretch shows blobs, or parts, that the journal does not know of."""
    known = {(path, blob) for path, blob, _ in change.adopted_blobs}
    shown = {pair for look in stretch for pair in _holding(look)}
    return not shown <= known or _parts(stretch[-1]) != change.parts_held


def _holding(look: Look) -> list[tuple[str, str]]:
    """(path, blob) of the files that hold some part of the change."""
    paths = {part.partition(": ")[0] for part in look.held}
    return [(path, blob) for path, blob in sorted(look.blobs.items()) if path in paths]


def _parts(look: Look) -> tuple[str, ...]:
    """The parts held when only some are; empty when all are."""
    return () if look.full else look.held


def _adopted(site: Site, change: Progress, stretch: Sequence[Look]) -> Seen:
    last = stretch[-1]
    exact = all(last.blobs.get(file.path) == file.after_blob for file in change.plan.files)
    total = len(last.held) + len(last.missing)
    why = "as offered" if exact else "edited in review" if last.full else f"in part: {len(last.held)} of {total} parts"
    payload = {
        "files": [list(pair) for pair in dict.fromkeys(pair for look in stretch for pair in _holding(look))],
        "parts_held": list(_parts(last)),
        "live_from": stretch[0].at.isoformat(),
        "why": f"adopted {why}",
    }
    site.journal.append("adopted", change.plan.id, payload, at=site.now())
    return Seen(change.plan.id, "adopted", f"change {change.plan.id} ({change.plan.rule}) was adopted {why}")


def _undone(site: Site, change: Progress, why: str) -> Seen:
    site.journal.append("undone", change.plan.id, {"of": _open_undo(change), "why": why}, at=site.now())
    return Seen(change.plan.id, "undone", f"change {change.plan.id} ({change.plan.rule}) is undone: {why}")


def _open_undo(change: Progress) -> str | None:
    return next((entry.id for entry in change.opened if entry.kind == "undo_intent"), None)


def _stays(site: Site, hub: Hub | None, change: Progress) -> list[Seen]:
    """The default branch still holds a change that is to go: was the pull request that takes it back closed?"""
    if _pull_request(hub, change.revert) != "closed":
        return []
    why = "the pull request that takes it back was closed"
    site.journal.append("abandoned", change.plan.id, {"revert": change.revert, "why": why}, at=site.now())
    return [Seen(change.plan.id, "abandoned", f"change {change.plan.id} ({change.plan.rule}) stays: {why}")]


def _declined(site: Site, hub: Hub | None, change: Progress) -> list[Seen]:
    """Nothing of an offered change is there: was its pull request closed, or merged without it?"""
    state = _pull_request(hub, change.delivery) if change.stage is Stage.OFFERED else None
    if state in (None, "open"):
        return []
    why = "its pull request was closed" if state == "closed" else "its pull request was merged without it"
    site.journal.append("declined", change.plan.id, {"why": why}, at=site.now())
    return [Seen(change.plan.id, "declined", f"change {change.plan.id} ({change.plan.rule}) was declined: {why}")]


def _pull_request(hub: Hub | None, offer: str) -> str | None:
    """The state of the pull request that an offer ("pull-request:7") names; None for another offer, or when nobody can tell."""
    kind, _, number = offer.partition(":")
    if hub is None or kind != "pull-request" or not number.isdigit():
        return None
    pull = hub.pull_request(int(number))
    return None if isinstance(pull, Unknown) else pull.state
