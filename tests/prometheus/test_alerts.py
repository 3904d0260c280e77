"""packaging/prometheus/alerts.yml: it is well-formed, speaks of what there is, and each alert fires when it should and
only then, as alerts_test.yml says."""

import copy
import pathlib
import subprocess

import pytest
import yaml

import table

HERE = pathlib.Path(__file__).resolve().parent
ALERTS = HERE.parents[1] / "packaging" / "prometheus" / "alerts.yml"
RULES = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
TESTS = yaml.safe_load((HERE / "alerts_test.yml").read_text(encoding="utf-8"))
ALL_IS_WELL = TESTS["tests"][:1]
NAMES = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)


def outcome(tmp_path, rules, tests):
    """What promtool says of these unit tests with these rules."""
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    assert tests
    tests = {**TESTS, "rule_files": ["alerts.yml"], "tests": tests}
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    return promtool("test", "rules", str(tmp_path / "alerts_test.yml"))


def cases_of(name):
    """The tests in which an alert is to fire."""
    return [test for test in TESTS["tests"] if f'alertname="{name}"' in yaml.safe_dump(test)]


def with_rule(name, **changes):
    rules = copy.deepcopy(RULES)
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == name:
                rule.update(changes)
    return rules


def test_promtool_finds_the_rules_in_order():
    done = promtool("check", "rules", str(ALERTS))
    assert done.returncode == 0 and f"{len(NAMES)} rules found" in done.stdout, done


@pytest.mark.parametrize("wrong", ["sum by (x (up)", "rate(up)", "up =="])
def test_promtool_finds_what_is_wrong(tmp_path, wrong):
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(with_rule(NAMES[0], expr=wrong)), encoding="utf-8")
    assert promtool("check", "rules", str(tmp_path / "rules.yml")).returncode != 0


def test_the_unit_cases_of_the_rules():
    done = promtool("test", "rules", str(HERE / "alerts_test.yml"))
    assert done.returncode == 0, done


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_that_never_fires_is_noticed(tmp_path, name):
    assert outcome(tmp_path, RULES, cases_of(name)).returncode == 0
    assert outcome(tmp_path, with_rule(name, expr="vector(0) > 1"), cases_of(name)).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_that_always_fires_is_noticed(tmp_path, name):
    changed = with_rule(name, expr="vector(1) > 0")
    for group in changed["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == name:
                rule.pop("for", None)
    assert outcome(tmp_path, changed, ALL_IS_WELL).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_that_waits_does(tmp_path, name):
    """Without its `for` it would fire too soon."""
    rule = next(rule for group in RULES["groups"] for rule in group["rules"] if rule["alert"] == name)
    if "for" in rule:
        assert outcome(tmp_path, with_rule(name, **{"for": "0s"}), cases_of(name)).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_speaks_of_what_there_is(name):
    rule = next(rule for group in RULES["groups"] for rule in group["rules"] if rule["alert"] == name)
    assert table.faults(rule["expr"], table.metrics()) == []
    assert name.startswith("CloudTelephony")
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_what_there_is_not_is_noticed():
    known = table.metrics()
    for wrong, why in (("cloud_telephony_redy == 0", "there is no cloud_telephony_redy"),
                       ("rate(cloud_telephony_commit_duration_seconds[5m])", "there is no cloud_telephony_commit_duration_seconds"),
                       ("cloud_telephony_ready_bucket", "there is no cloud_telephony_ready_bucket"),
                       ('cloud_telephony_ready{route="/"}', "cloud_telephony_ready has no label route"),
                       ('cloud_telephony_http_requests_total{class="2xx"}', "cloud_telephony_http_requests_total has no label class"),
                       ('cloud_telephony_sweeps_total{result="late"}', "cloud_telephony_sweeps_total never has result=late")):
        assert table.faults(wrong, known) == [why]
    assert table.faults('cloud_telephony_http_requests_total{route=~"/a/{id}",status!="200"} > 0', known) == []


def test_the_tests_speak_of_what_there_is():
    """A series with a misspelt name would leave its alert silent."""
    for case in TESTS["tests"]:
        for series in case["input_series"]:
            assert table.faults(series["series"], table.metrics()) == [], case["name"]
