"""`test RELEASE` as a function: from a release's name to the text of a report."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import TYPE_CHECKING

from xscaler_istio.live import installation, report, steps
from xscaler_istio.live.query_api import QueryApi
from xscaler_istio.system import tokens
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xscaler_istio.values.settings import Settings

TOKEN_VARIABLE = "XSCALER_READ_TOKEN"  # noqa: S105 - the name of a variable


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReleaseTest:
    """The options of the command. `timeout` is that of `helm test`, in seconds; empty URLs follow from the values."""

    release: str
    namespace: str
    timeout: float
    query_url: str
    logs_query_url: str
    read_token_file: Path | None
    tenant: str
    output: str


def run(options: ReleaseTest, progress: Callable[[str], None]) -> tuple[str, bool]:
    """Return the report and whether all is well; raises UsageError, SetupError or UnreachableError."""
    cluster = installation.connect(options.release, options.namespace)
    settings = cluster.settings()
    metrics, logs = backends(options, settings)
    name = settings.cluster.name
    earlier = steps.earlier(cluster, settings)
    again = ", after one more scrape, because something was refused before" if earlier.any else ""
    plan: list[tuple[str, Callable[[], steps.Step]]] = [
        ("running helm test", lambda: steps.helm_test(cluster, options.timeout, progress)),
        (f"asking the collector{again}", lambda: steps.collector(cluster, settings, earlier)),
        ("asking the log agents", lambda: steps.log_agents(cluster, settings, earlier)),
        ("asking xScaler for series", lambda: steps.stored_series(metrics, name)),
        ("asking xScaler for lines", lambda: steps.stored_lines(logs, name, enabled=settings.logs.enabled)),
    ]
    taken = []
    for what, step in plan:
        progress(what)
        start = time.monotonic()
        taken.append(dataclasses.replace(step(), seconds=time.monotonic() - start))
    return report.REPORTERS[options.output](options.release, taken), all(step.ok for step in taken)


def backends(options: ReleaseTest, settings: Settings) -> tuple[QueryApi | None, QueryApi | None]:
    """Return the query APIs for series and for lines, or None for both without a read token."""
    file = options.read_token_file
    token = tokens.from_file(file, "the read token") if file else os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        return None, None
    tenant = options.tenant or settings.xscaler.tenant_id
    if not tenant:
        raise UsageError("the tenant of this release is in its Secret", "give it with --tenant")
    region = settings.xscaler.region
    metrics = _base(options.query_url, f"https://{region}.m.xscalerlabs.com" if region else "", "--query-url")
    logs = _base(options.logs_query_url, f"https://{region}.l.xscalerlabs.com" if region else "", "--logs-query-url")
    # Both forms are published for logs.
    return (
        QueryApi((f"{metrics}/api/v1",), token, tenant),
        QueryApi((f"{logs}/api/v1/logs", f"{logs}/api/v1"), token, tenant),
    )


def _base(given: str, default: str, option: str) -> str:
    url = (given or default).rstrip("/")
    if not url:
        raise UsageError("the release has no region, so where to ask is not known", f"give it with {option}")
    if not url.startswith("https://"):
        raise UsageError(f"{option} {url} is not https", "a token must not travel in the clear")
    return url.removesuffix("/api/v1")
