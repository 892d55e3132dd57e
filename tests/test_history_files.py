"""Run history from files: every export format, mixed time zones, and rows that cannot be read."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import RefusedError
from trimtab.ledger.store import Ledger
from trimtab.model import History
from trimtab.world import rest
from trimtab.world.credible import credible
from trimtab.world.history_files import Imported, read

RUN = {
    "id": 7,
    "name": "CI",
    "path": ".github/workflows/ci.yml@refs/heads/main",
    "run_attempt": 2,
    "run_number": 41,
    "event": "pull_request",
    "status": "completed",
    "conclusion": "failure",
    "created_at": "2026-03-01T10:00:00Z",
    "run_started_at": "2026-03-01T12:00:00+02:00",
    "updated_at": "2026-03-01T05:30:00.500-05:00",
    "head_branch": "topic",
    "head_sha": "a" * 40,
    "pull_requests": [{"number": 9}],
    "actor": {"login": "ada"},
    "head_repository": {"full_name": "ada/fork"},
    "repository": {"full_name": "o/n"},
}
JOB = {
    "id": 70,
    "run_id": 7,
    "run_attempt": 2,
    "workflow_name": "CI",
    "name": "build (3.12)",
    "status": "completed",
    "conclusion": "success",
    "created_at": "2026-03-01T10:00:10Z",
    "started_at": "2026-03-01T10:00:05Z",
    "completed_at": "2026-03-01T10:20:00Z",
    "labels": ["ubuntu-latest"],
    "runner_name": "GitHub Actions 4",
    "steps": [
        {
            "name": "Run make",
            "status": "completed",
            "conclusion": "success",
            "number": 2,
            "started_at": "2026-03-01T05:00:05.000-05:00",
            "completed_at": "2026-03-01T05:19:00.250-05:00",
        }
    ],
}


def written(tmp_path: Path, text: str, name: str = "history") -> Imported:
    (tmp_path / name).write_text(text)
    return read([tmp_path / name])


def at(hour: int, minute: int, second: float = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


def test_a_rest_run_in_three_time_zones(tmp_path: Path) -> None:
    (run,) = written(tmp_path, json.dumps([RUN])).runs
    assert run.key == (7, 2)
    assert run.workflow == ".github/workflows/ci.yml"
    assert (run.created, run.started, run.ended) == (at(10, 0), at(10, 0), at(10, 30, 0.5))
    assert (run.event, run.branch, run.number, run.pull_request, run.actor) == ("pull_request", "topic", 41, 9, "ada")
    assert run.fork
    assert run.jobs is None


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"total_count": 1, "workflow_runs": [RUN]}),
        json.dumps([{"workflow_runs": [RUN]}, {"workflow_runs": []}]),
        json.dumps({"workflow_runs": [RUN]}) + json.dumps({"workflow_runs": [RUN]}),
        json.dumps(RUN) + "\n" + json.dumps(RUN) + "\n",
        json.dumps({"7": RUN}, indent=1),
        "\ufeff" + json.dumps([RUN]),
    ],
)
def test_however_the_runs_are_wrapped(tmp_path: Path, text: str) -> None:
    imported = written(tmp_path, text)
    assert [run.key for run in imported.runs] == [(7, 2)]
    assert imported.duplicates == text.count("run_attempt") - 1


def test_jobs_join_their_run_and_its_end_is_the_last_jobs(tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text(json.dumps([RUN]))
    with gzip.open(tmp_path / "jobs.json.gz", "wt") as packed:
        json.dump({"jobs": [JOB, JOB]}, packed)
    imported = read([tmp_path / "runs.json", tmp_path / "jobs.json.gz"])
    (run,) = imported.runs
    assert run.jobs is not None
    (job,) = run.jobs
    assert (imported.duplicates, imported.jobs) == (1, 1)
    assert run.ended == at(10, 20)
    assert job.queued_seconds is None  # started before it was created: a clock ran backwards, the queue is not known
    assert job.steps[0].seconds == 1135.25
    assert job.labels == ("ubuntu-latest",)


def test_jobs_alone_tell_of_their_run(tmp_path: Path) -> None:
    earlier = JOB | {"id": 60, "run_attempt": 1, "conclusion": "cancelled"}
    imported = written(tmp_path, json.dumps([JOB, earlier]))
    assert [(run.key, run.conclusion, run.workflow) for run in imported.runs] == [
        ((7, 1), "cancelled", "CI"),
        ((7, 2), "success", "CI"),
    ]


def test_what_gh_run_list_prints(tmp_path: Path) -> None:
    line = {
        "attempt": 1,
        "conclusion": "",
        "createdAt": "2026-03-01T10:00:00Z",
        "databaseId": 5,
        "event": "push",
        "headBranch": "main",
        "headSha": "b" * 40,
        "number": 3,
        "startedAt": "0001-01-01T00:00:00Z",
        "status": "in_progress",
        "updatedAt": "2026-03-01T10:01:00Z",
        "workflowName": "CI",
    }
    (run,) = written(tmp_path, json.dumps([line])).runs
    assert (run.key, run.conclusion, run.started, run.ended, run.workflow) == ((5, 1), None, None, None, "CI")
    done = line | {"status": "completed", "conclusion": "success", "startedAt": "2026-03-01T10:00:00Z"}
    (run,) = written(tmp_path, json.dumps([line, done])).runs
    assert (run.conclusion, run.seconds) == ("success", 60)


def test_csv_with_named_columns_aliases_and_bad_rows(tmp_path: Path) -> None:
    text = (
        "Workflow;Run ID;run_attempt;conclusion;created_at;run_started_at;update_at;duration\n"
        "ci;1;1;success;2026-03-01T10:00:00Z;;2026-03-01T10:10:00Z;600\n"
        "ci;1;1;success;2026-03-01T10:00:00Z;;2026-03-01T10:10:00Z;600\n"
        "ci;2;1;failure;2026-03-01 10:00:00;;;90\n"
        "ci;x;1;failure;2026-03-01T10:00:00Z;;;90\n"
        "ci;3;1;failure;;;;90\n"
        "ci;4;1;failure;last Tuesday;;;90\n"
    )
    imported = written(tmp_path, text)
    assert [(r.key, r.seconds) for r in imported.runs] == [((1, 1), 600), ((2, 1), 90)]
    assert imported.duplicates == 1
    assert sorted(imported.problems) == [
        "1 x run left out: 'last Tuesday' is no time",
        "1 x run left out: id is 'x', not a number",
        "1 x run left out: no created_at",
        "1 x time without a zone, read as UTC",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("{not json", "is not JSON"),
        ("[]", "holds no runs"),
        ("a,b\n1,2\n", "no column for id and created"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_files_that_are_no_history(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        written(tmp_path, text)


def test_broken_gzip_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b" + b"\0" * 30)
    with pytest.raises(RefusedError, match="cannot read"):
        read([tmp_path / "x.gz"])
    with pytest.raises(RefusedError, match="cannot read"):
        read([tmp_path / "none"])


def act_line(job: str, job_id: str, seconds: int, **more: object) -> str:
    time = f"2026-03-01T10:{seconds // 60:02}:{seconds % 60:02}+01:00"
    told = {"dryrun": False, "job": job, "jobID": job_id, "level": "info", "matrix": {}, "msg": "...", "time": time}
    return json.dumps(told | more) + "\n"


STEP = {"stage": "Main", "step": "make", "stepID": ["0"], "matrix": {"v": 1}}
ACT = (
    act_line("CI/build-1", "build", 0, **STEP)
    + act_line("CI/build-1", "build", 90, **STEP, stepResult="success", executionTime=90_500_000_000)
    + act_line("CI/build-1", "build", 91, matrix={"v": 1}, jobResult="success")
    + act_line("CI/bad    ", "bad", 120, jobResult="failure")
)


def test_an_act_log_is_one_run_and_reading_it_twice_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "act.json").write_text(ACT)
    imported = read([tmp_path / "act.json", tmp_path / "act.json"])
    (run,) = imported.runs
    assert imported.duplicates == 1
    assert (run.workflow, run.conclusion, run.seconds) == ("CI", "failure", 120)
    assert run.jobs is not None
    assert [(j.name, j.conclusion) for j in run.jobs] == [("build (1)", "success"), ("bad", "failure")]
    assert run.jobs[0].steps[0].seconds == 90.5


def test_an_act_run_is_as_bad_as_its_worst_job(tmp_path: Path) -> None:
    for result, expected in (("cancelled", "cancelled"), ("skipped", "success"), ("failure", "failure")):
        log = act_line("CI/a", "a", 0, jobResult="success") + act_line("CI/b", "b", 9, jobResult=result)
        assert [run.conclusion for run in written(tmp_path, log).runs] == [expected]
    (run,) = written(tmp_path, act_line("CI/a", "a", 0, jobResult="skipped")).runs
    assert run.conclusion == "skipped"


def test_an_act_log_with_absurd_values_is_read_without_them(tmp_path: Path) -> None:
    odd = ACT + json.dumps(json.loads(act_line("CI/bad", "bad", 121)) | {"time": "garbage"}) + "\n"
    odd = odd.replace("90500000000", str(10**29)).replace('"make"', '"ma\\ud800ke"')
    imported = written(tmp_path, odd)
    (run,) = imported.runs
    assert run.jobs is not None
    assert (run.conclusion, run.seconds) == ("failure", 120)
    assert (run.jobs[0].steps[0].name, run.jobs[0].steps[0].seconds) == ("ma?ke", 90)
    assert imported.problems == ("1 x line of an act log without its time: 'garbage' is no time",)


def test_one_absurd_record_costs_no_other(tmp_path: Path) -> None:
    header = "id,workflow,conclusion,created_at,run_started_at,updated_at,duration\n"
    good = "1,ci,success,2026-03-01T10:00:00Z,,,600\n"
    bad = "2,ci,success,2026-03-01T10:00:00Z,9999-12-31T23:00:00Z,,90000000\n"
    worse = "3,ci,success,2026-03-01T10:00:00Z,,,long\n"
    imported = written(tmp_path, header + good + bad + worse)
    assert [run.id for run in imported.runs] == [1]
    assert sorted(imported.problems) == [
        "1 x run left out: duration is '90000000'",
        "1 x run left out: duration is 'long'",
    ]


def test_a_thousand_reasons_are_told_in_a_few_lines(tmp_path: Path) -> None:
    rows = "".join(f"{n},day {n}\n" for n in range(1000))
    imported = written(tmp_path, "id,created_at\n1,2026-03-01T10:00:00Z\n" + rows)
    assert len(imported.problems) == 9
    assert imported.problems[-1] == "992 x other records left out or doubtful"


def test_texts_that_no_database_can_hold_are_made_sound(tmp_path: Path) -> None:
    odd = RUN | {"name": "CI\ud800", "path": None, "actor": {"login": "a\udfff"}, "pull_requests": [{"number": 10**30}]}
    job = JOB | {"labels": ["x\ud800"], "annotations": [{"message": "\ud800"}]}
    (tmp_path / "x.json").write_text(json.dumps([odd, job]))
    imported = read([tmp_path / "x.json"])
    ledger = Ledger.open(tmp_path / "state.db")
    ledger.add_runs(imported.runs)
    history = ledger.history()
    assert isinstance(history, History)
    assert history.runs == imported.runs
    (run,) = imported.runs
    assert (run.workflow, run.actor, run.pull_request) == ("CI?", "a?", None)


def test_annotations_in_a_job_are_its_notes(tmp_path: Path) -> None:
    limit = "The job has exceeded the maximum execution time of 25m0s"
    for told in ([{"message": limit, "annotation_level": "failure"}], [limit]):
        (run,) = written(tmp_path, json.dumps([RUN, JOB | {"annotations": told}])).runs
        assert run.jobs is not None
        assert run.jobs[0].notes == (limit,)


def test_a_table_of_runs_may_name_their_workflow(tmp_path: Path) -> None:
    header = "run_id,run_attempt,workflow_name,conclusion,created_at,updated_at\n"
    row = "7,2,CI,success,2026-03-01T10:00:00Z,2026-03-01T10:09:00Z\n"
    imported = written(tmp_path, header + row)
    assert [(run.key, run.workflow, run.jobs) for run in imported.runs] == [((7, 2), "CI", None)]
    assert imported.problems == ()


def test_a_short_record_of_a_job_is_a_job(tmp_path: Path) -> None:
    short = {key: JOB[key] for key in ("id", "run_id", "workflow_name", "name", "conclusion", "started_at")}
    (run,) = written(tmp_path, json.dumps([short])).runs
    assert run.jobs is not None
    assert [(job.id, job.name) for job in run.jobs] == [(70, "build (3.12)")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id,created_at\n", "hold no records"),
        ("id,created_at\n1,\n2,soon\n", "1 x run left out: no created_at; 1 x run left out: 'soon' is no time"),
        (act_line("CI/a", "a", 0, dryrun=True), "1 x line of an act dry run"),
    ],
)
def test_files_of_which_no_record_is_left_are_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RefusedError, match="no run could be read") as told:
        written(tmp_path, text)
    assert why in told.value.why
    assert told.value.fix


@pytest.mark.parametrize("column", ["created", "started", "ended", "completedAt", "created_at"])
def test_a_time_without_its_zone_is_told_whatever_its_column(tmp_path: Path, column: str) -> None:
    row = {"id": 1, "created_at": "2026-03-01T10:00:00Z", "conclusion": "success"} | {column: "2026-03-01T10:00:00"}
    assert written(tmp_path, json.dumps([row])).problems == ("1 x time without a zone, read as UTC",)


@pytest.mark.parametrize(
    ("head", "base", "fork"),
    [
        ("a/b", "a/b", False),
        ("a/b", "o/n", True),
        ("a/b", None, False),
        ({"full_name": "A/B"}, "a/b", False),
        (None, "o/n", True),
    ],
)
def test_a_fork_has_another_repository_at_its_head(tmp_path: Path, head: object, base: object, fork: bool) -> None:
    (run,) = written(tmp_path, json.dumps([RUN | {"head_repository": head, "repository": base}])).runs
    assert run.fork is fork


def test_an_empty_cell_says_nothing_of_forks(tmp_path: Path) -> None:
    header = "id,created_at,head_repository,repository\n"
    rows = "1,2026-03-01T10:00:00Z,,o/n\n2,2026-03-01T10:00:00Z,a/n,o/n\n"
    assert [run.fork for run in written(tmp_path, header + rows).runs] == [False, True]


def test_times_that_no_run_can_have_are_not_believed(tmp_path: Path) -> None:
    second = JOB | {"id": 71, "started_at": "1999-01-01T00:00:00Z", "completed_at": "9999-01-01T00:00:00Z"}
    rows = [
        RUN | {"id": 1, "created_at": "1970-01-02T00:00:00Z"},
        RUN | {"id": 2, "created_at": "2031-01-01T00:00:00Z"},
        RUN | {"id": 3, "updated_at": "2030-01-01T00:00:00Z"},
        RUN | {"id": 4, "updated_at": "2026-04-20T00:00:00Z"},
        RUN | {"id": 5, "updated_at": "2026-03-20T00:00:00Z"},
        RUN | {"jobs": [JOB, second]},
    ]
    runs, doubts = credible(written(tmp_path, json.dumps(rows)).runs, at(10, 0) + timedelta(days=90))
    assert [(run.id, run.ended) for run in runs] == [
        (3, None),
        (4, None),
        (5, datetime(2026, 3, 20, tzinfo=UTC)),
        (7, None),
    ]
    jobs = runs[-1].jobs
    assert jobs is not None
    assert sorted((job.id, job.seconds) for job in jobs) == [(70, 1195), (71, None)]
    assert sorted(doubts.values()) == [2, 3]


def test_where_most_runs_are_from_the_future_the_clock_is_wrong(tmp_path: Path) -> None:
    later = [RUN | {"id": n, "created_at": "2030-01-01T00:00:00Z", "updated_at": None} for n in range(3)]
    imported = written(tmp_path, json.dumps([RUN, *later]))
    assert len(credible(imported.runs, at(10, 0))[0]) == 4
    assert len(credible(imported.runs[:2], at(10, 0))[0]) == 2
    assert credible((), at(10, 0))[0] == []


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_times_keep_their_instant_in_every_zone(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    told = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert rest.time_of(told.isoformat()) == moment
    assert rest.time_of(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == moment
    assert rest.time_of(int(moment.timestamp())) == moment
    assert rest.time_of(str(int(moment.timestamp() * 1000)).zfill(12)) in (moment, rest.time_of(moment.timestamp()))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RUN, *JOB, "jobs"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@settings(max_examples=60)
@given(st.lists(ANYTHING, max_size=4))
def test_hostile_json_costs_no_other_run(folder: Path, values: list[object]) -> None:
    assert (7, 2) in {run.key for run in written(folder, json.dumps([RUN, JOB, *values])).runs}
