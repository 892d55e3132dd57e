"""
Says what to do next for a change, so that no screen ends with the command that was just typed in vain
"""

from __future__ import annotations

from trimtab.model import Decision
from trimtab.report import escape
from trimtab.report.values import ChangeLine


def next_command(change: ChangeLine) -> str:
    """What a person would do next for this change: a command, or what only a person can do; "" when it is finished."""
    match str(change.stage):
        case "proposed" | "stale" | "expired":
            return f"trimtab apply {change.plan.id}"
        case "offered":
            return _bring(change.delivery) or "trimtab loop"
        case "applied" | "measuring" | "paused":
            return _after_look(change)
        case "undoing":
            return _bring(change.revert) or f"trimtab undo {change.plan.id}"
        case "applying" | "conflict":
            return f"trimtab undo {change.plan.id}"
        case "kept":
            return f"trimtab undo {change.plan.id}        (kept, and still one command away from gone)"
    return ""


def _after_look(change: ChangeLine) -> str:
    """To look again where time must pass, to settle what is decided, and else what the reason of the verdict asks for."""
    verdict, id = change.verdict, change.plan.id
    if verdict is None or verdict.decision is Decision.WAIT:
        dated = f" --effective-at {change.effective_at:%Y-%m-%dT%H:%M%z}" if change.effective_at else ""
        waits = str(change.stage) == "applied" and not dated
        return _bring("working-tree") if waits else f"trimtab measure {id}{dated}"
    if verdict.decision is Decision.UNVERIFIABLE:
        if "--effective-at" in verdict.why:
            return f"trimtab measure {id} --effective-at TIME"
        return "trimtab collect" if "trimtab collect" in verdict.why else f"trimtab undo {id}        (or leave it)"
    if change.effective_at is None:
        return "trimtab loop"
    # the loop knows no such date and could not settle it
    return {Decision.UNDO: f"trimtab undo {id}", Decision.KEEP: ""}.get(
        verdict.decision, f"trimtab undo {id}        (or leave it)"
    )


def _bring(delivery: str) -> str:
    """How what was delivered gets to the default branch, which is for a person to do; "" when nothing was delivered."""
    way, _, name = delivery.partition(":")
    name = escape.cut(name, 60)
    ways = {
        "working-tree": "commit and push",
        "branch": f"push and merge the branch {name}",
        "pull-request": f"merge pull request {name}",
    }
    return f"{ways[way]}, then: trimtab loop" if way in ways else ""
