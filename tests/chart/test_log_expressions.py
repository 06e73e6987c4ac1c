"""Every regular expression that the log agent runs over lines, under RE2 and with its examples in log_examples/.

RE2 has no backtracking: what it compiles runs in time linear in the line. Grafana Alloy's own engine, Go's regexp, is
its sibling of the same syntax and promise. One file for each expression: `matches` are lines, each with the groups it
must give (`groups`) or what the line must become (`becomes`); `refuses` are lines that it must not match.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import re2
import yaml

from tests.support.log_privacy import rules
from tests.support.paths import CHART, ci
from tests.support.rendering import log_configs, template
from xscaler_istio.rendered import alloy
from xscaler_istio.rendered.alloy_syntax import parse

EXAMPLES = Path(__file__).with_name("log_examples")
NAMES = sorted(file.stem for file in EXAMPLES.glob("*.yaml"))
EVERYTHING = ("logs.enabled=true", "logs.runtime=docker", "logs.maskForwardedFor=true")
SAMPLED = ("--set-json", "logs.sampling.successPercent=50")
# A quoted text of LogQL, in a selector.
_QUOTED = r'"(?:[^"\\]|\\.)*"'


@functools.cache
def rendered() -> frozenset[str]:
    """Return the expressions of stages and line filters in the configuration with every feature on."""
    words = [word for pair in EVERYTHING for word in ("--set", pair)]
    (config,) = log_configs(template("helm4", "--values", str(ci("default")), *words, *SAMPLED))
    found = list(alloy.texts(parse(config.text)))
    stages = {text for place, text in found if place[-1] == "expression"}
    selectors = "\n".join(text for place, text in found if place[-1] == "selector")
    return frozenset(stages | {json.loads(text) for text in re.findall(rf"[|!]~ ({_QUOTED})", selectors)})


@functools.cache
def expressions() -> dict[str, str]:
    """Return the expressions by the name of their file."""
    formats = yaml.safe_load((CHART / "files/logs/formats.yaml").read_text())
    single = {
        name: formats[name] for name in ("ztunnelPairs", "systemLevel", "paddedLevel", "continuation", "jsonDash")
    }
    middle = {name: formats[name].replace("MIDDLE", formats["middle"]) for name in ("twice", "unclear", "long")}
    begins = {f"begins_{name}": text for name, text in formats["begins"].items()}
    success = {
        f"success_{name}{'_not' if operator == '!~' else ''}": text
        for name, filters in formats["success"].items()
        for each in filters
        for operator, text in each.items()
        if operator.endswith("~")
    }
    whole = [text for text in rendered() if "?P<response_code>" in text]
    strict, lenient = sorted(whole, key=lambda text: ".*?" in text)
    return {**single, **middle, **begins, **success, "text_strict": strict, "text_lenient": lenient}


def of_privacy() -> frozenset[str]:
    """Return those of files/logs/privacy.yaml, whose examples are the planted secrets (test_log_privacy.py)."""
    return frozenset(text for rule in rules() for text in (*rule.filters, rule.replaces) if text)


def examples(name: str) -> dict[str, Any]:
    """Return the examples of one expression."""
    content: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return content


def test_every_expression_has_examples() -> None:
    assert set(NAMES) == set(expressions())
    assert rendered() == {*expressions().values(), *of_privacy()}


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    expression, content = re2.compile(expressions()[name]), examples(name)
    assert content.keys() == {"matches", "refuses"}
    assert all(content.values()), "an expression without a positive and a negative example"
    for example in content["matches"]:
        found = expression.search(example["line"])
        assert found, example["line"]
        if "groups" in example:
            groups = {group: text for group, text in found.groupdict().items() if text is not None}
            assert groups == example["groups"]
    for line in content["refuses"]:
        assert not expression.search(line), line
