"""How the collection from GitHub chooses: which windows of time to list, and which runs to ask for jobs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loops import START
from trimtab.config import Config
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.collect.github import CURSOR, OVERLAP, REACH, _open_windows, stratified
from trimtab.model import Run


def run(workflow: int, hours: int, number: int) -> Run:
    return Run(number, 1, f"w{workflow}", "success", START - timedelta(hours=hours))


RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2000)), max_size=80).map(
    lambda pairs: [run(w, h, n) for n, (w, h) in enumerate(sorted(pairs, key=lambda pair: pair[1]))]
)


@given(RUNS)
def test_a_sample_is_an_order_of_all_runs_in_which_every_week_comes_first_once(runs: list[Run]) -> None:
    order = list(stratified(runs))
    assert sorted(one.id for one in order) == sorted(one.id for one in runs)
    strata = [(one.workflow, *one.created.isocalendar()[:2]) for one in order]
    first = strata[: len(set(strata))]
    assert len(set(first)) == len(first)
    times = [one[1:] for one in first]
    assert times == sorted(times, reverse=True)


def windows(
    tmp_path: Path, top: datetime | None, left: list[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    state = tmp_path / "state.db"
    site = Site(None, Ledger.open(state), Journal.open(state), Config(), lambda: START, print, "o/n")
    if top is not None:
        told = {"top": str(top), "open": [[str(a), str(b)] for a, b in left]}
        site.ledger.set_cursor(CURSOR, json.dumps(told))
    return _open_windows(site, START)


def test_the_first_collection_reaches_back_and_the_next_go_on(tmp_path: Path) -> None:
    day = timedelta(days=1)
    assert windows(tmp_path, None, []) == [(START - REACH, START)]
    assert windows(tmp_path, START - day, []) == [(START - day - OVERLAP, START)]
    left = [(START - REACH, START - 30 * day)]
    assert windows(tmp_path, START - day, left) == [(START - day - OVERLAP, START), *left]
    assert windows(tmp_path, START - day, [(START - REACH, START - 2 * day)]) == [(START - REACH, START)]
