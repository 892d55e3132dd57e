"""What the safe rules share: expressions on an event, limits from history, what a job is for, and what changes saved."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.catalogue.reading import hangs
from trimtab.catalogue.reading.conditions import PULL_REQUEST, group_varies, never_runs, push_to, takes
from trimtab.catalogue.reading.installs import found, only_installs
from trimtab.catalogue.reading.limits import label_sets, lengths, tail, tidy
from trimtab.catalogue.reading.purpose import action_major, delivers, holds_write_token, is_generated
from trimtab.catalogue.rules import add_restore_keys, cancel_superseded, keep_default_branch_runs, raise_timeout
from trimtab.model import Counted, History, Job, Run, Unknown
from trimtab.workflow.model import Event, Workflow
from trimtab.workflow.read import read

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
MAIN = push_to("main")
LIMIT_NOTE = ("The job has exceeded the maximum execution time of 25m0s",)


def workflow(text: str, path: str = ".github/workflows/ci.yml") -> Workflow:
    return read(path, text.encode())


# ------------------------------------------------------------------------------------ expressions on an event


@pytest.mark.parametrize(
    ("condition", "on_pull_request", "on_push"),
    [
        (None, False, False),
        ("github.event_name == 'push'", True, False),
        ("${{ github.event_name != 'pull_request' }}", True, False),
        ("github.event_name == 'pull_request' && github.event.pull_request.draft == false", False, True),
        ("startsWith(github.ref, 'refs/tags/v')", True, True),
        ("github.ref == 'refs/heads/main' && success()", True, False),
        ("always()", False, False),
        ("!cancelled() && github.event_name == 'Push'", True, False),
        ("github.event_name == 'push' || vars.DEPLOY == 'yes'", False, False),
        ("contains(github.ref, 'main')", False, False),
        ("github.head_ref", False, True),
        ("github.event.pull_request", False, True),
        ("inputs.publish", True, True),
        ("${{ github.event_name == 'push' }} && true", False, False),
        ("not an expression ((", False, False),
    ],
)
def test_a_condition_is_false_only_when_that_is_certain(
    condition: str | None, on_pull_request: bool, on_push: bool
) -> None:
    assert never_runs(condition, PULL_REQUEST) is on_pull_request
    assert never_runs(condition, MAIN) is on_push


@pytest.mark.parametrize(
    ("group", "on_pull_request", "on_push"),
    [
        ("database", "never", "never"),
        ("${{ github.workflow }}-${{ github.ref }}", "pull", "never"),
        ("${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}", "pull", "run"),
        ("${{ github.event.pull_request.number || github.ref }}", "pull", "never"),
        ("${{ github.head_ref || github.sha }}", "pull", "run"),
        ("${{ github.event_name == 'pull_request' && github.head_ref || github.run_id }}", "pull", "run"),
        ("${{ github.ref == 'refs/heads/main' && github.run_id || github.ref }}", "pull", "run"),
        ("${{ format('{0}-{1}', github.workflow, github.ref) }}", "pull", "never"),
        ("ci-${{ matrix.os }}-${{ github.ref }}", "pull", "never"),
        ("ci-${{ env.NAME }}-${{ github.ref }}", None, None),
        ("ci-${{ needs.plan.outputs.group }}", None, None),
        ("ci-${{ env.NAME }}-${{ github.run_id }}", "run", "run"),
        ("ci-${{ github.event.pull_request.head.sha }}", "run", "never"),
    ],
)
def test_which_runs_share_a_group(group: str, on_pull_request: str | None, on_push: str | None) -> None:
    assert group_varies(group, PULL_REQUEST) == on_pull_request
    assert group_varies(group, MAIN) == on_push


@given(st.text(max_size=60))
def test_no_text_breaks_the_questions(text: str) -> None:
    assert never_runs(text, MAIN) in (True, False)
    assert group_varies("${{ " + text + " }}", PULL_REQUEST) in ("never", "pull", "run", None)


@pytest.mark.parametrize(
    ("event", "taken"),
    [
        (Event("push", ("on",)), True),
        (Event("push", ("on",), branches=("main",)), True),
        (Event("push", ("on",), branches=("**",)), True),
        (Event("push", ("on",), branches=("*", "!main")), False),
        (Event("push", ("on",), branches=("!x", "ma?in")), True),
        (Event("push", ("on",), branches=("feature/*",)), False),
        (Event("push", ("on",), branches=("[a-m]ain",)), True),
        (Event("push", ("on",), branches=("[",)), False),
        (Event("push", ("on",), branches_ignore=("main",)), False),
        (Event("push", ("on",), tags=("v*",)), False),
        (Event("push", ("on",), tags=("v*",), branches=("main",)), True),
    ],
)
def test_branch_filters(event: Event, taken: bool) -> None:
    assert takes(event, "main") is taken


# ------------------------------------------------------------------------------------ what a job is for


@pytest.mark.parametrize(
    "script",
    [
        "npm publish",
        "cd pkg && npm run build && npm publish --access public",
        "twine upload dist/*",
        "git push origin HEAD",
        "docker push acme/app",
        "docker buildx build --push .",
        "cargo publish",
        "gh release create v1",
        "terraform apply -auto-approve",
        "aws s3 sync site s3://bucket",
        "./gradlew publishToMavenCentral",
        "mvn -B deploy",
        "mkdocs gh-deploy",
    ],
)
def test_scripts_that_deliver(script: str) -> None:
    file = workflow(f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: {script}\n")
    assert delivers(file.jobs["a"]) is not None


@pytest.mark.parametrize(
    "script",
    [
        "npm test",
        "git stash push -k",
        "make publisher-tests",
        "npm run lint",
        "docker build .",
        "mvn verify",
        "git diff --exit-code",
        "pytest tests/test_push.py",
    ],
)
def test_scripts_that_do_not(script: str) -> None:
    file = workflow(f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: {script}\n")
    assert delivers(file.jobs["a"]) is None


def test_tokens_versions_and_generators() -> None:
    file = workflow(
        "# This file was autogenerated by dist\non: push\npermissions: write-all\njobs:\n  a:\n    runs-on: x\n"
        "    permissions:\n      contents: read\n    steps:\n"
        "      - uses: actions/cache@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3\n      - uses: a/b@v2\n"
        "      - uses: a/b@main\n"
        "  b:\n    runs-on: x\n"
    )
    assert not holds_write_token(file, file.jobs["a"])
    assert holds_write_token(file, file.jobs["b"])
    assert [action_major(file, step) for step in file.jobs["a"].steps] == [4, 2, None]
    assert is_generated(file)
    assert is_generated(workflow("on: push\n", ".github/workflows/triage.lock.yml"))
    assert not is_generated(workflow("# Originally generated by x, now ours\non: push\n"))


def test_labels_of_a_matrix() -> None:
    file = workflow(
        "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        os: [ubuntu-latest, macos-latest]\n"
        "        include:\n          - os: self-hosted\n    runs-on: ${{ matrix.os }}\n"
        "  b:\n    strategy:\n      matrix:\n        os: ${{ fromJSON(vars.OS) }}\n    runs-on: ${{ matrix.os }}\n"
        "  c:\n    runs-on:\n      group: big\n      labels: [linux]\n"
    )
    assert label_sets(file, file.jobs["a"]) == (("ubuntu-latest",), ("macos-latest",), ("self-hosted",))
    assert label_sets(file, file.jobs["b"]) == (("${{ matrix.os }}",),)
    assert label_sets(file, file.jobs["c"]) == (("big", "linux"),)


def test_where_a_job_installs() -> None:
    file = workflow(
        "on: push\ndefaults:\n  run:\n    working-directory: app\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - run: npm ci\n"
        "      - run: |\n          cd ../web && yarn install --immutable\n          npm run build\n"
        "      - run: |\n          if [ -f x ]; then\n            npm ci\n          fi\n"
        "      - run: npm ci\n        working-directory: ${{ matrix.dir }}\n"
        "      - if: failure()\n        run: npm ci\n"
        "      - run: pip install -r a.txt || true\n"
    )
    installs = found(file, file.jobs["a"])
    assert [(one.tool, one.folder) for one in installs] == [("npm", "app"), ("yarn", "web")]
    assert [only_installs(step) for step in file.jobs["a"].steps][:2] == [True, False]


def test_the_prefix_of_a_key() -> None:
    prefix = add_restore_keys.prefix_of
    assert prefix("ccache-${{ runner.os }}-${{ github.sha }}") == ("ccache-${{ runner.os }}-", True)
    assert prefix("ccache-${{ hashFiles('src/**/*.c') }}") == ("ccache-", True)
    assert prefix("pip-${{ steps.py.outputs.version }}-${{ hashFiles('a.lock') }}-${{ github.sha }}") == (
        "pip-${{ steps.py.outputs.version }}-",
        False,
    )
    assert prefix("pip-${{ steps.py.outputs.version }}-${{ github.sha }}") is None
    assert prefix("${{ github.sha }}") is None
    assert prefix("build${{ github.run_id }}") is None


# ------------------------------------------------------------------------------------ lengths and limits


def job(
    seconds: float,
    conclusion: str = "success",
    name: str = "build",
    run: int = 1,
    attempt: int = 1,
    notes: tuple[str, ...] = (),
) -> Job:
    start = START + timedelta(hours=run)
    return Job(
        run * 10 + attempt,
        run,
        attempt,
        name,
        conclusion,
        start,
        start,
        start + timedelta(seconds=seconds),
        notes=notes,
    )


def run_of(*jobs: Job, event: str = "push", pull_request: int | None = None, conclusion: str | None = None) -> Run:
    first = jobs[0]
    end = max(one.ended for one in jobs if one.ended)
    return Run(
        id=first.run_id,
        attempt=first.attempt,
        workflow=".github/workflows/ci.yml",
        conclusion=conclusion or first.conclusion,
        created=first.created or START,
        started=first.started,
        ended=end,
        event=event,
        branch="main" if event == "push" else "topic",
        pull_request=pull_request,
        jobs=jobs,
    )


def history(*runs: Run) -> History:
    ordered = tuple(sorted(runs, key=lambda one: (one.created, *one.key)))
    return History(ordered, START, START + timedelta(days=30))


def test_tidy_numbers() -> None:
    assert [tidy(value) for value in (4.2, 9.01, 10, 10.5, 15, 31)] == [5, 10, 10, 15, 15, 35]


def test_too_few_successes_are_unknown() -> None:
    assert isinstance(lengths([job(300)] * 19, 360), Unknown)


@given(st.lists(st.floats(10, 3000), min_size=20, max_size=60))
def test_the_limit_is_never_below_a_success(seconds: list[float]) -> None:
    found = lengths([job(one, run=n) for n, one in enumerate(seconds)], 360)
    assert not isinstance(found, Unknown)
    assert found.needed * 60 >= 1.2 * max(seconds) - 1e-6


def test_hangs_say_nothing_about_honest_work_but_a_close_limit_does() -> None:
    good = [job(300 + n, run=n) for n in range(30)]
    hung = lengths([*good, *(job(21600, "cancelled", run=40 + n) for n in range(5))], 360)
    cut = lengths([*good, *(job(360, "cancelled", run=40 + n) for n in range(5))], 6)
    assert isinstance(hung, Unknown) is isinstance(cut, Unknown) is False
    assert hung.p99 is not None
    assert hung.p99 < 6
    assert cut.p99 is None
    assert cut.needed > hung.needed


def test_the_tail_lies_beyond_what_was_seen() -> None:
    leg = [(20.0 + n / 10, False) for n in range(40)] + [(25.0, True)] * 5
    assert 25.0 <= tail(leg) <= 35.0
    assert tail([(10.0, True)] * 20) == 20.0


# ------------------------------------------------------------------------------------ what was saved


def test_counting_superseded_runs() -> None:
    before = history(*(run_of(job(1200, run=n), event="pull_request", pull_request=n) for n in range(25)))
    cut = run_of(job(300, "cancelled", run=100), event="pull_request", pull_request=7)
    newer = run_of(job(1200, run=100), event="pull_request", pull_request=7)
    later = Run(**{**_fields(newer), "id": 101, "created": START + timedelta(hours=100, seconds=295)})
    user = run_of(job(300, "cancelled", run=200), event="pull_request", pull_request=8)
    counted = cancel_superseded.count(before, history(cut, later, user))
    assert isinstance(counted, Counted)
    assert (counted.events, round(counted.minutes, 2)) == (1, 15.0)
    assert isinstance(cancel_superseded.count(history(user), history(cut, later)), Unknown)


def test_the_interval_of_superseded_runs_holds_the_truth() -> None:
    """150 runs are credited from the same 25: their common error must be in the interval too."""
    rng = random.Random(1)
    held = 0
    for _ in range(100):
        lengths = [rng.lognormvariate(2.3, 0.6) for _ in range(25)]
        before = [run_of(job(60 * x, run=n), event="pull_request", pull_request=n) for n, x in enumerate(lengths)]
        after, truth = [], 0.0
        for n in range(150):
            used = rng.uniform(0, 4)
            full = next(x for x in iter(lambda: rng.lognormvariate(2.3, 0.6), None) if x > used)
            truth += full - used
            cut = run_of(job(60 * used, "cancelled", run=2 * n), event="pull_request", pull_request=n)
            newer = replace(cut, id=2 * n + 1, conclusion="success", created=cut.ended or START)
            after += [cut, newer]
        counted = cancel_superseded.count(history(*before), history(*after))
        assert isinstance(counted, Counted)
        assert counted.events == 150
        held += counted.low <= truth <= counted.high
    assert held >= 88


def _fields(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in Run.__slots__}


def test_counting_hung_jobs_that_were_stopped() -> None:
    before = history(*(run_of(job(300, run=n)) for n in range(20)), run_of(job(21600, "cancelled", run=50)))
    hung = run_of(job(600, "cancelled", run=100, notes=LIMIT_NOTE))
    counted = hangs.count_stopped(before, history(hung))
    assert isinstance(counted, Counted)
    assert (counted.events, counted.minutes, counted.low) == (1, 350.0, 350.0)
    never_hung = hangs.count_stopped(history(run_of(job(300))), history(hung))
    assert isinstance(never_hung, Counted)
    assert (never_hung.low, never_hung.minutes, never_hung.high) == (0.0, 0.0, 350.0)


def test_a_limit_that_stopped_honest_work_is_counted_as_lost() -> None:
    before = history(run_of(job(300)))
    stopped = run_of(job(600, "cancelled", run=100, notes=LIMIT_NOTE))
    again = run_of(job(660, run=100, attempt=2))
    counted = hangs.count_stopped(before, history(stopped, again))
    assert isinstance(counted, Counted)
    assert counted.minutes == -10.0
    assert "too tight" in counted.says


def test_counting_what_a_higher_limit_rescued() -> None:
    before = replace(history(*(run_of(job(1200, run=n)) for n in range(20))), limits={"build": 25.0})
    after = history(run_of(job(1800, run=100)), run_of(job(1300, run=101)), run_of(job(2700, "cancelled", run=102)))
    counted = raise_timeout.count(before, after)
    assert isinstance(counted, Counted)
    assert counted.events == 1
    assert counted.minutes == pytest.approx(25 - (45 - 25))
    assert isinstance(raise_timeout.count(replace(before, limits={}), after), Unknown)


def test_a_higher_limit_is_measured_by_the_one_that_it_replaced() -> None:
    """Neither a lower limit of long ago nor a success from when there was none says what the limit was."""
    long_ago = [run_of(job(605, "cancelled", run=n, notes=LIMIT_NOTE)) for n in range(3)]
    stopped = [run_of(job(1505, "cancelled", run=50 + n, notes=LIMIT_NOTE)) for n in range(4)]
    before = replace(history(*long_ago, run_of(job(2400, run=9)), *stopped), limits={"build": 25.0})
    short = raise_timeout.count(before, history(*(run_of(job(900, run=100 + n)) for n in range(30))))
    assert isinstance(short, Counted)
    assert (short.events, short.minutes) == (0, 0)
    longer = raise_timeout.count(before, history(*(run_of(job(1800, run=100 + n)) for n in range(30))))
    assert isinstance(longer, Counted)
    assert (longer.events, longer.minutes) == (30, 30 * 25)


def test_counting_results_kept_on_the_default_branch() -> None:
    kept = run_of(job(3000, run=100))
    newer = Run(
        **{**_fields(run_of(job(600, run=100))), "id": 101, "created": START + timedelta(hours=100, seconds=1200)}
    )
    alone = run_of(job(600, run=200))
    counted = keep_default_branch_runs.count(history(), history(kept, newer, alone))
    assert isinstance(counted, Counted)
    assert (counted.events, counted.minutes) == (1, 20.0)
    assert isinstance(keep_default_branch_runs.count(history(), history()), Unknown)
