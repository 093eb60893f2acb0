"""The alerts and the dashboard: what must be true of them before Prometheus and Grafana read them."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from tests.parts import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "stamped-sync.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


def alert(rule: dict[str, Any]) -> str:
    """A rule's name, for its test's."""
    return str(rule["alert"])


def title(panel: dict[str, Any]) -> str:
    """A panel's name, for its test's."""
    return str(panel["title"])


@pytest.mark.parametrize("rule", RULES, ids=alert)
def test_alert_waits_before_it_fires(rule: dict[str, Any]) -> None:
    """A state that ends by itself within minutes wakes nobody."""
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize("rule", RULES, ids=alert)
def test_alert_says_what_is_wrong_and_where_to_read_what_to_do(rule: dict[str, Any]) -> None:
    """Its link leads to a heading of the operator's guide."""
    annotations = rule["annotations"]
    file, _, heading = annotations["runbook"].partition("#")
    headings = {line.lstrip("# ").lower() for line in (ROOT / file).read_text("utf-8").splitlines() if line[:1] == "#"}
    assert annotations["summary"]
    assert annotations["description"]
    assert heading == alert(rule).lower()
    assert heading in headings


def test_guide_names_no_alert_that_is_gone() -> None:
    """Each heading of the guide that is an alert's has its rule."""
    guide = (ROOT / "docs" / "operating.md").read_text("utf-8")
    assert sorted(re.findall(r"^### (StampedSync\w+)$", guide, re.MULTILINE)) == sorted(map(alert, RULES))


def test_each_alert_has_its_case() -> None:
    """`promtool` runs them: see the integration tests of the metrics."""
    cases = (PROMETHEUS / "alerts.test.yml").read_text("utf-8")
    assert [alert(rule) for rule in RULES if not re.search(rf"\b{alert(rule)}\b", cases)] == []


def test_example_reads_the_rules_flower_and_the_front_door() -> None:
    """The file beside the example is the one that it names, and the targets are those that Compose serves."""
    example = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    assert [(PROMETHEUS / name).exists() for name in example["rule_files"]] == [True]
    targets = [
        target for job in example["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    ]
    assert targets == ["flower:5555", "listen:8080"]


def test_dashboard_asks_which_prometheus() -> None:
    """It can be imported anywhere: no panel names a data source of its own."""
    variables = {
        (variable["name"], variable["type"], variable["query"]) for variable in DASHBOARD["templating"]["list"]
    }
    assert variables == {("datasource", "datasource", "prometheus")}
    assert {(panel["datasource"]["type"], panel["datasource"]["uid"]) for panel in PANELS} == {
        ("prometheus", "${datasource}")
    }


def test_no_two_panels_are_one() -> None:
    """Each has a number and a title of its own."""
    assert len({panel["id"] for panel in PANELS}) == len({title(panel) for panel in PANELS}) == len(PANELS)


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_panel_names_what_it_draws(panel: dict[str, Any]) -> None:
    """Each line has a query and a legend, and the panel has a unit."""
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


def test_no_panel_covers_another() -> None:
    """They share Grafana's 24 columns."""
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in itertools.combinations(places, 2) if _overlap(*pair)] == []


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
