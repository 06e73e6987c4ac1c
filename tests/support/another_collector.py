"""A collector that nobody wrote: the entry of another one under a new name, in the plugin and in a chart of its own."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.paths import CHART, ROOT
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.shipper import IgnoredKeys, Validator

if TYPE_CHECKING:
    from pathlib import Path

NAME = "courier"
LIKE = "prometheus"
# Its entry in the plugin, which a test registers in MODULES: nothing else of the plugin is to be changed.
COLLECTOR = dataclasses.replace(
    COLLECTORS[LIKE],
    program=NAME,
    validator=Validator(f"{NAME}-check", ("--strict",)),
    where_to_get={NAME: "https://courier.example", f"{NAME}-check": "it comes with it"},
    config_file=f"{NAME}.yml",
    metrics_port=7777,
    ignored=(IgnoredKeys((f"{NAME}.queue.maxShards",), "it has one queue"),),
)
# Its entry in the chart, as docs/collectors.md lists it; beside it only its block in values.yaml.
ENTRY = (
    "chart/templates/collectors/_{}.tpl",
    "chart/files/self/{}.yaml",
    "chart/files/tests/{}.sh",
    "values-schema/{}.yaml",
)


def chart(folder: Path) -> Path:
    """Return a chart that has one collector more; its schema is built as `make schema` builds it."""
    shutil.copytree(CHART, folder / "chart")
    shutil.copytree(ROOT / "values-schema", folder / "values-schema")
    for name in ENTRY:
        text = (ROOT / name.format(LIKE)).read_text()
        own = text.replace(f".{LIKE}.", f".{NAME}.").replace(f"{LIKE}_remote_storage", f"{NAME}_storage")
        own = own.replace(f"{LIKE}.yml", COLLECTOR.config_file)
        (folder / name.format(NAME)).write_text(own)
    cannot = folder / ENTRY[0].format(NAME)
    before, _, after = cannot.read_text().partition(f'collector.{NAME}.cannot" -}}}}\n')
    item = f"- key: {NAME}.extraArgs\n  because: this collector takes no flags\n  set: []\n"
    cannot.write_text(f'{before}collector.{NAME}.cannot" -}}}}\n{item}{after}')
    capacity = folder / "chart/files/capacity.yaml"
    capacity.write_text(capacity.read_text().replace("{prometheus: 9000", f"{{{NAME}: 1000000, prometheus: 9000"))
    values = folder / "chart/values.yaml"
    block = (
        f"\n# The collector `{NAME}`.\n{NAME}:\n" + values.read_text().split(f"\n{LIKE}:\n")[1].split("\n\n")[0] + "\n"
    )
    values.write_text(values.read_text() + block)
    subprocess.run([sys.executable, folder / "values-schema/build.py"], check=True)
    return folder / "chart"
