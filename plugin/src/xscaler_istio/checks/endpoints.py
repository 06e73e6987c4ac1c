"""Whether xScaler accepts what a release would send: a test push from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.findings.findings import Severity
from xscaler_istio.wire import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.examination import Examination


def _issues(examined: Examination, stage: str, problem: str, fix: str) -> Iterator[Issue]:
    """Yield an issue for each probe that failed at a stage."""
    for outcome in examined.probes:
        if outcome.stage == stage:
            known_fix = f"set xscaler.{outcome.what}.url: {outcome.other}, which accepted it" if outcome.other else fix
            answer = " ".join(filter(None, (str(outcome.status or ""), outcome.text)))
            yield Issue(
                f"xscaler.{outcome.what}.url",
                f"{outcome.what}: {problem} {outcome.url}: {answer}",
                known_fix or refusals.fix(refusals.cause_of_answer(outcome.status, outcome.text)),
            )


@check_cluster("XS450", Severity.ERROR, "values", "probes")
def no_such_host(examined: Examination) -> Iterator[Issue]:
    """The name of xScaler's host has no address.

    Why: the region or the URL is misspelt, or DNS does not resolve external names here. This machine sent the test
    push; the cluster's DNS may differ. If xScaler publishes another form of the URL, the probe tries it too and names
    it if it works.

    Fix: correct xscaler.region or the URL.

    Example:
        xscaler:
          region: euw1-01
    """
    yield from _issues(examined, "name", "DNS has no address for", "correct xscaler.region, or the URL if you set one")


@check_cluster("XS451", Severity.ERROR, "values", "probes")
def no_connection(examined: Examination) -> Iterator[Issue]:
    """There is no connection to xScaler.

    Why: a firewall blocks the connection, or a proxy is needed. This machine sent the test push; the cluster's network
    may differ.

    Fix: allow connections to port 443, or name the proxy.

    Example:
        xscaler:
          proxyUrl: http://proxy.internal:3128
    """
    fix = "allow connections to port 443, or set xscaler.proxyUrl"
    yield from _issues(examined, "connection", "no connection to", fix)


@check_cluster("XS452", Severity.ERROR, "values", "probes")
def no_trust(examined: Examination) -> Iterator[Issue]:
    """The certificate of xScaler's host is not trusted.

    Why: a proxy or gateway that inspects TLS presents its own certificate, or the host is not the right one. Collectors
    verify certificates, and this cannot be turned off.

    Fix: name the certificate authority of your proxy in xscaler.tls.ca, if you trust it.

    Example:
        xscaler:
          tls:
            ca:
              name: corporate-ca
    """
    fix = "if a proxy of yours inspects TLS, name its certificate authority in xscaler.tls.ca"
    yield from _issues(examined, "tls", "no trusted certificate at", fix)


@check_cluster("XS453", Severity.ERROR, "values", "probes")
def refused(examined: Examination) -> Iterator[Issue]:
    """xScaler rejects the test push.

    Why: its answer gives the reason: 401 for a wrong token or tenant, 400 for another token's tenant, 403 for a token
    without the write scope, 404 for a wrong path, 429 for a plan that is used up or a locked account, which only
    the text of the answer distinguishes. Redirects (3xx) are not followed: the token would reach another host.

    Fix: follow the finding's advice.

    Example:
        kubectl create secret generic xscaler-token -n telemetry --from-literal=token="$XSCALER_TOKEN"
    """
    yield from _issues(examined, "answer", "rejected by", "")


@check_cluster("XS454", Severity.INFO, "values", "probes")
def taken(examined: Examination) -> Iterator[Issue]:
    """xScaler accepts the test push.

    Why: this machine sent a sample of xscaler_doctor_probe, or a line, with job="xscaler-doctor" and the label cluster,
    with the token and the tenant of the release. xScaler accepted it.

    Fix: no action.

    Example:
        xscaler_doctor_probe{cluster="prod-1"}
    """
    for outcome in examined.probes:
        if not outcome.stage:
            thing = "a sample" if outcome.what == "metrics" else "a line"
            yield Issue(f"xscaler.{outcome.what}.url", f"{outcome.what}: {outcome.url} accepted {thing}", "")
