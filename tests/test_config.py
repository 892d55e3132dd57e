"""trimtab.toml: what it may say, what it may not, and how an error helps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.config import Config, parse
from trimtab.errors import ConfigError

RULES = {"set-timeout": {"default_minutes": None, "factor": 1.5}, "cancel-superseded": {}}
KPIS = ("success-rate", "build-time")


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text, rules=RULES, kpis=KPIS)
    return caught.value


def test_an_empty_file_is_the_default() -> None:
    assert parse("", rules=RULES, kpis=KPIS) == Config()


def test_everything_that_a_team_may_say() -> None:
    config = parse(
        """
        build = ["ci.yml", ".github/workflows/release.yaml"]
        disabled = ["cancel-superseded"]
        delivery = "pull-request"
        backup-in-diff = true
        horizon-days = 14
        remote = "upstream"
        [targets]
        success-rate = 0.9
        [runners]
        big-box = "self-hosted"
        [rules.set-timeout]
        default-minutes = 45
        """,
        rules=RULES,
        kpis=KPIS,
    )
    assert config == Config(
        build=(".github/workflows/ci.yml", ".github/workflows/release.yaml"),
        targets={"success-rate": 0.9},
        disabled=frozenset({"cancel-superseded"}),
        rules={"set-timeout": {"default_minutes": 45}},
        runners={"big-box": "self-hosted"},
        delivery="pull-request",
        backup_in_diff=True,
        horizon_days=14,
        remote="upstream",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("delivry = 'branch'", 'did you mean "delivery"?'),
        ("horizon_days = 3", 'did you mean "horizon-days"?'),
        ("disabled = ['cancel-superceded']", 'did you mean "cancel-superseded"?'),
        ("[targets]\nsucces-rate = 0.9", 'did you mean "success-rate"?'),
        ("[rules.set-timeouts]\nfactor = 2", 'did you mean "set-timeout"?'),
        ("[rules.set-timeout]\ndefault-minute = 2", 'did you mean "default-minutes"?'),
        ("delivery = 'pull_request'", 'did you mean "pull-request"?'),
        ("[runners]\nx = 'selfhosted'", 'did you mean "self-hosted"?'),
    ],
)
def test_an_unknown_word_names_the_nearest(text: str, told: str) -> None:
    assert told in refused(text).fix


@pytest.mark.parametrize("key", ["command", "executable", "token", "url", "password", "hook", "shell", "gh"])
def test_no_key_names_a_program_a_url_or_a_credential(key: str) -> None:
    assert f'has no key "{key}"' in refused(f"{key} = 'x'").what


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://evil.example/x", "a URL"),
        ("git@evil.example:x", "a URL"),
        ("ext::sh -c evil", "a URL"),
        ("/etc/passwd", "a path outside"),
        ("../../other/ci.yml", "a path outside"),
        ("~/.ssh/id_ed25519", "a path outside"),
        ("C:\\\\Windows", "a path outside"),
        ("ghp_0123456789abcdefghij", "a credential"),
        ("github_pat_0123456789abcdefghij", "a credential"),
        ("a\\u001b[2Jb", "a control character"),
    ],
)
@pytest.mark.parametrize("place", ['remote = "{}"', 'build = ["{}"]', '[rules.set-timeout]\ndefault-minutes = "{}"'])
def test_a_value_that_points_outside_is_refused_wherever_it_stands(value: str, told: str, place: str) -> None:
    assert told in refused(place.format(value)).what


@pytest.mark.parametrize("remote", ["-oProxyCommand=evil", "a b", "", "a/b", "$(x)"])
def test_a_remote_is_a_plain_name(remote: str) -> None:
    refused(f"remote = {remote!r}")


@pytest.mark.parametrize(
    "text",
    [
        "build = 'ci.yml'",
        "build = [1]",
        "build = ['docs/ci.yml']",
        "horizon-days = 2",
        "horizon-days = true",
        "backup-in-diff = 'yes'",
        "targets = 3",
        "[targets]\nsuccess-rate = true",
        "[targets]\nsuccess-rate = nan",
        "[rules]\nset-timeout = 3",
        "[rules.set-timeout]\nfactor = 'much'",
        "not toml at all",
        "a = " + "[" * 5000,
        "# " + "x" * 300_000,
    ],
)
def test_a_wrong_value_is_a_clear_error(text: str) -> None:
    error = refused(text)
    assert error.exit_code == 2
    assert error.what
    assert error.why
    assert error.fix


@given(st.text(max_size=200))
def test_any_text_gives_a_config_or_a_config_error(text: str) -> None:
    try:
        outcome: object = parse(text)
    except ConfigError as error:
        outcome = error
    assert isinstance(outcome, Config | ConfigError)


def test_a_number_of_thousands_of_digits_is_a_clear_error() -> None:
    assert refused("horizon-days = " + "9" * 6000).exit_code == 2


@pytest.mark.parametrize("days", ["0", "-3", "90", "4000.5"])
def test_a_number_outside_what_a_rule_works_with_is_refused(days: str) -> None:
    rules = {"shorten-artifact-retention": {"days": 7}}
    ranges = {"shorten-artifact-retention": {"days": (1.0, 89.0)}}
    with pytest.raises(ConfigError, match=r"rules\.shorten-artifact-retention\.days is .*") as error:
        parse(f"[rules.shorten-artifact-retention]\ndays = {days}", rules=rules, ranges=ranges)
    assert "1 to 89" in error.value.why
    assert error.value.fix == "days = 7"


def test_a_number_takes_the_form_of_its_default() -> None:
    rules = {"fail-early": {"min_failure_share": 0.05, "days": 7}}
    told = parse("[rules.fail-early]\nmin-failure-share = 1\ndays = 14.0", rules=rules).rules["fail-early"]
    assert [repr(told[key]) for key in ("min_failure_share", "days")] == ["1.0", "14"]
    with pytest.raises(ConfigError, match=r"days is 14\.5"):
        parse("[rules.fail-early]\ndays = 14.5", rules=rules)
