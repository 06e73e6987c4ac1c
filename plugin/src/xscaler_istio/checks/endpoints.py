"""Whether xScaler takes what a release would send, asked from this machine."""

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
            known_fix = f"set xscaler.{outcome.what}.url: {outcome.other}, which took it" if outcome.other else fix
            said = " ".join(filter(None, (str(outcome.status or ""), outcome.text)))
            yield Issue(
                f"xscaler.{outcome.what}.url",
                f"{outcome.what}: {problem} {outcome.url}: {said}",
                known_fix or refusals.fix(said),
            )


@check_cluster("XS450", Severity.ERROR, "values", "probes")
def no_such_host(examined: Examination) -> Iterator[Issue]:
    """The host that is sent to has no address.

    Why: the region, or the URL in its place, is misspelt, or names of outside are not known here. This machine was
    asked, whose DNS may differ from the cluster's. Where xScaler has published another form of the URL, that was tried
    too, and is named if it works.

    Fix: the right region or URL.

    Example:
        xscaler:
          region: euw1-01
    """
    yield from _issues(examined, "name", "no address for", "is xscaler.region right, or the URL in its place?")


@check_cluster("XS451", Severity.ERROR, "values", "probes")
def no_connection(examined: Examination) -> Iterator[Issue]:
    """Nobody answers at the address.

    Why: a firewall stands in between, or a proxy is needed. This machine was asked; the cluster may have another way.

    Fix: open the way on port 443, or name the proxy.

    Example:
        xscaler:
          proxyUrl: http://proxy.internal:3128
    """
    fix = "open the way on port 443, or set xscaler.proxyUrl"
    yield from _issues(examined, "connection", "no connection to", fix)


@check_cluster("XS452", Severity.ERROR, "values", "probes")
def no_trust(examined: Examination) -> Iterator[Issue]:
    """The certificate is not trusted.

    Why: a proxy or gateway that looks into TLS shows a certificate of its own, or it is another host. Collectors
    verify certificates, and that cannot be turned off.

    Fix: name the authority that issued it, if you know it.

    Example:
        xscaler:
          tls:
            ca:
              name: corporate-ca
    """
    fix = "an authority of your own stands in between? name it in xscaler.tls.ca"
    yield from _issues(examined, "tls", "the certificate is not trusted of", fix)


@check_cluster("XS453", Severity.ERROR, "values", "probes")
def refused(examined: Examination) -> Iterator[Issue]:
    """xScaler refuses what is sent.

    Why: its answer says it: 401 for a wrong token or tenant, 400 for a tenant that is not the token's, 403 for a
    token without the write scope, 404 for a path that is not there, 429 for a plan that is used up.

    Fix: what the finding says.

    Example:
        kubectl create secret generic xscaler-token -n telemetry --from-literal=token="$XSCALER_TOKEN"
    """
    yield from _issues(examined, "answer", "refused by", "")


@check_cluster("XS454", Severity.INFO, "values", "probes")
def taken(examined: Examination) -> Iterator[Issue]:
    """xScaler takes what is sent.

    Why: a sample of xscaler_doctor_probe, or a line, with job="xscaler-doctor" and the label cluster, was sent with
    the token and the tenant of the release, and taken.

    Fix: nothing is wrong.

    Example:
        xscaler_doctor_probe{cluster="prod-1"}
    """
    for outcome in examined.probes:
        if not outcome.stage:
            thing = "a sample" if outcome.what == "metrics" else "a line"
            yield Issue(f"xscaler.{outcome.what}.url", f"{outcome.what}: {outcome.url} took {thing}", "")
