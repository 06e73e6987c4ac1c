"""The namespace of a release: the Secret, the certificate authority, pod security, and other releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.case import POD_SECURITY_LEVELS
from xscaler_istio.checks.mesh import some
from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from xscaler_istio.checks.examination import Examination

_ENFORCED = "pod-security.kubernetes.io/enforce"
_USERNAME = "usernameKey"


@check_cluster("XS440", Severity.ERROR, "values", "namespaces")
def pod_security(examined: Examination) -> Iterator[Issue]:
    """The namespace does not admit a pod of the release.

    Why: Kubernetes rejects pods that need more than the level that the namespace enforces when their workload creates
    them: the installation succeeds, and nothing runs. This checks the label of the namespace; the cluster may enforce a
    default level on namespaces without a label.

    Fix: set another level, put the logs into a separate namespace, or set logs.source: api.

    Example:
        kubectl label namespace telemetry pod-security.kubernetes.io/enforce=privileged
    """
    namespace = next((item for item in examined.inventory.namespaces.items if item.name == examined.namespace), None)
    enforced = namespace.labels.get(_ENFORCED, "") if namespace else ""
    if enforced not in POD_SECURITY_LEVELS:
        return
    for need in examined.release.needs:
        if POD_SECURITY_LEVELS.index(need.level) < POD_SECURITY_LEVELS.index(enforced):
            yield Issue(
                "",
                f"it enforces the pod-security level {enforced}, but {need.workload} needs {need.level}:"
                f" {'; '.join(need.reasons)}",
                f"kubectl label namespace {examined.namespace} {_ENFORCED}={need.level} --overwrite"
                f"{'; or set logs.source: api' if need.workload.endswith('-logs') else ''}",
                f"Namespace {examined.namespace}",
            )


@check_cluster("XS441", Severity.INFO, "namespaces")
def namespace_is_missing(examined: Examination) -> Iterator[Issue]:
    """The namespace of the release does not exist.

    Why: Helm creates it only with --create-namespace, and the Secret with the token has to exist first.

    Fix: create the namespace, then the Secret.

    Example:
        kubectl create namespace telemetry
        kubectl create secret generic xscaler-token -n telemetry --from-literal=token="$XSCALER_TOKEN"
    """
    if _lacks_namespace(examined):
        yield Issue(
            "",
            "it does not exist yet",
            f"kubectl create namespace {examined.namespace}, or name another one with -n",
            f"Namespace {examined.namespace}",
        )


@check_cluster("XS442", Severity.ERROR, "values", "secret")
def secret_is_missing(examined: Examination) -> Iterator[Issue]:
    """The Secret with the token, or one of its keys, is missing.

    Why: the collector's pod stays in ContainerCreating.

    Fix: create the Secret in the namespace of the release, or name the key that it has.

    Example:
        kubectl create secret generic xscaler-token -n telemetry --from-literal=token="$XSCALER_TOKEN"
    """
    wanted = examined.case.settings.xscaler.auth.existing_secret
    if not wanted.name:
        return
    path = "xscaler.auth.existingSecret"
    if not examined.inventory.secret.items:
        first = f"kubectl create namespace {examined.namespace} && " if _lacks_namespace(examined) else ""
        yield Issue(
            f"{path}.name",
            f"the namespace {examined.namespace} has no Secret {wanted.name}",
            f"{first}kubectl create secret generic {wanted.name} -n {examined.namespace} {_literals(examined)}",
        )
        return
    (secret,) = examined.inventory.secret.items
    for key, setting in _keys(examined).items():
        # xScaler accepts an empty user name.
        if key not in secret.lengths or (not secret.lengths[key] and setting != _USERNAME):
            what = "is empty" if key in secret.lengths else "is missing"
            others = f" (its keys: {some(secret.lengths)})" if secret.lengths and key not in secret.lengths else ""
            yield Issue(
                f"{path}.{setting}",
                f"the key {key} {what} in the Secret {examined.namespace}/{wanted.name}{others}",
                f"add it to the Secret, or set {path}.{setting} to the right key",
            )


def _lacks_namespace(examined: Examination) -> bool:
    """Return whether the namespace of the release is known not to exist."""
    part = examined.inventory.namespaces
    return not part.missing and examined.namespace not in {item.name for item in part.items}


def _keys(examined: Examination) -> dict[str, str]:
    """Return the keys that the Secret must have, and which value names each."""
    auth = examined.case.settings.xscaler.auth
    wanted, username = auth.existing_secret, auth.existing_secret.username_key if auth.type == "basic" else ""
    pairs = {wanted.token_key: "tokenKey", wanted.tenant_id_key: "tenantIdKey", username: _USERNAME}
    return {key: setting for key, setting in pairs.items() if key}


def _literals(examined: Examination) -> str:
    """Return the flags of kubectl that give the Secret the keys that it must have."""
    return " ".join(f"--from-literal={key}=…" for key in _keys(examined))


@check_cluster("XS443", Severity.WARNING, "values", "secret")
def padded_token(examined: Examination) -> Iterator[Issue]:
    """A value in the Secret begins or ends with white space.

    Why: `echo token | kubectl create secret --from-file` keeps the line break. Prometheus and Alloy trim every value.
    The OpenTelemetry Collector (0.163) trims token and user name, but can send nothing with such a tenant
    (tenantIdKey). Other programs send the token with it, and xScaler answers 401.

    Fix: recreate the Secret with printf or --from-literal.

    Example:
        printf %s "$XSCALER_TOKEN" | kubectl create secret generic xscaler-token --from-file=token=/dev/stdin
    """
    for secret in examined.inventory.secret.items:
        padded = sorted(secret.padded & _keys(examined).keys())
        if padded:
            name = examined.case.settings.xscaler.auth.existing_secret.name
            yield Issue(
                "xscaler.auth.existingSecret.name",
                f"the value of {', '.join(padded)} in the Secret {examined.namespace}/{name} begins or ends with white"
                " space",
                f"write {'it' if len(padded) == 1 else 'them'} again: kubectl create secret generic {name} -n"
                f" {examined.namespace} {_literals(examined)} --dry-run=client -o yaml | kubectl apply -f -",
            )


@check_cluster("XS444", Severity.ERROR, "values", "authority")
def authority_is_missing(examined: Examination) -> Iterator[Issue]:
    """The certificate authority of xscaler.tls.ca is missing.

    Why: it is mounted, and without it the collector's pod stays in ContainerCreating.

    Fix: create the object in the namespace of the release, or name the right key.

    Example:
        kubectl create configmap corporate-ca -n telemetry --from-file=ca.crt
    """
    wanted = examined.case.settings.xscaler.tls.ca
    if not wanted.name:
        return
    found = examined.inventory.authority.items
    name = f"{wanted.kind} {wanted.name}"
    if not found:
        yield Issue(
            "xscaler.tls.ca.name",
            f"the namespace {examined.namespace} has no {name}",
            f"kubectl create {'secret generic' if wanted.kind == 'Secret' else 'configmap'} {wanted.name}"
            f" -n {examined.namespace} --from-file={wanted.key}",
        )
    elif not found[0].lengths.get(wanted.key):
        yield Issue(
            "xscaler.tls.ca.key",
            f"{name} in the namespace {examined.namespace} has no key {wanted.key}",
            _instead(found[0].lengths),
        )


def _instead(keys: Collection[str]) -> str:
    """Return how to repair a key that an object does not have, by those that it has."""
    if not keys:
        return "add it"
    which = f"{some(keys)}, its only key" if len(keys) == 1 else f"one of its keys: {some(keys)}"
    return f"set xscaler.tls.ca.key to {which}"


@check_cluster("XS445", Severity.WARNING, "pods")
def another_release(examined: Examination) -> Iterator[Issue]:
    """Another release of this chart runs in the cluster.

    Why: two collectors scrape every proxy twice and send the same series twice. With the same cluster.name xScaler
    keeps one of two values; with different names every rate doubles in queries without `cluster`.

    Fix: uninstall the other release, or divide the work: metrics in one and logs in the other (metrics.collector:
    none), or different namespaces (metrics.namespaces).

    Example:
        helm list -A | grep xscaler-istio
    """
    found = {
        (pod.namespace, pod.labels.get("app.kubernetes.io/instance", ""))
        for pod in examined.inventory.pods.items
        if pod.labels.get("app.kubernetes.io/component") == "metrics"
        and pod.container("collector")
        # An upgrade replaces the pods in this namespace.
        and "xscaler.io/shard" in pod.labels
        and pod.namespace != examined.namespace
    }
    if found and examined.case.settings.collector:
        names = some(f"{namespace}/{release}" for namespace, release in found)
        yield Issue(
            "metrics.collector",
            f"another release of this chart already scrapes this cluster: {names}",
            "uninstall it, or give each release its own namespaces (metrics.namespaces), or scrape in one only"
            " (metrics.collector: none in the other)",
        )
