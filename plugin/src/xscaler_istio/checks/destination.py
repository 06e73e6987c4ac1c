"""The destination of telemetry: token, URLs, tenant, and the cluster's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.system import masks
from xscaler_istio.values import lookalikes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.values.effective import FreeText

# Host and path of the published URLs (docs/from-xscalers-page.md), for metrics and logs.
_FORMS: Mapping[str, str] = {
    "metrics": r"[a-z0-9-]+(\.m)?\.xscalerlabs\.com(:443)?/api/v1/push",
    "logs": r"[a-z0-9-]+\.l\.xscalerlabs\.com(:443)?/api/v1/(logs/)?push",
}
_EXAMPLES: Mapping[str, str] = {
    "metrics": "https://<region>.xscalerlabs.com/api/v1/push or https://<region>.m.xscalerlabs.com/api/v1/push",
    "logs": "https://<region>.l.xscalerlabs.com/api/v1/logs/push or https://<region>.l.xscalerlabs.com/api/v1/push",
}
# In lower case, without the separators between words.
_PLACEHOLDERS = frozenset(
    "tenant tenantid tenantname mytenant mytenantid yourtenant yourtenantid example changeme replaceme todo xxx".split()
)
_FROM_THE_PORTAL = "copy your tenant id from xScaler's portal"
# Default names of clusters: Istio's and those of other tools.
_USUAL_NAMES = frozenset(
    "kubernetes default cluster cluster1 cluster-1 cluster.local my-cluster local minikube kind docker-desktop".split()
)


def _urls(case: Case) -> Mapping[str, str]:
    """Return the URLs that are set and in use, for metrics and logs."""
    xscaler = case.settings.xscaler
    metrics = {"metrics": xscaler.metrics.url} if case.settings.collector else {}
    logs = {"logs": xscaler.logs.url} if case.settings.logs.enabled else {}
    return {what: url for what, url in {**metrics, **logs}.items() if url}


@check("XS200", Severity.WARNING)
def plain_token(case: Case) -> Iterator[Issue]:
    """The token is in the values.

    Why: Helm's release records, files and shell histories keep the values; everyone who may read one of them can write
    to your account. To rotate the token you have to upgrade the release.

    Fix: create a Secret and name it in xscaler.auth.existingSecret.name.

    Example:
        xscaler:
          auth:
            existingSecret:
              name: xscaler-token
    """
    if case.settings.xscaler.auth.token:
        yield Issue(
            "xscaler.auth.token",
            "the token is in the values, which Helm keeps in its release records",
            "create a Secret (kubectl create secret generic xscaler-token --from-literal=token=…) and set"
            " xscaler.auth.existingSecret.name: xscaler-token",
        )


@check("XS201", Severity.WARNING)
def insecure_http(case: Case) -> Iterator[Issue]:
    """The token is sent in clear text.

    Why: with an http URL everyone on the network path can read the token, and xScaler accepts only https.

    Fix: use https; xscaler.allowInsecureHttp is meant for test backends.

    Example:
        xscaler:
          metrics:
            url: https://euw1-01.xscalerlabs.com/api/v1/push
    """
    if case.settings.xscaler.allow_insecure_http:
        for what, url in _urls(case).items():
            if url.startswith("http://"):
                key = f"xscaler.{what}.url"
                yield Issue(key, f"{key} is an http URL: the token is sent in clear text", "use https")


@check("XS202", Severity.WARNING)
def unpublished_url(case: Case) -> Iterator[Issue]:
    """A URL on xScaler's domain is not one of the published ones.

    Why: an unknown path answers 404 and an unknown host does not exist. Nothing arrives, and the collectors keep
    running. Metrics and logs have different hosts.

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
                f"xscaler.{what}.url has a host or path that xScaler does not publish for {what}",
                f"leave it empty, or use {_EXAMPLES[what]}",
            )


@check("XS203", Severity.INFO)
def foreign_host(case: Case) -> Iterator[Issue]:
    """A URL has a host outside xScaler's domain.

    Why: this is right for a private link or a gateway of yours. With a misspelt domain the token goes to a stranger.

    Fix: check that the host is yours; then ignore this finding and give the reason.

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
                f"xscaler.{what}.url sends the token to a host outside xscalerlabs.com",
                "ignore this if the host is a private link or a gateway of yours; otherwise leave the URL empty",
            )


@check("XS204", Severity.WARNING)
def odd_tenant(case: Case) -> Iterator[Issue]:
    """The tenant id cannot be right.

    Why: no account has a placeholder as its id, and xScaler answers every push with 401. Mimir and Loki reserve `.`,
    `..` and names that begin with `__`. The schema refuses characters other than letters, digits and `!_.*'()-`
    (XS002).

    Fix: copy the tenant id from xScaler's portal.

    Example:
        xscaler:
          tenantId: acme
    """
    tenant = case.settings.xscaler.tenant_id
    if tenant in (".", "..") or tenant.startswith("__"):
        yield Issue("xscaler.tenantId", "xscaler.tenantId is a name that xScaler reserves", _FROM_THE_PORTAL)
    elif re.sub("[^a-z0-9]", "", tenant.lower()) in _PLACEHOLDERS:
        yield Issue(
            "xscaler.tenantId",
            "xscaler.tenantId looks like a placeholder",
            _FROM_THE_PORTAL,
        )


@check("XS205", Severity.WARNING)
def usual_cluster_name(case: Case) -> Iterator[Issue]:
    """The cluster has a default name that other clusters have too.

    Why: two clusters with the same label `cluster` write the same series, and xScaler keeps one of two values. Istio
    calls every cluster `Kubernetes` in source_cluster and destination_cluster by default, so that queries cannot
    distinguish clusters by this name.

    Fix: use a name that no other cluster of your account has.

    Example:
        cluster:
          name: prod-euw1
    """
    name = case.settings.cluster.name
    if name.lower() in _USUAL_NAMES:
        whose = "Istio's default for every cluster" if name.lower() == "kubernetes" else "a default name"
        yield Issue(
            "cluster.name",
            f"cluster.name is {name}, {whose}: series of clusters with the same name are mixed",
            "use a name that no other cluster of your account has, for example prod-euw1",
        )


# The only value that is a token.
_TOKEN = "xscaler.auth.token"  # noqa: S105 - its key
# Texts in which hashes are usual. The chart refuses what has the form of a token there too (XS100).
_WITH_HASHES = re.compile(
    r"extraObjects\b|commonLabels\b|(.*\.)?(pod\.labels|commonAnnotations|annotations|digest|tag)\b"
)
# Texts with variables, templates and expressions that others read, and prose.
_WITH_VARIABLES = re.compile(
    r"extraObjects\b|metrics\.(includeMetrics|excludeMetrics|extraMetricRelabelConfigs)\b|(.*\.)?(commonAnnotations"
    r"|annotations|extraEnv|extraEnvFrom|extraArgs|extraVolumes|initContainers|extraContainers)\b"
)
# Parameters of a URL that hold a secret.
_SECRET_PARAMETER = re.compile(
    r"(?i)[?&;]([\w.-]*(?:token|password|passwd|secret|signature|credential|api[-_]?key|auth)[\w.-]*|key|sig|code)=[^&;]"
)


def _is_token(text: FreeText) -> bool:
    return text.path != _TOKEN and not _WITH_HASHES.match(text.path) and masks.looks_like_token(text.text)


def _name(text: FreeText) -> str:
    return f"a key of {text.path}" if text.of_key else text.path


@check("XS206", Severity.ERROR)
def token_as_another_value(case: Case) -> Iterator[Issue]:
    """A value looks like a token.

    Why: these values are not secret: they become labels, headers in a ConfigMap, names of objects, and parts of URLs.
    Everyone who may read them could write to your account. Any text and any key that you may choose is examined: an
    xScaler key (`xag_…`), a JSON Web Token, long random text and a URL's parameter such as `token` are recognised. No
    output shows such a text. The chart refuses an xScaler key and a JSON Web Token too (XS100), also in annotations and
    labels, where hashes are usual and random text is admitted.

    Fix: put the token into a Secret and rotate it if you have stored this file anywhere. If the value is not a token,
    ignore this finding and give the reason.

    Example:
        xscaler:
          auth:
            existingSecret:
              name: xscaler-token
    """
    for text in case.texts:
        if _is_token(text):
            yield Issue(
                text.path,
                f"{_name(text)} looks like a token, and this value is not kept secret",
                "put the token into a Secret, name it in xscaler.auth.existingSecret.name, and write the right value"
                " here; rotate the token if this file has been stored anywhere",
            )
        elif "://" in text.text and (found := _SECRET_PARAMETER.search(text.text)):
            yield Issue(
                text.path,
                f"{text.path} has the parameter {found[1]}, and a URL is not kept secret",
                "remove it; xscaler.auth identifies the sender",
            )


@check("XS207", Severity.WARNING)
def placeholder_left(case: Case) -> Iterator[Issue]:
    """A value is a placeholder, or was pasted with too much around it.

    Why: Helm does not expand variables and templates in a values file, so `${TENANT}`, `$CLUSTER`, `{{ .Values.x }}`,
    `<region>` and `YOUR_CLUSTER` are used literally. Typographic quotes and dashes, outer spaces, no-break spaces and
    invisible characters become part of the value. Texts that others expand are left out: annotations, variables and
    arguments of containers, regular expressions and extraObjects.

    Fix: write the value itself.

    Example:
        cluster:
          name: prod-euw1
    """
    # A finding of XS204 or XS206 says more.
    known = {issue.path for issue in (*odd_tenant(case), *token_as_another_value(case))}
    for text in case.texts:
        if text.path in known or _WITH_VARIABLES.match(text.path):
            continue
        found = lookalikes.placeholder(text.text)
        # A token may have a part of this form, which is not to be shown.
        if found and (text.path != _TOKEN or found == text.text):
            message = f"{_name(text)} contains the placeholder {found}"
            yield Issue(text.path, message, "write the value itself; Helm does not expand placeholders in values")
        elif reason := lookalikes.untidy(text.text):
            yield Issue(text.path, f"{_name(text)} {reason}", "write only the value itself")


@check("XS208", Severity.WARNING)
def region_of_a_cloud(case: Case) -> Iterator[Issue]:
    """The region is one of a cloud provider.

    Why: xScaler's regions have another form, for example euw1-01, and the region is a part of xScaler's host name. A
    host for `us-east-1` does not exist.

    Fix: use the region of your xScaler account.

    Example:
        xscaler:
          region: euw1-01
    """
    hosts = {f"xscaler.{what}.url": _host_and_path(url)[0] for what, url in _urls(case).items()}
    regions = {key: host.partition(".")[0] for key, host in hosts.items() if _is_xscaler(host)}
    for key, region in {"xscaler.region": case.settings.xscaler.region, **regions}.items():
        if meant := lookalikes.region_of_a_cloud(region):
            yield Issue(
                key,
                f"{key}: {region} is a region of a cloud provider, not of xScaler",
                f"use the region of your xScaler account, which has a form like {meant}",
            )


@check("XS209", Severity.WARNING)
def proxy_in_part(case: Case) -> Iterator[Issue]:
    """A proxy is set in part.

    Why: xscaler.proxyUrl and xscaler.proxySecret take the URL of the proxy, and xscaler.noProxy its exceptions. Without
    them programs read HTTPS_PROXY and NO_PROXY, of which HTTPS_PROXY holds for the Kubernetes API too. One without the
    other does something else than you expect, or nothing.

    Fix: set all of it below `xscaler`, or all of it as variables.

    Example:
        xscaler:
          proxySecret:
            name: corporate-proxy
          noProxy: [.internal.example]
    """
    xscaler = case.settings.xscaler
    proxied = bool(xscaler.proxy_url or xscaler.proxy_secret.name)
    for key, variables in case.settings.variables.items():
        names = {variable.name.upper() for variable in variables}
        proxies = names & {"HTTPS_PROXY", "HTTP_PROXY"}
        if xscaler.proxy_url and proxies:
            message = f"{key} has {min(proxies)}, which programs do not use for xScaler, since xscaler.proxyUrl is set"
            yield Issue(key, message, "remove one of them")
        elif proxies == {"HTTP_PROXY"} and not proxied:
            message = f"{key} has HTTP_PROXY without HTTPS_PROXY: programs reach https URLs without a proxy"
            yield Issue(key, message, "add HTTPS_PROXY")
        if "NO_PROXY" in names and not proxies and not xscaler.proxy_secret.name:
            yield _unread_exceptions(key, xscaler.proxy_url)
        if "NO_PROXY" in names and xscaler.no_proxy:
            yield Issue("xscaler.noProxy", f"xscaler.noProxy and NO_PROXY in {key} are both set", "remove one of them")
        proxied = proxied or bool(proxies)
    if xscaler.no_proxy and not proxied:
        yield Issue("xscaler.noProxy", "xscaler.noProxy has no effect: no proxy is set", "set xscaler.proxyUrl too")


def _unread_exceptions(key: str, proxy_url: str) -> Issue:
    if proxy_url:
        message = f"{key} has NO_PROXY, which has no effect: the exceptions of xscaler.proxyUrl are xscaler.noProxy"
        return Issue(key, message, "move it to xscaler.noProxy")
    message = f"{key} has NO_PROXY, but no proxy is set: neither HTTPS_PROXY there nor xscaler.proxyUrl"
    return Issue(key, message, "remove it, or set xscaler.proxyUrl and xscaler.noProxy")


def _host_and_path(url: str) -> tuple[str, str]:
    host, slash, path = url.partition("://")[2].partition("/")
    return host.rpartition("@")[2].lower(), slash + path


def _is_xscaler(host: str) -> bool:
    name = host.partition(":")[0]
    return name == "xscalerlabs.com" or name.endswith(".xscalerlabs.com")
