"""What each profile sends of one mesh of real Envoys and generated pages, all at once through Prometheus.

    PYTHONPATH=. python tests/bench/bench_profiles.py

Prints the series stored, with the ratio to `minimal`: of the whole mesh, of the proxies, and of what grows with the
mesh, which is a proxy's Istio series divided by its combinations of peer and response code.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from pathlib import Path

from tests.support.environments import TENANT, configs
from tests.support.tools import tool
from xscaler_istio.local import oracle, run

PROFILES = ("minimal", "traffic", "dashboards", "full")
HISTOGRAMS = "istio_request_duration_milliseconds|istio_request_bytes|istio_response_bytes"
# What is counted, by what it says; CLUSTER is the profile's.
COUNTS = {
    "series of the mesh": 'count({cluster="CLUSTER"})',
    "series of proxies": 'count({cluster="CLUSTER", __name__=~"istio_.*|envoy_.*", app=""})',
    "per peer and code": f'count({{cluster="CLUSTER", __name__=~"istio_requests_total|({HISTOGRAMS})_.*"}})'
    ' / count(istio_requests_total{cluster="CLUSTER"})',
}


async def main() -> None:
    wanted = [configs(f"metrics.profile={name}", f"cluster.name={name}")[0] for name in PROFILES]
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as folder:
        plan = run.Plan(
            configs=tuple(dataclasses.replace(config, shard=number) for number, config in enumerate(wanted)),
            choices=oracle.Choices(cluster=""),
            tenant=TENANT,
            programs={name: tool(name) for name in ("mimir", "prometheus")},
            backend="mimir",
            interval=3,
            timeout=60,
            folder=Path(folder),
        )
        async with run.started(plan, lambda _: None) as running:
            await asyncio.sleep(25)
            print(f"{'':24}" + "".join(f"{name:>20}" for name in PROFILES))
            for words, query in COUNTS.items():
                found = [await running.xscaler.query(query.replace("CLUSTER", name)) for name in PROFILES]
                values = [sample[0].value for sample in found]
                print(f"{words:24}" + "".join(f"{f'{value:.0f} ({value / values[0]:.2f})':>20}" for value in values))


if __name__ == "__main__":
    asyncio.run(main())
