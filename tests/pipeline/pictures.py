"""Draw every dashboard from its own answers: `make dashboards` writes docs/dashboards/*.svg.

The mesh of the tests runs for some minutes, its traffic rising and falling, scraped by Prometheus as the chart renders
it; what the panels then show is drawn.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio.from_thread import start_blocking_portal

from dashboards import draw
from tests.support.environments import environment, release
from xscaler_istio.wire.answers import Window

from . import dashboards, log_lines
from .test_dashboards import ztunnel_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.grafana import Dashboard
    from tests.support.environments import Environment
    from xscaler_istio.local.container_log import ContainerLog

CLUSTER = "prod-1"
INTERVAL = 5
REQUESTS_PER_SECOND = 25.0
# What is chosen for a picture, where it is not everything.
CHOSEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "pipeline": {"active_series": ("20000",)},
    "service": {"namespace": ("shop",), "service": ("checkout",)},
    "workload": {"workload": ("catalog", "checkout", "frontend")},
}
# What Istio's agent says in a proxy's log, by the seconds between two lines.
SAID = {
    19: "info\tcache\tgenerated new workload certificate\tlatency=112.6ms ttl=23h59m59.9s",
    31: "info\txdsproxy\tconnected to delta upstream XDS server: istiod.istio-system.svc:15012",
    47: "warn\tca\tca request failed, starting attempt 1 in 91.9ms",
    83: "error\tca\tCSR signing failed: rpc error: code = Unavailable desc = connection error",
}
# Requests that a proxy answered itself, by the case of log_lines.
REFUSED: Mapping[str, Mapping[str, str]] = {
    "unavailable": {
        "authority": "checkout:8080",
        "path": "/api/orders/17",
        "upstream_cluster": "outbound|8080||checkout.shop.svc.cluster.local",
    },
    "no route": {"authority": "old.example.com", "path": "/robots.txt"},
}


def main(arguments: list[str]) -> int:
    """Run for some seconds, ask and draw."""
    folder, seconds = Path(arguments[0]), float(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    metrics, logs = release("prometheus", f"cluster.name={CLUSTER}")
    plan: dict[str, Any] = {"backend": "mimir", "interval": INTERVAL, "configs": (metrics,), "log_configs": (logs,)}
    with start_blocking_portal() as portal, environment(portal, **plan) as running:
        end = live(running, seconds + 8 * INTERVAL)
        for name in dashboards.FILES:
            picture = drawn(running, name, Window(end - seconds, end, INTERVAL))
            (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
    return 0


def live(running: Environment, seconds: float) -> float:
    """Let traffic rise and fall, and programs speak; return the Unix time until which all has been scraped."""
    assert running.run.envoys
    proxies, ztunnel, rng = itertools.cycle(running.run.envoys.logs), ztunnel_log(running), random.Random(5)
    for second in range(int(seconds)):
        load = 1 + 0.3 * math.sin(second / 24) + 0.1 * math.sin(second / 7)
        running.call(running.run.envoys.pace, REQUESTS_PER_SECOND * load)
        running.call(running.run.clock.pace, 1 / load)
        speak(second, next(proxies), ztunnel, rng)
        time.sleep(1)
    return time.time() - INTERVAL


def speak(second: int, proxy: ContainerLog, ztunnel: ContainerLog, rng: random.Random) -> None:
    """Write what is due in this second."""
    line = ""
    for _ in range(rng.randint(4, 8)):
        line = log_lines.ztunnel_line(rng, as_json_=False, fails=rng.random() < 0.05).text
        named = re.sub(r"(src\.workload=.)shell-\w+", r"\1teller", line)
        ztunnel.write(re.sub(r"echo(-\w+)?", "ledger", named).replace("default", "ambient").encode())
    for case, changes in REFUSED.items():
        if rng.random() < 0.4:
            proxy.write(log_lines.as_text({**log_lines.REQUESTS[case](rng), **changes}).encode())
    for every, words in SAID.items():
        if second % every == every - 1:
            proxy.write(f"{line.split()[0]}\t{words}".encode())


def drawn(running: Environment, name: str, window: Window) -> str:
    """Return the picture of one dashboard."""
    asked, xscaler = dashboards.dashboard(name), running.run.xscaler
    fixed = CHOSEN.get(name, {})
    chosen = running.call(dashboards.choices, xscaler, asked, window, fixed)
    answers = running.call(dashboards.answers, xscaler, asked, window, chosen)
    recording = draw.Recording(answers, window, tuple(head(asked, fixed)))
    return draw.draw(asked, recording, draw.digest(dashboards.FILES[name].read_bytes()))


def head(asked: Dashboard, fixed: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return label and choice of each variable, as Grafana shows them above the panels."""
    shown = {"query": "All", "datasource": "xScaler"}
    return [
        (
            variable.label,
            ", ".join(fixed.get(variable.name, ()))
            or shown.get(variable.type)
            or next((text for text, _ in variable.options), ""),
        )
        for variable in asked.variables
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
