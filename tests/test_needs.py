"""What waiting for another job is worth: one scale for the rule that adds a `needs` entry and the one that takes it away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trimtab.catalogue.reading.needs import Usual, ancestors, asks_status, graph, job_text, mentions, usual, waiting
from trimtab.model import Job, Run
from trimtab.workflow.read import read

START = datetime(2026, 5, 1, tzinfo=UTC)
seconds = st.floats(0, 20_000)


@given(runs=st.integers(20, 500), failed=st.integers(0, 500), parent=seconds, child=seconds)
def test_no_pair_is_both_worth_waiting_for_and_worth_setting_free(
    runs: int, failed: int, parent: float, child: float
) -> None:
    both = waiting(Usual(runs, min(failed, runs), parent, parent), Usual(runs, 0, child, child))
    assert not (both.pays and both.costs)


def test_waiting_weighs_the_wait_against_what_a_failure_spares() -> None:
    lint, test = Usual(100, 20, 60, 60), Usual(100, 1, 600, 1200)
    assert waiting(lint, test).wait == 48  # a minute, in the 80 % of runs where lint succeeds
    assert waiting(lint, test).spared == 240  # twenty minutes of two legs, in the 20 % where it fails
    assert waiting(lint, test).pays


def test_what_a_job_usually_takes() -> None:
    runs = [_run(n, "failure" if n % 5 == 0 else "success") for n in range(25)]
    assert usual(runs, {"test (a)": "test", "test (b)": "test"}) == {"test": Usual(25, 5, 130.0, 220.0)}
    assert usual(runs[:19], {"test (a)": "test"}) == {}


def test_a_lost_runner_is_not_a_failure_of_the_job() -> None:
    lost = "The hosted runner lost communication with the server."
    runs = [_run(n, "failure", (lost,)) for n in range(20)] + [_run(n, "success") for n in range(20, 40)]
    assert usual(runs, {"test (a)": "test"})["test"].failed == 0


def _run(n: int, conclusion: str, notes: tuple[str, ...] = ()) -> Run:
    """Two legs, the second 30 s later: 100 and 120 s... the wall time is from the first start to the last end."""
    at = START + timedelta(hours=n)
    legs = [("test (a)", 0, 100, conclusion), ("test (b)", 10, 120, "success")]
    jobs = tuple(
        Job(n * 10 + k, n, 1, name, end, at, at + timedelta(seconds=s), at + timedelta(seconds=s + d), notes=notes)
        for k, (name, s, d, end) in enumerate(legs)
    )
    return Run(n, 1, "ci.yml", conclusion, at, at, at + timedelta(seconds=130), jobs=jobs)


FILE = b"""
on: push
jobs:
  a:
    runs-on: x
  b:
    needs: [a, gone]
    if: ${{ success() && true }}
    env: {A: "${{ needs.a.outputs.x }}"}
  c:
    needs: b
    name: ${{ toJSON(needs) }}
  d:
    needs: [c, d]
"""


def test_the_graph_of_a_file() -> None:
    workflow = read("ci.yml", FILE)
    assert graph(workflow) == {"a": (), "b": ("a",), "c": ("b",), "d": ("c", "d")}
    assert ancestors(graph(workflow), "d") == {"a", "b", "c", "d"}


def test_what_a_job_reads_of_its_needs() -> None:
    workflow = read("ci.yml", FILE)
    b, c, d = (job_text(workflow, id) for id in "bcd")
    assert mentions(b) == {"a"}
    assert "" in mentions(c), "all needs are read at once"
    assert not mentions(d), "naming a job under `needs` is not reading it"
    assert asks_status(workflow.jobs["b"]) and not asks_status(workflow.jobs["c"])
