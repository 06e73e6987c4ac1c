"""Where telemetry goes and under which name: token, URLs, tenant, cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.checks.case import Case

# Host and path of the published forms (docs/options.md), by what is sent.
_FORMS: Mapping[str, str] = {
    "metrics": r"[a-z0-9-]+(\.m)?\.xscalerlabs\.com(:443)?/api/v1/push",
    "logs": r"[a-z0-9-]+\.l\.xscalerlabs\.com(:443)?/api/v1/(logs/)?push",
}
_EXAMPLES: Mapping[str, str] = {
    "metrics": "https://<region>.xscalerlabs.com/api/v1/push or https://<region>.m.xscalerlabs.com/api/v1/push",
    "logs": "https://<region>.l.xscalerlabs.com/api/v1/logs/push or https://<region>.l.xscalerlabs.com/api/v1/push",
}
# In lower case, without what may stand between words.
_PLACEHOLDERS = frozenset(
    "tenant tenantid tenantname mytenant mytenantid yourtenant yourtenantid example changeme replaceme todo xxx".split()
)
# What Istio calls the only cluster, and what tools call theirs.
_USUAL_NAMES = frozenset(
    "kubernetes default cluster cluster1 cluster-1 cluster.local my-cluster local minikube kind docker-desktop".split()
)


def _urls(case: Case) -> Mapping[str, str]:
    """Return the URLs that are set and in use, by what is sent there."""
    xscaler = case.settings.xscaler
    metrics = {"metrics": xscaler.metrics.url} if case.settings.collector else {}
    logs = {"logs": xscaler.logs.url} if case.settings.logs.enabled else {}
    return {what: url for what, url in {**metrics, **logs}.items() if url}


@check("XS200", Severity.WARNING)
def plain_token(case: Case) -> Iterator[Issue]:
    """The token stands in the values.

    Why: values are kept in Helm's release records, in files and in shell histories; whoever may read one of these may
    write to your account. Rotating the token takes an upgrade.

    Fix: make a Secret and name it.

    Example:
        xscaler:
          auth:
            existingSecret:
              name: xscaler-token
    """
    if case.settings.xscaler.auth.token:
        yield Issue(
            "xscaler.auth.token",
            "the token stands in the values, which Helm keeps in its release records",
            "make a Secret (kubectl create secret generic xscaler-token --from-literal=token=…) and set"
            " xscaler.auth.existingSecret.name: xscaler-token",
        )


@check("XS201", Severity.WARNING)
def insecure_http(case: Case) -> Iterator[Issue]:
    """The token travels in clear text.

    Why: with an http URL everyone on the way can read the token, and xScaler takes https alone.

    Fix: use https; allowInsecureHttp is for a test backend.

    Example:
        xscaler:
          metrics:
            url: https://euw1-01.xscalerlabs.com/api/v1/push
    """
    if case.settings.xscaler.allow_insecure_http:
        for what, url in _urls(case).items():
            if url.startswith("http://"):
                yield Issue(
                    f"xscaler.{what}.url", f"xscaler.{what}.url is http: the token travels in clear text", "use https"
                )


@check("XS202", Severity.WARNING)
def unpublished_url(case: Case) -> Iterator[Issue]:
    """A URL of xScaler's is none of the published forms.

    Why: another path is answered with 404 and another host does not exist; nothing would arrive, and collectors do not
    end because of it. Metrics and logs have hosts of their own.

    Fix: leave the URL empty, or use a published form with your region.

    Example:
        xscaler:
          metrics:
            url: https://euw1-01.m.xscalerlabs.com/api/v1/push
          logs:
            url: https://euw1-01.l.xscalerlabs.com/api/v1/logs/push
    """
    for what, url in _urls(case).items():
        host, path = _host_and_path(url)
        if _is_xscaler(host) and not re.fullmatch(_FORMS[what], host + path):
            yield Issue(
                f"xscaler.{what}.url",
                f"xscaler.{what}.url has a host or path that xScaler has not published for {what}",
                f"leave it empty, or use {_EXAMPLES[what]}",
            )


@check("XS203", Severity.INFO)
def foreign_host(case: Case) -> Iterator[Issue]:
    """A URL names a host that is not xScaler's.

    Why: a private link or a gateway of your own is a good reason. A misspelt domain is none: the token would be sent
    to a stranger.

    Fix: see that the host is yours; then ignore this with the reason.

    Example:
        xscaler:
          metrics:
            url: https://push.internal.example/api/v1/push  # xscaler: ignore XS203 our private link
    """
    for what, url in _urls(case).items():
        host, _ = _host_and_path(url)
        if not _is_xscaler(host):
            yield Issue(
                f"xscaler.{what}.url",
                f"xscaler.{what}.url names a host outside xscalerlabs.com, which is sent the token",
                "right for a private link or a gateway of your own; otherwise leave the URL empty",
            )


@check("XS204", Severity.WARNING)
def odd_tenant(case: Case) -> Iterator[Issue]:
    """The tenant id cannot be right.

    Why: a placeholder belongs to nobody, so every push is refused with 401; `.`, `..` and names that begin with `__`
    are reserved by Mimir and Loki. Other characters than letters, digits and `!_.*'()-` are refused by the schema
    (XS002).

    Fix: take the tenant id from xScaler's portal.

    Example:
        xscaler:
          tenantId: acme
    """
    tenant = case.settings.xscaler.tenant_id
    if tenant in (".", "..") or tenant.startswith("__"):
        yield Issue("xscaler.tenantId", "xscaler.tenantId is a name that Mimir reserves", "use your tenant's id")
    elif re.sub("[^a-z0-9]", "", tenant.lower()) in _PLACEHOLDERS:
        yield Issue(
            "xscaler.tenantId",
            "xscaler.tenantId looks like a placeholder",
            "use your tenant's id, from the portal",
        )


@check("XS205", Severity.WARNING)
def usual_cluster_name(case: Case) -> Iterator[Issue]:
    """The cluster's name is one that every cluster has.

    Why: two clusters with the same `cluster` label write the same series, and xScaler keeps one of two values.
    `Kubernetes` is what Istio calls every cluster in source_cluster and destination_cluster, so a query could not tell
    the two meanings apart.

    Fix: a name that no other cluster of the account has.

    Example:
        cluster:
          name: prod-euw1
    """
    name = case.settings.cluster.name
    if name.lower() in _USUAL_NAMES:
        istio = ", and is what Istio calls every cluster" if name.lower() == "kubernetes" else ""
        yield Issue(
            "cluster.name",
            f"cluster.name is {name}, which other clusters may be called too{istio}: their series would mix",
            "use a name that no other cluster of your account has, for example prod-euw1",
        )


def _host_and_path(url: str) -> tuple[str, str]:
    host, slash, path = url.partition("://")[2].partition("/")
    return host.rpartition("@")[2].lower(), slash + path


def _is_xscaler(host: str) -> bool:
    name = host.partition(":")[0]
    return name == "xscalerlabs.com" or name.endswith(".xscalerlabs.com")
