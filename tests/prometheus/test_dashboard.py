"""packaging/grafana/dashboard.json: what it shows is there to be shown."""

import itertools
import json
import pathlib
import subprocess

import pytest
import yaml

import table

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "grafana" / "dashboard.json"
BOARD = json.loads(DASHBOARD.read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def expressions():
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for one in BOARD["annotations"]["list"]:
        yield one["name"], one["expr"]


def plain(expression):
    """Without what Grafana puts in."""
    return expression.replace("$__rate_interval", "5m").replace("$instance", ".*")


def check(tmp_path, expression):
    """Whether it is an expression at all, as promtool says."""
    rules = {"groups": [{"name": "x", "rules": [{"record": "x", "expr": expression}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    return subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("title, expression", expressions(), ids=lambda value: value[:40])
def test_an_expression(tmp_path, title, expression):
    assert table.faults(plain(expression), table.metrics()) == [], title
    assert 'instance=~"$instance"' in expression, "it would not follow the choice of a server"
    done = check(tmp_path, plain(expression))
    assert done.returncode == 0, done


def test_what_is_no_expression_is_noticed(tmp_path):
    assert check(tmp_path, "sum(").returncode != 0
    assert check(tmp_path, "rate(a[$x])").returncode != 0


def test_every_metric_of_ours_is_shown():
    """But for those that only say what others are measured by."""
    shown = set().union(*(table.names_in(expression) for _, expression in expressions()))
    shown |= table.names_in(json.dumps(BOARD["templating"]))
    missing = {name for name, metric in table.metrics().items() if not any(name + ending in shown for ending in metric.endings)}
    assert missing == {"cloud_telephony_http_connections_opened_total", "cloud_telephony_hashing_queue_tasks_max",
                       "cloud_telephony_write_queue_jobs_max", "process_virtual_memory_bytes", "process_threads"}


def test_the_panels_lie_side_by_side():
    taken = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = set(itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])))
        assert not taken & cells, panel["title"]
        taken |= cells


def test_names_are_used_once():
    ids = [panel["id"] for panel in BOARD["panels"]]
    titles = [panel["title"] for panel in PANELS]
    assert len(set(ids)) == len(ids) and len(set(titles)) == len(titles)
    for panel in PANELS:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
