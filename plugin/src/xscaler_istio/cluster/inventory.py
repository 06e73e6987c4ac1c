"""The objects of a cluster that the rules need, in parts; a part that could not be read has the reason."""

from __future__ import annotations

import dataclasses
import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xscaler_istio.cluster import kinds, objects
from xscaler_istio.cluster.access import AnsweredError
from xscaler_istio.rendered import network_policy, telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xscaler_istio.cluster.access import Access, Object

Item = TypeVar("Item")
# The number of kubectl processes that run at the same time.
_AT_ONCE = 4
_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


@dataclasses.dataclass(frozen=True)
class Part(Generic[Item]):
    """Objects of one kind. `missing` is the reason why they could not be read."""

    items: tuple[Item, ...] = ()
    missing: str = ""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The objects that the values name: `authority` is the API path of a Secret or ConfigMap; empty for none."""

    namespace: str
    root_namespace: str
    secret: str
    authority: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inventory:
    """The parts. Of `secret` and `authority` there is one item if the object exists.

    `monitors` are the Prometheus Operator's, `configurations` the ConfigMaps that other collectors mount, `machines`
    the names of WorkloadEntry objects.
    """

    pods: Part[objects.Pod]
    namespaces: Part[objects.Namespace]
    telemetries: Part[telemetry.Telemetry]
    mesh: Part[objects.MeshConfig]
    secret: Part[objects.Keys]
    authority: Part[objects.Keys]
    policies: Part[network_policy.Policy]
    monitors: Part[objects.Text]
    configurations: Part[objects.Text]
    machines: Part[str]

    def missing(self, name: str) -> str:
        """Return the reason why a part was not read, or nothing."""
        part: Part[Any] = getattr(self, name)
        return part.missing


_MONITORS = ("podmonitors", "servicemonitors")
# The Prometheus Operator's, and that of OpenShift's Cluster Observability Operator.
_MONITOR_GROUPS = ("monitoring.coreos.com", "monitoring.rhobs")
# The API paths of lists, by part: versions of a resource in turn, since a cluster may not have the first.
_LISTS: Mapping[str, tuple[tuple[str, ...], Callable[[Object], Any]]] = {
    "pods": (("/api/v1/pods",), objects.pod),
    "namespaces": (("/api/v1/namespaces",), objects.namespace),
    "telemetries": (
        ("/apis/telemetry.istio.io/v1/telemetries", "/apis/telemetry.istio.io/v1alpha1/telemetries"),
        telemetry.parse,
    ),
    "policies": (("/apis/networking.k8s.io/v1/networkpolicies",), network_policy.parse),
    **{
        f"{resource}.{group}": ((f"/apis/{group}/v1/{resource}",), objects.text)
        for resource, group in itertools.product(_MONITORS, _MONITOR_GROUPS)
    },
    "machines": (
        tuple(f"/apis/networking.istio.io/{version}/workloadentries" for version in ("v1", "v1beta1", "v1alpha3")),
        lambda document: f"{document['metadata']['namespace']}/{document['metadata']['name']}",
    ),
}
# Programs that scrape, by the names of their images.
_COLLECTORS = re.compile(r"prometheus|alloy|agent|otel|opentelemetry|telegraf|vmagent|victoria|metricbeat|splunk")
# A cluster may have many collectors with many files.
_MOST_CONFIGURATIONS = 40


def read(access: Access, wanted: Wanted) -> Inventory:
    """Read a cluster; raise UnreachableError if it does not answer or the credentials are not valid."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        lists = {name: pool.submit(_list, access, paths, parse) for name, (paths, parse) in _LISTS.items()}
        secret = pool.submit(_keys, access, wanted.secret)
        authority = pool.submit(_keys, access, wanted.authority)
        pods: Part[objects.Pod] = lists["pods"].result()
        mesh = pool.submit(_each, access, mesh_configs(pods.items, wanted.root_namespace), objects.mesh_config)
        others = pool.submit(_each, access, configurations(pods.items, wanted.namespace), objects.text)
        monitors = [lists[f"{resource}.{group}"].result() for resource in _MONITORS for group in _MONITOR_GROUPS]
        return Inventory(
            pods=Part(_not_ended(pods.items), pods.missing),
            namespaces=lists["namespaces"].result(),
            telemetries=lists["telemetries"].result(),
            mesh=mesh.result(),
            secret=secret.result(),
            authority=authority.result(),
            policies=lists["policies"].result(),
            monitors=Part(
                tuple(item for part in monitors for item in part.items),
                next(filter(None, (part.missing for part in monitors)), ""),
            ),
            configurations=others.result(),
            machines=lists["machines"].result(),
        )


def running_pods(access: Access) -> tuple[objects.Pod, ...]:
    """Return the pods that have not ended; raises as `Access.get` does."""
    return _not_ended(map(objects.pod, access.items("/api/v1/pods")))


def _not_ended(pods: Iterable[objects.Pod]) -> tuple[objects.Pod, ...]:
    return tuple(pod for pod in pods if pod.phase not in ("Succeeded", "Failed"))


def mesh_configs(pods: Iterable[objects.Pod], root_namespace: str) -> tuple[str, ...]:
    """Return the paths of Istio's ConfigMaps, one for each revision; without an istiod the usual path."""
    found = {
        (pod.namespace, "istio" if revision == "default" else f"istio-{revision}")
        for pod in pods
        if pod.container(kinds.ISTIOD)
        for revision in (pod.labels.get("istio.io/rev", "default"),)
    }
    return tuple(
        f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        for namespace, name in sorted(found or {(root_namespace, "istio")})
    )


def configurations(pods: Iterable[objects.Pod], namespace: str) -> tuple[str, ...]:
    """Return the paths of the ConfigMaps that collectors outside the release's namespace mount."""
    found = {
        f"/api/v1/namespaces/{pod.namespace}/configmaps/{name}"
        for pod in pods
        if pod.namespace != namespace and any(_COLLECTORS.search(container.image) for container in pod.containers)
        for name in pod.config_maps
        # Kubernetes mounts this one into every pod.
        if name != "kube-root-ca.crt"
    }
    return tuple(sorted(found)[:_MOST_CONFIGURATIONS])


def _list(access: Access, paths: tuple[str, ...], parse: Callable[[Object], Item]) -> Part[Item]:
    """Return the objects at the first path that the cluster knows; an unknown kind has no objects."""
    for path in paths:
        try:
            return Part(tuple(map(parse, access.items(path))))
        except AnsweredError as error:
            if error.reason != "NotFound":
                return Part(missing=why(error))
    return Part()


def _each(access: Access, paths: Iterable[str], parse: Callable[[Object], Item]) -> Part[Item]:
    """Return the objects at these paths; those that do not exist are left out."""
    found = []
    for path in paths:
        try:
            found.append(parse(access.get(path)))
        except AnsweredError as error:
            if error.reason != "NotFound":
                return Part(missing=why(error))
    return Part(tuple(found))


def _keys(access: Access, path: str) -> Part[objects.Keys]:
    """Return the keys of a Secret or ConfigMap, without its values."""
    return _each(access, (path,) if path else (), objects.keys)


def contents(access: Access, path: str) -> Mapping[str, str]:
    """Return the values of a Secret or ConfigMap, only for a probe; raise AnsweredError as `Access.get` does."""
    return objects.contents(access.get(path))


def why(error: AnsweredError) -> str:
    """Return the missing permission in words; raise the error again if the credentials are not valid."""
    if error.reason == "Unauthorized":
        raise error
    found = _FORBIDDEN.search(error.text)
    if not found:
        return f"the cluster answered {error.reason}: {error.text}"
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    where = f"in the namespace {found['namespace']}" if found["namespace"] else "in all namespaces"
    where = "" if found["resource"] == "namespaces" else f" {where}"
    return f"no permission to {found['verb']} {resource}{where}"
