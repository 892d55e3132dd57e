"""
Deliver a change as a branch or a pull request, and take one back the same way

The commit is made by plumbing on top of the team's default branch; nobody's working tree, index or branch is touched, and a
branch moves only from where it was seen. Making the same offer twice finds the first one: the commit's id depends only on the
plan and the base. The repository's own pre-commit hooks run first, in a scratch worktree; what they reformat is taken
only if the proofs of the edit still hold for it, and a hook that fails refuses the change and is quoted.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import ConflictError, EditRefused, HookFailed, ParseError, ProofFailed, RefusedError, StaleError
from trimtab.model import Intervention, PlannedFile, Unknown
from trimtab.workflow.prove import prove
from trimtab.workflow.splices import Edited, Splice
from trimtab.world import hooks
from trimtab.world.git import Repository, merge_file
from trimtab.world.git_write import commit_files, delete_ref, scratch_worktree, update_ref
from trimtab.world.github import Hub
from trimtab.world.process import Done
from trimtab.world.workflow_files import read_regular

Contents = Mapping[str, tuple[bytes, bytes]]  # path -> bytes before and after


@dataclass(frozen=True, slots=True)
class Offer:
    """
    A branch with one commit, perhaps with a pull request: `delivery` is "branch:NAME" or "pull-request:NUMBER"

    `contents` are the bytes committed by path (hooks may have reformatted them); `says` are sentences for the screen.
    """

    delivery: str
    branch: str
    commit: str
    base: str
    contents: Mapping[str, bytes]
    url: str | None = None
    says: tuple[str, ...] = ()


def hub_of(repository: Repository, remote: str, slug: str | None = None) -> Hub:
    """GitHub as the remote names it. Raises RefusedError when the remote is not on a GitHub-like host."""
    found = slug or repository.remote_slug(remote)
    if found is None:
        raise RefusedError(
            f"the remote {remote} is no repository on GitHub",
            "a pull request needs one",
            "trimtab apply ID --delivery branch, or git remote add",
        )
    return Hub(found, repository.remote_host(remote) or "github.com")


def offer(
    repository: Repository, plan: Intervention, contents: Contents, *, remote: str = "origin", hub: Hub | None = None
) -> Offer:
    """
    Offer a planned change on a branch of its own; with `hub` it is pushed and a pull request opened

    Raises StaleError when the default branch holds other bytes than the plan saw or the branch holds somebody's work,
    HookFailed when a hook refuses, RefusedError when git, the remote or GitHub does.
    """
    base, name = _base(repository, remote)
    _check_base(repository, base, {path: before for path, (before, _) in contents.items()}, plan.id)
    files, says = _through_hooks(repository, base, plan, contents)
    title = f"{plan.rule}: {plan.says}"
    made = _branch(repository, f"trimtab/{plan.rule}-{plan.id}", base, files, _message(title, plan), plan)
    made = Offer(made.delivery, made.branch, made.commit, base, files, None, says)
    return made if hub is None else _pull_request(repository, remote, hub, made, name, title, _body(plan))


def withdraw(
    repository: Repository, change: Intervention, contents: Contents, *, remote: str = "origin", hub: Hub | None = None
) -> Offer | None:
    """
    Take an offered change back: None when the default branch does not hold it (an open pull request is closed, the branch
    removed), else a branch, and with `hub` a revert pull request, that waits for a human

    Edits made to the files since are kept by a three-way merge. Raises ConflictError when they stand in the way.
    """
    base, name = _base(repository, remote)
    undone = _taken_back(repository, base, contents, change.id)
    if not undone:
        _retract(repository, change, remote, hub)
        return None
    title = f"Revert {change.rule}: {change.says}"
    made = _branch(
        repository, f"trimtab/revert-{change.rule}-{change.id}", base, undone, _message(title, change), change
    )
    if hub is None:
        return made
    body = f"Takes back Trimtab's change {change.id} ({change.rule}). Later edits to the files are kept.\n"
    return _pull_request(repository, remote, hub, made, name, title, body)


# ------------------------------------------------------------------------------------ what the base holds


def _base(repository: Repository, remote: str) -> tuple[str, str]:
    """The default branch's commit and its name."""
    name = repository.default_branch(remote)
    commit = repository.default_rev(remote)
    if isinstance(name, Unknown) or commit is None:
        why = name.why if isinstance(name, Unknown) else "it has no commit"
        raise RefusedError(
            f"the default branch is not known: {why}", "an offer needs a base", f"git remote set-head {remote} -a"
        )
    return commit, name


def _check_base(repository: Repository, base: str, before: Mapping[str, bytes], id: str) -> None:
    tree = repository.tree(base)
    held = repository.contents(tree[path].blob for path in before if path in tree)
    stale = [path for path, data in before.items() if path not in tree or held.get(tree[path].blob) != data]
    if stale:
        raise StaleError(
            f"{', '.join(stale)} is not on the default branch as change {id} was planned",
            "the edit was proved on other bytes; nothing was written",
            "git pull (or push what is only here), then trimtab plan",
        )


def _taken_back(repository: Repository, base: str, contents: Contents, id: str) -> dict[str, bytes]:
    """The files of the default branch without the change, where that differs. Raises ConflictError."""
    tree = repository.tree(base)
    held = repository.contents(tree[path].blob for path in contents if path in tree)
    undone, conflicts = {}, []
    for path, (before, after) in contents.items():
        now = held.get(tree[path].blob) if path in tree else None
        if now is None or now == before:
            continue
        wanted = merge_file(now, after, before)
        if wanted is None:
            conflicts.append(path)
        elif wanted != now:
            undone[path] = wanted
    if conflicts:
        raise ConflictError(
            f"change {id} cannot be taken out of {', '.join(conflicts)} on the default branch",
            "later edits stand where its lines are; nothing was touched",
            f"take it out by hand; trimtab undo {id} --dry-run shows what it did",
        )
    return undone


# ------------------------------------------------------------------------------------ branch and pull request


def _branch(
    repository: Repository, name: str, base: str, files: Mapping[str, bytes], message: str, plan: Intervention
) -> Offer:
    """Commit and point the branch at it; the same offer again finds its branch."""
    commit = commit_files(repository, base, files, message, when=plan.planned)
    ref = f"refs/heads/{name}"
    there = repository.resolve(ref)
    if there is None:
        update_ref(repository, ref, commit, None)
    elif there != commit:
        _reuse(repository, ref, there, commit, base, name)
    return Offer(f"branch:{name}", name, commit, base, files)


def _reuse(repository: Repository, ref: str, there: str, commit: str, base: str, name: str) -> None:
    """Move a branch of ours to a newer base; StaleError when somebody else's commit is on it."""
    author = repository.ask("log", "-1", "--format=%B", there).decode("utf-8", "replace")
    parent = repository.resolve(f"{there}^")
    on_line = parent and repository.git("merge-base", "--is-ancestor", parent, base).code == 0
    if not on_line or "Trimtab-Change:" not in author:
        raise StaleError(
            f"the branch {name} holds commits that Trimtab did not make",
            "an offer never overwrites anybody's work",
            f"git branch -D {name} (if they are not needed), then apply again",
        )
    update_ref(repository, ref, commit, there)


def _pull_request(
    repository: Repository, remote: str, hub: Hub, made: Offer, base_name: str, title: str, body: str
) -> Offer:
    ref = f"refs/heads/{made.branch}"
    listed = repository.git("ls-remote", "--quiet", remote, ref)
    there = listed.text.split("\t")[0].strip() or None if listed.code == 0 else None
    if there != made.commit:
        refused = repository.push(remote, f"{made.commit}:{ref}", expect=there)
        if refused is not None:
            raise RefusedError(
                f"the branch {made.branch} could not be pushed to {remote}",
                refused.why,
                f"git push {remote} {made.branch}",
            )
    pull = hub.open_pull_request(made.branch, base_name, _one_line(title), body)
    return Offer(f"pull-request:{pull.number}", made.branch, made.commit, made.base, made.contents, pull.url, made.says)


def _retract(repository: Repository, change: Intervention, remote: str, hub: Hub | None) -> None:
    """Remove our local branch, and on GitHub close the pull request that offers it."""
    name = f"trimtab/{change.rule}-{change.id}"
    if hub is not None:
        hub.close_pull_request(name)
    there = repository.resolve(f"refs/heads/{name}")
    if there is not None and repository.branch() != name:
        delete_ref(repository, f"refs/heads/{name}", there)


def _message(title: str, plan: Intervention) -> str:
    return f"{_one_line(title)}\n\n{_body(plan)}\nTrimtab-Change: {plan.id}\nTrimtab-Plan: {plan.digest}\n"


def _body(plan: Intervention) -> str:
    """What a reviewer should know: files, prediction, how it will be judged and taken back."""
    predicts = plan.predicts
    if isinstance(predicts, Unknown):
        promise = f"No price: {predicts.why}."
    else:
        promise = (
            f"Predicted change of {predicts.metric.replace('_', ' ')} per 30 days: {predicts.low:+.0f} ... {predicts.high:+.0f} "
            f"({predicts.level:.0%} interval, {predicts.runs} runs in {predicts.days:.0f} days)."
        )
    files = "\n".join(f"- `{file.path}`" for file in plan.files)
    judged = (
        f"Judged on {plan.metric.replace('_', ' ')} ({plan.design.replace('_', '/')}), frozen before this was offered."
    )
    return f"{_one_line(plan.says)}\n\n{files}\n\n{promise}\n{judged}\nTaken back by: trimtab undo {plan.id}\n"


def _one_line(text: str) -> str:
    """One line of printable characters: the text quotes workflow files, which are hostile input."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())[:200]


# ------------------------------------------------------------------------------------ hooks


def _through_hooks(
    repository: Repository, base: str, plan: Intervention, contents: Contents
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The bytes to commit after the repository's pre-commit hooks have seen them, and what to say of it."""
    after = {path: new for path, (_, new) in contents.items()}
    with scratch_worktree(repository, base) as tree:
        for path, data in after.items():
            (tree / path).write_bytes(data)
        done, now = _hooked(tree, after)
        if done is not None and done.code != 0 and now != after:
            done, now = _hooked(tree, after)  # a hook that reformats often fails the first time and passes the second
    if done is not None and done.code != 0:
        raise HookFailed(
            f"the repository's pre-commit hook refuses change {plan.id} (exit {done.code})",
            done.complaint,
            f"mend what the hook says, or apply to the working tree: trimtab apply {plan.id}",
        )
    changed = [file for file in plan.files if now[file.path] != after[file.path]]
    for file in changed:
        _prove_reformatted(file, contents[file.path][0], now[file.path])
    says = (
        (f"the pre-commit hook reformatted {', '.join(f.path for f in changed)}; the proofs still hold",)
        if changed
        else ()
    )
    return {path: data for path, data in now.items() if isinstance(data, bytes)}, says


def _hooked(tree: Path, after: Mapping[str, bytes]) -> tuple[Done | None, Mapping[str, bytes | str]]:
    """Stage the files and run the hook: how it ended, None without a hook, and the files as they are then."""
    paths = tuple(after)
    staged = hooks.stage(tree, paths)
    done = hooks.pre_commit(tree, paths) if staged.code == 0 else staged
    return done, {path: read_regular(tree / path) for path in paths}


def _prove_reformatted(file: PlannedFile, before: bytes, now: bytes | str) -> None:
    """Raise HookFailed unless what a hook made of a file still passes the proofs of its edit."""
    try:
        if isinstance(now, str):
            raise EditRefused(now)
        prove(file.change, Edited(before, now, splices_between(before, now)))
    except (ProofFailed, EditRefused, ParseError, UnicodeDecodeError) as error:
        raise HookFailed(
            f"the repository's pre-commit hook rewrote {file.path} so that the edit's proofs no longer hold",
            str(error),
            "run the hook on the file by hand and commit that first, then trimtab plan",
        ) from error


def splices_between(before: bytes, after: bytes) -> tuple[Splice, ...]:
    """The line differences of two texts as splices, each with offsets in the text that the one before it left."""
    old, new = (data.decode("utf-8-sig").splitlines(keepends=True) for data in (before, after))
    splices, at = [], 0
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[i:j]), "".join(new[k:m])
        if tag != "equal":
            splices.append(Splice(at, at + len(gone), gone, come))
        at += len(come)
    return tuple(splices)
