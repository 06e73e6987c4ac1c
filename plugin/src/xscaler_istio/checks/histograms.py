"""The form of histograms: what reads only classic ones, and what would drop native ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check, check_cluster, check_object
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.documents import mapping
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.rendered.manifests import Manifest


@check("XS214", Severity.INFO)
def native_histograms(case: Case) -> Iterator[Issue]:
    """Some programs read only classic histograms.

    Why: with metrics.histograms: native a histogram is one series, and its series `_bucket`, `_sum` and `_count` do not
    exist. Kiali, Istio's published dashboards, Flagger, Argo Rollouts' templates and most tools for SLOs read them, and
    show no latency. This chart's dashboards and alerts read the form that the values choose. Whether a backend accepts
    native histograms (remote write 2.0) depends on it: ask before you rely on them.

    Fix: list what reads `_bucket` (docs/histograms.md), and use `both` until nothing does.

    Example:
        metrics:
          histograms: both
    """
    if case.settings.collector and case.settings.metrics.histograms == NATIVE:
        yield Issue(
            "metrics.histograms",
            "metrics.histograms is native: Kiali, Istio's dashboards, Flagger and most SLO tools read _bucket, which is"
            " no longer sent",
            "check what reads _bucket (docs/histograms.md); until nothing does, set metrics.histograms: both, which"
            " sends both forms",
        )


@check("XS215", Severity.INFO)
def both_forms(case: Case) -> Iterator[Issue]:
    """Histograms are sent twice.

    Why: metrics.histograms: both is for a migration. It sends all classic series and one more for each histogram, so it
    saves nothing.

    Fix: use `native` once nothing reads `_bucket`, or `classic`.

    Example:
        metrics:
          histograms: native
    """
    if case.settings.collector and case.settings.metrics.histograms == BOTH:
        yield Issue(
            "metrics.histograms",
            "metrics.histograms is both, which sends the classic series and the native ones",
            "set metrics.histograms: native once nothing reads _bucket",
        )


@check_object("XS345", Severity.ERROR)
def dropped_histograms(manifest: Manifest) -> Iterator[Issue]:
    """A collector makes native histograms, and its remote write drops them.

    Why: only remote write 2.0 has native histograms with custom buckets, and Prometheus and Alloy send them only if
    `send_native_histograms` is set too. If either is missing, in any of several remote writes, histograms are dropped:
    without an error, and no counter shows it.

    Fix: report this as a bug of the chart, unless something changes its configuration: set both in every remote write.

    Example:
        remote_write:
          - url: https://euw1-01.xscalerlabs.com/api/v1/push
            protobuf_message: io.prometheus.write.v2.Request
            send_native_histograms: true
    """
    labels = mapping(manifest.document, "metadata", "labels")
    # The log agents' configuration may have the same name.
    ours = manifest.kind == "ConfigMap" and labels.get("app.kubernetes.io/component") == "metrics"
    data = mapping(manifest.document, "data") if ours else {}
    for collector in COLLECTORS.values():
        if text := data.get(collector.config_file):
            scraping = collector.read(collector.parse(text))
            if scraping.histograms != CLASSIC and not scraping.carries_native:
                yield Issue(
                    "",
                    f"{collector.config_file} makes native histograms, and a remote write in it drops them",
                    "set protobuf_message and send_native_histograms in every remote write",
                )


_UNTIL = "set metrics.histograms: classic until it stores native histograms"


def _sent_native(examined: Examination) -> bool:
    settings = examined.case.settings
    return bool(settings.collector) and settings.metrics.histograms != CLASSIC


def _not_taken(examined: Examination) -> str:
    """Return what a backend that does not store native histograms does with one; nothing of another backend."""
    probed = examined.native
    if probed and probed.stage:
        return f"{probed.url} rejects a native histogram: {probed.status} {probed.text}"
    if probed and probed.stored is False:
        return f"{probed.url} answers {probed.status} to a native histogram and does not store it"
    return ""


@check_cluster("XS455", Severity.ERROR, "values", "probes")
def native_not_taken(examined: Examination) -> Iterator[Issue]:
    """The values send native histograms, and xScaler does not store them.

    Why: this machine sent one native histogram (xscaler_doctor_probe_histogram) by remote write 2.0. A backend may
    reject it, or accept the push and drop the histogram: the answer counts what was written, and with a read token the
    probe queries for it. Latency and size would be missing from every dashboard.

    Fix: use classic histograms until xScaler stores native ones.

    Example:
        metrics:
          histograms: classic
    """
    if _sent_native(examined) and (said := _not_taken(examined)):
        yield Issue("metrics.histograms", said, _UNTIL)


@check_cluster("XS456", Severity.WARNING, "values", "probes")
def native_unknown(examined: Examination) -> Iterator[Issue]:
    """The values send native histograms, and nothing shows that xScaler stores them.

    Why: xScaler accepted one native histogram, and its answer does not count what was written, as remote write 2.0
    requires. Only a query can show whether the histogram is there.

    Fix: give the probe a read token, or query for xscaler_doctor_probe_histogram.

    Example:
        helm xscaler doctor -n telemetry -f values.yaml --probe --read-token-file read-token
    """
    probed = examined.native
    if _sent_native(examined) and probed and not probed.stage and probed.stored is None:
        why = f" ({probed.text})" if probed.text else ""
        yield Issue(
            "metrics.histograms",
            f"{probed.url} answers {probed.status} to a native histogram, without a count of what it stored{why}",
            "give the probe a read token (--read-token-file), or query for xscaler_doctor_probe_histogram",
        )


@check_cluster("XS457", Severity.INFO, "values", "probes")
def native_answer(examined: Examination) -> Iterator[Issue]:
    """The answer of xScaler to a native histogram.

    Why: whether a backend stores native histograms decides whether metrics.histograms can be native, which sends a
    sixth of the series. This machine sent one of xscaler_doctor_probe_histogram by remote write 2.0.

    Fix: no action; the finding says which form is possible.

    Example:
        metrics:
          histograms: native
    """
    probed = examined.native
    if probed and probed.stored:
        fix = "" if _sent_native(examined) else "metrics.histograms: native is possible (docs/histograms.md)"
        yield Issue("metrics.histograms", f"{probed.url} stores native histograms", fix)
    elif not _sent_native(examined) and (said := _not_taken(examined)):
        yield Issue("metrics.histograms", f"{said}: metrics.histograms can only be classic", "")
