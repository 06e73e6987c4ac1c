"""`test RELEASE` as a function: from the name of a release to the text of a report."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from xscaler_istio.live import about, installation, report, steps
from xscaler_istio.system.errors import UsageError
from xscaler_istio.wire import query_api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xscaler_istio.values.settings import Settings
    from xscaler_istio.wire.query_api import QueryApi


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReleaseTest:
    """The options of the command. `timeout` limits `helm test`, in seconds; empty URLs are derived from the values."""

    release: str
    namespace: str
    timeout: float
    query_url: str
    logs_query_url: str
    read_token_file: Path | None
    tenant: str
    output: str


def run(options: ReleaseTest, progress: Callable[[str], None]) -> tuple[str, bool]:
    """Return the report and whether the test passed; raises UsageError, SetupError or UnreachableError."""
    installed = installation.connect(options.release, options.namespace)
    settings = installed.settings()
    cluster = dataclasses.replace(installed, elsewhere=settings.namespace_override)
    subject = about.about(cluster, settings)
    metrics, logs = backends(options, settings)
    name = settings.cluster.name
    earlier = steps.earlier(cluster, settings)
    again = " after one more scrape, because xScaler rejected data before this test" if earlier.any else ""
    plan: list[tuple[str, Callable[[], steps.Step]]] = [
        ("running helm test", lambda: steps.helm_test(cluster, options.timeout, progress)),
        (f"checking the collector{again}", lambda: steps.collector(cluster, settings, earlier)),
        ("checking the log agents", lambda: steps.log_agents(cluster, settings, earlier)),
        ("querying series at xScaler", lambda: steps.stored_series(metrics, name)),
        (
            "querying native histograms at xScaler",
            lambda: steps.stored_histograms(metrics, name, settings.metrics.histograms),
        ),
        ("querying lines at xScaler", lambda: steps.stored_lines(logs, name, enabled=settings.logs.enabled)),
    ]
    taken = []
    for what, step in plan:
        progress(what)
        start = time.monotonic()
        taken.append(dataclasses.replace(step(), seconds=time.monotonic() - start))
    return report.REPORTERS[options.output](subject, taken), all(step.ok for step in taken)


def backends(options: ReleaseTest, settings: Settings) -> tuple[QueryApi | None, QueryApi | None]:
    """Return the query APIs for series and for lines, or None for both without a read token."""
    reader = query_api.reader(options.read_token_file, options.query_url, options.logs_query_url)
    if not reader:
        return None, None
    tenant = options.tenant or settings.xscaler.tenant_id
    if not tenant:
        raise UsageError("the release reads its tenant from a Secret", "give the tenant with --tenant")
    region = settings.xscaler.region
    return reader.metrics(region, tenant), reader.logs(region, tenant)
