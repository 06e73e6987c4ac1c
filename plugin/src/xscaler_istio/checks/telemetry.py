"""The mesh's telemetry settings: access logs by namespace, and tags that count in the label budget."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio.checks.labels import counts
from xscaler_istio.checks.mesh import some
from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.checks.selection import chosen
from xscaler_istio.cluster import access_logs
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.cluster.access_logs import State
    from xscaler_istio.rendered.telemetry import Telemetry

# Pods whose access logs Envoy writes; ztunnel's are on by default and follow other settings.
_ENVOYS = ("sidecar", "native sidecar", "gateway", "waypoint")
_ENABLE = (
    "set istio.telemetry.accessLogging.enabled: true, or apply a Telemetry object with"
    " accessLogging: [{providers: [{name: envoy}]}]"
)

_SEE_OBJECTS = "check the Telemetry objects there, which override the release's (XS410, XS412, XS415)"


def _states(examined: Examination, more: Sequence[Telemetry] = ()) -> Mapping[str, State]:
    """Return the state of each namespace with Envoys, `more` Telemetry objects applied as the newest."""
    telemetries = (*examined.inventory.telemetries.items, *more)
    found: dict[str, State] = {}
    for outcome in examined.outcomes:
        mesh = examined.mesh_of(outcome.pod)
        if outcome.kind in _ENVOYS and mesh and outcome.pod.namespace not in found:
            name = outcome.pod.namespace
            found[name] = access_logs.state(name, mesh, telemetries, examined.root_namespace)
    return found


def _by_words(states: Mapping[str, State]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, state in sorted(states.items()):
        found.setdefault(state.words, []).append(name)
    return found


@check_cluster("XS410", Severity.INFO, "pods", "mesh", "telemetries")
def access_log_states(examined: Examination) -> Iterator[Issue]:
    """The doctor lists which namespaces write access logs, and why.

    Why: Istio writes access logs only if meshConfig.accessLogFile, meshConfig.defaultProviders or a Telemetry object
    turns them on; a namespace's own object overrides the mesh's. This finding shows the result. Objects that select
    some pods of a namespace are reported separately (XS414). ztunnel writes access logs by default.

    Fix: no action if this is what you want; without access logs `logs.enabled` sends nothing from these namespaces.

    Example:
        istio:
          telemetry:
            accessLogging:
              enabled: true
    """
    for words, names in _by_words(_states(examined)).items():
        single = len(names) == 1
        where = "" if single else f": {some(names)}"
        yield Issue("", f"access logs {words}{where}", "", f"Namespace {names[0]}" if single else "")


@check_cluster("XS411", Severity.WARNING, "values", "pods", "mesh", "telemetries")
def no_access_logs(examined: Examination) -> Iterator[Issue]:
    """The release collects logs, but a namespace writes none.

    Why: the log agent finds no access logs there. The release's own changes (istio.telemetry.accessLogging) are taken
    into account.

    Fix: turn access logs on with the chart's value or a Telemetry object, or exclude the namespace.

    Example:
        istio:
          telemetry:
            accessLogging:
              enabled: true
    """
    settings = examined.case.settings
    if not settings.logs.enabled:
        return
    after = _states(examined, examined.release.telemetries)
    silent = [
        name for name, state in after.items() if not state.on and chosen(settings.chosen_namespaces["logs"][1], name)
    ]
    if silent:
        yield Issue(
            "logs.enabled",
            f"logs.enabled is true, but these namespaces write no access logs: {some(silent)}",
            _SEE_OBJECTS if examined.release.telemetries else _ENABLE,
        )


@check_cluster("XS412", Severity.WARNING, "pods", "mesh", "telemetries")
def telemetry_without_effect(examined: Examination) -> Iterator[Issue]:
    """Istio ignores a part of a Telemetry object about access logs.

    Why: an entry without providers inherits those of the parent object or of meshConfig.defaultProviders. Without any
    it neither turns logs on nor, with `disabled: true`, turns off those of accessLogFile. Istio silently ignores a
    provider that meshConfig.extensionProviders does not have. Of two objects for the same whole namespace Istio uses
    the older one.

    Fix: name the provider (`envoy` always exists); keep one object for each namespace.

    Example:
        spec:
          accessLogging:
            - providers:
                - name: envoy
    """
    listed = examined.inventory.telemetries.items
    meshes = examined.inventory.mesh.items
    known = {name for mesh in meshes for name in mesh.providers}
    inherited = {name for mesh in meshes for name in mesh.default_logging}
    root = access_logs.wide(listed, examined.root_namespace)
    of_root = {name for entry in (root.logging if root else ()) for name in entry.providers}
    for item in listed:
        holds = access_logs.wide(listed, item.namespace)
        if not item.selects and holds and holds != item:
            yield Issue(
                "", f"Istio ignores it: {holds} is older and applies to the whole namespace", "remove one", str(item)
            )
            continue
        above = inherited | (of_root if item != root else set())
        for entry in item.logging:
            unknown = sorted(set(entry.providers) - known)
            what = "turns nothing off" if entry.disabled else "turns nothing on"
            if unknown and meshes:
                missing = f"{what}: meshConfig.extensionProviders has no {', '.join(unknown)}"
                yield Issue("", missing, "name an existing provider, such as envoy", str(item))
            elif not entry.providers and not above:
                yield Issue("", f"{what}: it names no provider", "add providers: [{name: envoy}]", str(item))


@check_cluster("XS413", Severity.WARNING, "values", "pods", "mesh", "telemetries")
def own_log_format(examined: Examination) -> Iterator[Issue]:
    """Access logs have a custom format.

    Why: the agent parses Istio's own TEXT and JSON formats. It sends lines in another format whole, with query strings
    redacted where it recognises them, but without fields, so that dashboards of access logs stay empty.

    Fix: use Istio's own format, or accept lines without fields.

    Example:
        meshConfig:
          accessLogEncoding: JSON
          accessLogFormat: ""
    """
    logs = examined.case.settings.logs
    custom = [name for name, state in _states(examined).items() if state.on and state.custom]
    custom = [name for name in custom if chosen(examined.case.settings.chosen_namespaces["logs"][1], name)]
    if logs.enabled and custom:
        yield Issue(
            "logs.enabled",
            f"access logs have a custom format in {some(custom)}: the agent sends their lines without fields",
            'use Istio\'s own format (meshConfig.accessLogFormat: "")',
        )


@check_cluster("XS414", Severity.INFO, "telemetries")
def telemetry_of_some_pods(examined: Examination) -> Iterator[Issue]:
    """A Telemetry object changes the access logs of some pods only.

    Why: it selects pods by label or a gateway by name, so that XS410's state of the namespace does not apply to them.

    Fix: no action if this is intended.

    Example:
        kubectl get telemetries.telemetry.istio.io -A
    """
    for item in examined.inventory.telemetries.items:
        if item.selects and item.logging:
            yield Issue("", "it changes the access logs only of the pods that it selects", "", str(item))


@check_cluster("XS415", Severity.ERROR, "values", "mesh", "telemetries")
def telemetry_of_the_release(examined: Examination) -> Iterator[Issue]:
    """The release's Telemetry object would have no effect.

    Why: istio.telemetry creates one object for the whole mesh in istio.rootNamespace. In another namespace than the
    mesh's root namespace it applies only to that namespace, and Istio ignores it if an older one for the whole mesh
    exists.

    Fix: set the mesh's root namespace; or copy the entries that `helm xscaler render` shows into the existing object.

    Example:
        istio:
          rootNamespace: istio-system
    """
    configured = {config.root_namespace for config in examined.inventory.mesh.items if config.root_namespace}
    for ours in examined.release.telemetries:
        if configured and ours.namespace not in configured:
            yield Issue(
                "istio.rootNamespace",
                f"istio.rootNamespace is {ours.namespace}, but the mesh's is {', '.join(sorted(configured))}",
                f"set istio.rootNamespace: {min(configured)}",
            )
        others = [item for item in examined.inventory.telemetries.items if item.name != ours.name]
        older = access_logs.wide(others, ours.namespace)
        if older:
            yield Issue(
                "istio.telemetry",
                f"{older} already applies to the whole mesh, and Istio would ignore the release's object",
                f"set {' and '.join(_switches(examined))}, and add the entries of the release's object to that one",
            )


def _switches(examined: Examination) -> Iterator[str]:
    """Yield how to turn off what the release's Telemetry object is for."""
    ours = examined.case.settings.istio.telemetry
    for name, switch in (("accessLogging", ours.access_logging), ("trimTags", ours.trim_tags)):
        if switch.enabled:
            yield f"istio.telemetry.{name}.enabled: false"


# -- tags ---------------------------------------------------------------------------------------------------------


def _tags(examined: Examination) -> Mapping[str, str]:
    """Return the tags that the mesh adds to Istio's own, and where each is defined."""
    labels = examined.case.facts.labels
    own = {name for group in labels.groups.values() for name in group} | _EMPTIED
    of_objects = {tag.name: str(item) for item in examined.inventory.telemetries.items for tag in item.tags}
    of_mesh = {
        name: f"meshConfig.defaultConfig.extraStatTags ({config.name})"
        for config in examined.inventory.mesh.items
        for name in config.extra_tags
    }
    return {name: by for name, by in sorted({**of_mesh, **of_objects}.items()) if name not in own}


# These are Istio's own as well; the chart empties them (files/rules/label-budget.yaml).
_EMPTIED = {"source_app", "source_version", "destination_app", "destination_version"}


@check_cluster("XS420", Severity.ERROR, "values", "mesh", "telemetries")
def over_the_label_budget(examined: Examination) -> Iterator[Issue]:
    """Tags of the mesh give series more labels than xScaler allows.

    Why: xScaler rejects a series with more than xscaler.limits.labelsPerSeries labels, its name included, and no
    collector sends it again: latency, whose buckets have the most labels, vanishes first. This counts the labels of
    Istio's metrics in the worst case, those of the target, cluster.labels, and the tags from Telemetry objects and
    meshConfig.defaultConfig.extraStatTags.

    Fix: remove tags, or some of cluster.labels.

    Example:
        spec:
          metrics:
            - overrides:
                - tagOverrides:
                    request_host: {operation: REMOVE}
    """
    tags = _tags(examined)
    limit = examined.case.settings.xscaler.limits.labels_per_series
    over = [(count, family) for count, family in counts(examined.case, set(tags)) if count > limit]
    if over and tags:
        most, family = max(over)
        places = sorted(set(tags.values()))
        yield Issue(
            "istio.customTags",
            f"{family} would have {most} labels (limit {limit}): the mesh adds {', '.join(tags)} ({some(places)})",
            f"remove {most - limit} of these tags or of cluster.labels",
        )


@check_cluster("XS421", Severity.WARNING, "values", "mesh", "telemetries")
def tags_not_in_the_values(examined: Examination) -> Iterator[Issue]:
    """The mesh adds tags that the values do not contain.

    Why: the chart counts istio.customTags in the label budget and refuses too many. It cannot count tags that the
    values do not contain.

    Fix: add them to istio.customTags.

    Example:
        istio:
          customTags: [request_host]
    """
    named = examined.case.settings.istio.custom_tags
    missing = {name: by for name, by in _tags(examined).items() if name not in named}
    if missing:
        listed = "; ".join(f"{name} by {by}" for name, by in missing.items())
        yield Issue(
            "istio.customTags",
            f"the mesh adds tags that istio.customTags does not contain: {listed}",
            f"set istio.customTags: [{', '.join([*named, *missing])}]",
        )


_UNBOUNDED = re.compile(r"request\.(?:path|url_path|query|id|headers|useragent|time|host)|(?:source|upstream)\.address")


@check_cluster("XS422", Severity.WARNING, "telemetries")
def tags_without_bound(examined: Examination) -> Iterator[Issue]:
    """A tag has an unlimited number of values.

    Why: each value creates all series of a proxy again, 67 for each combination of peer and response code, and a proxy
    forgets none. Paths contain ids, and clients choose headers and hosts: the memory of proxies and collectors and the
    bill grow without limit.

    Fix: use a tag with few values, for example an expression that maps the path to the name of a route.

    Example:
        tagOverrides:
          route: {value: "request.url_path.startsWith('/api/') ? 'api' : 'other'"}
    """
    for item in examined.inventory.telemetries.items:
        for tag in dict.fromkeys(item.tags):
            found = _UNBOUNDED.search(tag.value)
            # The values of a condition are only its results.
            if found and "?" not in tag.value:
                yield Issue(
                    "",
                    f"its tag {tag.name} has the value of {found[0]}, which can have any number of values",
                    "limit it to a few values, or remove it",
                    str(item),
                )


# Tags beside Istio's labels that the bootstrap of older proxies registers.
_REGISTERED = {"request_host", "request_operation", "destination_port", "source_namespace", "destination_namespace"}
_EXTRA_TAGS = "sidecar.istio.io/extraStatTags"


@check_cluster("XS424", Severity.INFO, "pods", "mesh", "telemetries")
def unregistered_tags(examined: Examination) -> Iterator[Issue]:
    """A tag of a Telemetry object is not registered as a tag.

    Why: proxies that take tags from the names of statistics (reported for Istio up to 1.19, istio/istio#47580) need to
    know each of them. Otherwise the tag and its value become part of the metric's name, as in
    business_mode___live___istio_requests_total. Dashboards do not find such a metric, and every profile drops it, so
    that these requests are missing. Newer proxies need no list, and it does no harm there.

    Fix: list the tag in meshConfig.defaultConfig.extraStatTags, or in the annotation sidecar.istio.io/extraStatTags of
    the pods, and restart them.

    Example:
        meshConfig:
          defaultConfig:
            extraStatTags: [business_mode]
    """
    labels = examined.case.facts.labels
    known = {name for group in labels.groups.values() for name in group} | _EMPTIED | _REGISTERED
    known |= {name for config in examined.inventory.mesh.items for name in config.extra_tags}
    for item in examined.inventory.telemetries.items:
        reached = [
            outcome.pod.annotations
            for outcome in examined.outcomes
            if outcome.kind in _ENVOYS and item.namespace in (outcome.pod.namespace, examined.root_namespace)
        ]
        unknown = [
            name
            for name in dict.fromkeys(tag.name for tag in item.tags)
            if name not in known and not all(_registers(annotations, name) for annotations in reached)
        ]
        if unknown:
            yield Issue(
                "",
                f"extraStatTags lacks tags that this object adds ({', '.join(unknown)}): older proxies write them into"
                " the names of metrics, and the release drops these",
                f"add to meshConfig.defaultConfig.extraStatTags: {', '.join(unknown)}",
                str(item),
            )


def _registers(annotations: Mapping[str, str], tag: str) -> bool:
    """Report whether a pod's annotations register a tag: as a list, or as part of its proxy configuration."""
    listed = [name.strip() for name in annotations.get(_EXTRA_TAGS, "").split(",")]
    configured = annotations.get("proxy.istio.io/config", "")
    return tag in listed or ("extraStatTags" in configured and bool(re.search(rf"\b{re.escape(tag)}\b", configured)))


@check_cluster("XS423", Severity.INFO, "values", "pods")
def other_name_of_the_cluster(examined: Examination) -> Iterator[Issue]:
    """Istio has another name for this cluster than the values.

    Why: source_cluster and destination_cluster contain Istio's name, the label `cluster` contains cluster.name. A query
    that compares the two, for example about traffic between clusters, finds nothing if they differ. Istio's default for
    every cluster, `Kubernetes`, is not reported; as cluster.name it would be wrong (XS205).

    Fix: use the same name, if no other cluster of the account has it; Istio's is global.multiCluster.clusterName.

    Example:
        cluster:
          name: prod-euw1
    """
    ours = examined.case.settings.cluster.name
    names = {
        container.environment[variable]
        for outcome in examined.outcomes
        for container in outcome.pod.containers
        for variable in ("CLUSTER_ID", "ISTIO_META_CLUSTER_ID")
        if variable in container.environment
    }
    others = sorted(names - {ours, "Kubernetes", ""})
    if others:
        yield Issue(
            "cluster.name",
            f"cluster.name is {ours}, but Istio calls this cluster {some(others)} in source_cluster and"
            " destination_cluster",
            f"set cluster.name: {others[0]}, if no other cluster in your account uses it",
        )
