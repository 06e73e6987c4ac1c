"""What the mesh is told to write: access logs by namespace, and tags that count in the label budget."""

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

# Whose access logs Envoy writes; ztunnel's are on by default and follow other settings.
_ENVOYS = ("sidecar", "native sidecar", "gateway", "waypoint")
_ENABLE = (
    "set istio.telemetry.accessLogging.enabled: true, or apply a Telemetry object with"
    " accessLogging: [{providers: [{name: envoy}]}]"
)

_SEE_OBJECTS = "look at the Telemetry objects there, which win over the release's (XS410, XS412, XS415)"


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
    """Which namespaces write access logs, and by which setting.

    Why: Istio writes none unless it is told to, by meshConfig.accessLogFile, by meshConfig.defaultProviders or by a
    Telemetry object, of which the namespace's own wins over the mesh's. What is found here is what they come to.
    Objects that select some pods of a namespace are told apart (XS414). ztunnel writes its lines by default.

    Fix: nothing, if that is what you want; without access logs `logs.enabled` sends nothing of these namespaces.

    Example:
        istio:
          telemetry:
            accessLogging:
              enabled: true
    """
    for words, names in _by_words(_states(examined)).items():
        alone = len(names) == 1
        where = "" if alone else f": {some(names)}"
        yield Issue("", f"access logs {words}{where}", "", f"Namespace {names[0]}" if alone else "")


@check_cluster("XS411", Severity.WARNING, "values", "pods", "mesh", "telemetries")
def no_access_logs(examined: Examination) -> Iterator[Issue]:
    """Logs are to be sent, and a namespace writes none.

    Why: logs.enabled runs an agent that finds no access logs there. What the release itself changes
    (istio.telemetry.accessLogging) is taken into account.

    Fix: turn access logs on, for the mesh with the chart's value or with a Telemetry object, or leave the namespace
    out.

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
    silent = [name for name, state in after.items() if not state.on and chosen(settings.logs.namespaces, name)]
    if silent:
        yield Issue(
            "logs.enabled",
            f"logs.enabled, and no access logs are written in {some(silent)}",
            _SEE_OBJECTS if examined.release.telemetries else _ENABLE,
        )


@check_cluster("XS412", Severity.WARNING, "pods", "mesh", "telemetries")
def telemetry_without_effect(examined: Examination) -> Iterator[Issue]:
    """A Telemetry object says something of access logs that Istio ignores.

    Why: an entry without providers takes those of the object above it or of meshConfig.defaultProviders; where there
    are none, it neither turns logs on nor, with `disabled: true`, those of accessLogFile off. A provider that
    meshConfig.extensionProviders does not name is passed over without a word. Of two objects for one whole namespace
    Istio takes the older.

    Fix: name the provider, `envoy` is always there; keep one object a namespace.

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
                "", f"it is ignored: {holds} is older and holds for the whole namespace", "remove one", str(item)
            )
            continue
        above = inherited | (of_root if item != root else set())
        for entry in item.logging:
            unknown = sorted(set(entry.providers) - known)
            what = "turns nothing off" if entry.disabled else "turns nothing on"
            if unknown and meshes:
                missing = f"{what}: meshConfig.extensionProviders has no {', '.join(unknown)}"
                yield Issue("", missing, "name a provider that is there, such as envoy", str(item))
            elif not entry.providers and not above:
                yield Issue("", f"{what}: it names no provider", "add providers: [{name: envoy}]", str(item))


@check_cluster("XS413", Severity.WARNING, "values", "pods", "mesh", "telemetries")
def own_log_format(examined: Examination) -> Iterator[Issue]:
    """Access logs have a format of their own.

    Why: the agent reads Istio's own TEXT and JSON formats. Lines of another are sent whole, with query strings
    redacted where they can be told, but without fields, so that dashboards of access logs stay empty.

    Fix: Istio's own format; or live with lines without fields.

    Example:
        meshConfig:
          accessLogEncoding: JSON
          accessLogFormat: ""
    """
    logs = examined.case.settings.logs
    custom = [name for name, state in _states(examined).items() if state.on and state.custom]
    custom = [name for name in custom if chosen(logs.namespaces, name)]
    if logs.enabled and custom:
        yield Issue(
            "logs.enabled",
            f"access logs have a format of their own in {some(custom)}: their lines are sent without fields",
            'use Istio\'s own format (meshConfig.accessLogFormat: "")',
        )


@check_cluster("XS414", Severity.INFO, "telemetries")
def telemetry_of_some_pods(examined: Examination) -> Iterator[Issue]:
    """A Telemetry object changes access logs of some pods alone.

    Why: it selects pods by label or a gateway by name, so that what XS410 says of the namespace does not hold for them.

    Fix: nothing, if it is meant.

    Example:
        kubectl get telemetries.telemetry.istio.io -A
    """
    for item in examined.inventory.telemetries.items:
        if item.selects and item.logging:
            yield Issue("", "it changes the access logs of the pods that it selects", "", str(item))


@check_cluster("XS415", Severity.ERROR, "values", "mesh", "telemetries")
def telemetry_of_the_release(examined: Examination) -> Iterator[Issue]:
    """The release's Telemetry object would have no effect.

    Why: istio.telemetry puts one object for the whole mesh into istio.rootNamespace. In a namespace that is not the
    mesh's root it holds for that namespace alone, and beside an older one for the whole mesh Istio ignores it.

    Fix: the mesh's root namespace; or add to the object that is there what `helm xscaler render` shows.

    Example:
        istio:
          rootNamespace: istio-system
    """
    configured = {config.root_namespace for config in examined.inventory.mesh.items if config.root_namespace}
    for ours in examined.release.telemetries:
        if configured and ours.namespace not in configured:
            yield Issue(
                "istio.rootNamespace",
                f"istio.rootNamespace is {ours.namespace}, and the mesh's is {', '.join(sorted(configured))}",
                f"set istio.rootNamespace: {min(configured)}",
            )
        others = [item for item in examined.inventory.telemetries.items if item.name != ours.name]
        older = access_logs.wide(others, ours.namespace)
        if older:
            yield Issue(
                "istio.telemetry",
                f"{older} holds for the whole mesh already, and Istio would ignore the release's",
                "turn istio.telemetry off and add its entries to that object",
            )


# -- tags ---------------------------------------------------------------------------------------------------------


def _tags(examined: Examination) -> Mapping[str, str]:
    """Return the tags that the mesh adds to Istio's own, and by what."""
    labels = examined.case.facts.labels
    own = {name for group in labels.groups.values() for name in group} | _EMPTIED
    of_objects = {tag.name: str(item) for item in examined.inventory.telemetries.items for tag in item.tags}
    of_mesh = {
        name: f"meshConfig.defaultConfig.extraStatTags ({config.name})"
        for config in examined.inventory.mesh.items
        for name in config.extra_tags
    }
    return {name: by for name, by in sorted({**of_mesh, **of_objects}.items()) if name not in own}


# Istio's own as well; the chart empties them (files/rules/label-budget.yaml).
_EMPTIED = {"source_app", "source_version", "destination_app", "destination_version"}


@check_cluster("XS420", Severity.ERROR, "values", "mesh", "telemetries")
def over_the_label_budget(examined: Examination) -> Iterator[Issue]:
    """With the mesh's own tags series have more labels than xScaler takes.

    Why: xScaler refuses a series with more than limits.labelsPerSeries labels, its name counted, and no collector
    sends it again: latency, whose buckets have the most, vanishes first. Counted are the labels of Istio's metrics in
    the worst case, those of the target, metrics.extraLabels, and the tags that Telemetry objects and
    meshConfig.defaultConfig.extraStatTags add.

    Fix: remove tags, or some of metrics.extraLabels.

    Example:
        spec:
          metrics:
            - overrides:
                - tagOverrides:
                    request_host: {operation: REMOVE}
    """
    tags = _tags(examined)
    limit = examined.case.settings.limits.labels_per_series
    over = [(count, family) for count, family in counts(examined.case, set(tags)) if count > limit]
    if over and tags:
        most, family = max(over)
        places = sorted(set(tags.values()))
        yield Issue(
            "istio.customTags",
            f"{family} would have {most} labels of {limit}: the mesh adds {', '.join(tags)} ({some(places)})",
            f"remove {most - limit} of these tags or of metrics.extraLabels",
        )


@check_cluster("XS421", Severity.WARNING, "values", "mesh", "telemetries")
def tags_not_in_the_values(examined: Examination) -> Iterator[Issue]:
    """The mesh adds tags that the values do not name.

    Why: the chart counts istio.customTags in the label budget and refuses what does not fit. What it is not told it
    cannot count.

    Fix: name them.

    Example:
        istio:
          customTags: [request_host]
    """
    named = examined.case.settings.istio.custom_tags
    missing = {name: by for name, by in _tags(examined).items() if name not in named}
    if missing:
        said = "; ".join(f"{name} by {by}" for name, by in missing.items())
        yield Issue(
            "istio.customTags",
            f"the mesh adds tags that istio.customTags does not name: {said}",
            f"set istio.customTags: [{', '.join([*named, *missing])}]",
        )


_UNBOUNDED = re.compile(r"request\.(?:path|url_path|query|id|headers|useragent|time|host)|(?:source|upstream)\.address")


@check_cluster("XS422", Severity.WARNING, "telemetries")
def tags_without_bound(examined: Examination) -> Iterator[Issue]:
    """A tag has as many values as clients care to send.

    Why: each value makes all series of a proxy anew, 67 for each combination of peers and response code, and a proxy
    forgets none. Paths hold ids, and headers and hosts are the client's to choose: memory of proxies and collectors
    and the bill grow without end.

    Fix: a tag of few values, for example a match on the path that gives the route's name.

    Example:
        tagOverrides:
          route: {value: "request.url_path.startsWith('/api/') ? 'api' : 'other'"}
    """
    for item in examined.inventory.telemetries.items:
        for tag in dict.fromkeys(item.tags):
            found = _UNBOUNDED.search(tag.value)
            # Of a condition only what it gives is a value.
            if found and "?" not in tag.value:
                yield Issue(
                    "",
                    f"its tag {tag.name} has the value of {found[0]}, which has no bound",
                    "give it few values, or remove it",
                    str(item),
                )


@check_cluster("XS423", Severity.INFO, "values", "pods")
def other_name_of_the_cluster(examined: Examination) -> Iterator[Issue]:
    """Istio calls this cluster something else than the values.

    Why: source_cluster and destination_cluster have Istio's name, the label `cluster` has cluster.name. A query that
    compares the two, as one for traffic between clusters does, finds nothing where they differ. Istio's own default
    for every cluster is `Kubernetes`, which is not told: as cluster.name it would be wrong (XS205).

    Fix: the same name, if no other cluster of the account has it; Istio's is global.multiCluster.clusterName.

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
            f"cluster.name is {ours}, and Istio calls this cluster {some(others)} in source_cluster and"
            " destination_cluster",
            f"set cluster.name: {others[0]}, if that is yours alone",
        )
