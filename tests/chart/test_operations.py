"""What operators set: where pods run, what they may reach, who may read what, platforms, additions to a release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import configs, log_configs, objects, of_kind, parsed, run_template, template
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")
OPERATIONS = ("--values", str(ci("operations")))


def rendered(*sets: str, helm: str = "helm4") -> str:
    """Render the ten lines with logs, and further values given as key=JSON."""
    return template(helm, *BASE, *(word for text in sets for word in ("--set-json", text)))


def pod_specs(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the component and the spec of every pod of a release, those of `helm test` too."""
    for item in objects(text):
        template_ = item if item["kind"] == "Pod" else item.get("spec", {}).get("template", {})
        if "containers" in template_.get("spec", {}):
            yield template_["metadata"]["labels"]["app.kubernetes.io/component"], template_["spec"]


COMPONENTS = ["logs", "metrics", "test-logs", "test-metrics"]

# -- pods ---------------------------------------------------------------------------------------------------------

EVERYWHERE = {
    "nodeSelector": {"pool": "infra"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "dnsConfig": {"nameservers": ["192.0.2.1"]},
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a.example"]}],
    "imagePullSecrets": [{"name": "registry"}],
}


ON_EVERY_NODE = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": None,
}


@pytest.mark.parametrize("key", EVERYWHERE)
def test_a_default_of_pods_holds_for_all_of_them(key: str) -> None:
    text = rendered(f"pod.{key}={json.dumps(EVERYWHERE[key])}")
    expected = {"nodeSelector": {"kubernetes.io/os": "linux", "pool": "infra"}}.get(key, EVERYWHERE[key])
    found = {component: spec.get(key) for component, spec in pod_specs(text)}
    # An agent of every node stays one.
    of_nodes = ON_EVERY_NODE.get(key, expected)
    assert found == {**dict.fromkeys(COMPONENTS, expected), "logs": of_nodes}
    assert not any(key in spec for _, spec in pod_specs(rendered()) if key not in ("nodeSelector", "tolerations"))


@pytest.mark.parametrize("program", ["prometheus", "logAgent"])
@pytest.mark.parametrize("key", EVERYWHERE)
def test_a_programs_own_block_takes_the_place_of_the_default(key: str, program: str) -> None:
    component = {"prometheus": "metrics", "logAgent": "logs"}[program]
    empty = type(EVERYWHERE[key])()
    own = {"priorityClassName": "low", "nodeSelector": {"disk": "ssd"}, "affinity": {"podAffinity": {}}}.get(key, empty)
    text = rendered(f"pod.{key}={json.dumps(EVERYWHERE[key])}", f"{program}.pod.{key}={json.dumps(own)}")
    specs = dict(pod_specs(text))
    expected = {"nodeSelector": {"kubernetes.io/os": "linux", "disk": "ssd"}}.get(key, own)
    assert specs[component].get(key, empty) == (ON_EVERY_NODE["tolerations"] if (key, program) == EMPTIED else expected)
    assert specs["test-metrics"][key] == specs["test-logs"][key]


# Empty is what it says by default: the agent tolerates every taint.
EMPTIED = ("tolerations", "logAgent")


def test_a_node_selector_of_ones_own_can_be_empty() -> None:
    specs = dict(pod_specs(rendered('pod.nodeSelector={"pool":"infra"}', "prometheus.pod.nodeSelector={}")))
    assert specs["metrics"]["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_labels_and_annotations_of_ones_own_are_added() -> None:
    text = rendered('pod.labels={"a":"1","b":"1"}', 'prometheus.pod.labels={"b":"2"}')
    (metrics,) = (item["spec"]["template"]["metadata"]["labels"] for item in of_kind(text, "Deployment"))
    assert (metrics["a"], metrics["b"]) == ("1", "2")


def test_the_log_agent_stays_root_unless_it_is_told_otherwise() -> None:
    shared = 'pod.securityContext={"runAsNonRoot":true,"runAsUser":1000,"fsGroup":2000}'
    specs = dict(pod_specs(rendered(shared)))
    assert {specs[name]["securityContext"]["runAsUser"] for name in COMPONENTS if name != "logs"} == {1000}
    context = specs["logs"]["securityContext"]
    assert (context["runAsUser"], context.get("runAsNonRoot"), context["fsGroup"]) == (0, None, 2000)
    told = dict(pod_specs(rendered(shared, 'logAgent.pod.securityContext={"runAsUser":1001}')))
    assert told["logs"]["securityContext"]["runAsUser"] == 1001


ADDED: dict[str, tuple[list[dict[str, Any]], Callable[[dict[str, Any]], list[Any]]]] = {
    "extraEnv": ([{"name": "GOMAXPROCS", "value": "2"}], lambda spec: spec["containers"][0]["env"]),
    "extraEnvFrom": ([{"configMapRef": {"name": "more"}}], lambda spec: spec["containers"][0]["envFrom"]),
    "extraVolumes": ([{"name": "scratch", "emptyDir": {}}], lambda spec: spec["volumes"]),
    "extraVolumeMounts": (
        [{"name": "scratch", "mountPath": "/scratch"}],
        lambda spec: spec["containers"][0]["volumeMounts"],
    ),
    "initContainers": ([{"name": "first", "image": "a"}], lambda spec: spec["initContainers"]),
    "extraContainers": ([{"name": "beside", "image": "a"}], lambda spec: spec["containers"]),
}


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("key", ADDED)
def test_additions_come_after_what_the_chart_has(key: str, collector: str) -> None:
    added, place = ADDED[key]
    chosen = f'metrics.collector="{collector}"'
    before, after = (
        dict(pod_specs(rendered(chosen))),
        dict(pod_specs(rendered(chosen, f"pod.{key}={json.dumps(added)}"))),
    )
    for component in ("metrics", "logs"):
        try:
            had = place(before[component])
        except KeyError:
            had = []
        assert place(after[component]) == [*had, *added]
    assert after["test-metrics"] == before["test-metrics"]


def test_a_registry_for_all_charts_wins_over_each_images_own() -> None:
    global_ = {"image": {"registry": "registry.example", "pullSecrets": [{"name": "shared"}]}}
    text = rendered(f"global={json.dumps(global_)}", 'pod.imagePullSecrets=[{"name":"own"}]')
    for _, spec in pod_specs(text):
        assert spec["containers"][0]["image"].startswith("registry.example/")
        assert spec["imagePullSecrets"] == [{"name": "shared"}, {"name": "own"}]


def test_what_other_charts_call_these_holds_as_well() -> None:
    global_ = {"imageRegistry": "other.example", "imagePullSecrets": ["text", {"name": "map"}]}
    for _, spec in pod_specs(rendered(f"global={json.dumps(global_)}")):
        assert spec["containers"][0]["image"].startswith("other.example/")
        assert spec["imagePullSecrets"] == [{"name": "text"}, {"name": "map"}]
    ours = rendered(f"global={json.dumps({**global_, 'image': {'registry': 'ours.example'}})}")
    assert all(spec["containers"][0]["image"].startswith("ours.example/") for _, spec in pod_specs(ours))


# -- networks -----------------------------------------------------------------------------------------------------


def policies(text: str) -> dict[str, dict[str, Any]]:
    found = {}
    for item in of_kind(text, "NetworkPolicy"):
        labels = item["spec"]["podSelector"]["matchLabels"]
        assert item["spec"]["policyTypes"] == ["Ingress", "Egress"]
        found[labels["app.kubernetes.io/component"]] = item["spec"]
    return found


def open_ports(spec: dict[str, Any]) -> set[int]:
    """Return the TCP ports that may be called at any address, beside that of DNS."""
    rules = [rule for rule in spec["egress"] if "to" not in rule]
    return {port["port"] for rule in rules for port in rule["ports"] if port["protocol"] == "TCP"} - {53}


def test_no_policy_unless_asked_for() -> None:
    assert not policies(rendered())


def test_each_pod_reaches_what_it_needs_and_nothing_else() -> None:
    found = policies(rendered("networkPolicy.enabled=true"))
    assert sorted(found) == COMPONENTS
    assert open_ports(found["metrics"]) == {443, 6443, 15014, 15020, 15090}
    moved = policies(rendered("networkPolicy.enabled=true", "metrics.targets.istiod.port=15027"))
    assert open_ports(moved["metrics"]) == open_ports(found["metrics"]) | {15027}
    assert open_ports(found["logs"]) == {443, 6443}
    for component in ("metrics", "logs"):
        test = found[f"test-{component}"]
        # To ask which of the push URLs answers.
        assert (open_ports(test), test["ingress"]) == ({443}, [])
        # A test pod calls the pods that it tests, and they let it.
        ((called,),) = [rule["to"] for rule in test["egress"] if "to" in rule]
        callers = [caller["podSelector"] for rule in found[component]["ingress"] for caller in rule["from"]]
        assert called["podSelector"] == found[component]["podSelector"]
        # The metrics collectors scrape all pods of the release, each other among them.
        assert callers == [test["podSelector"], found["metrics"]["podSelector"]]
    called = [called["podSelector"] for rule in found["metrics"]["egress"] for called in rule.get("to", ())]
    assert called == [found["metrics"]["podSelector"], found["logs"]["podSelector"]]
    assert [rule for rule in found["logs"]["egress"] if "to" in rule] == []


def test_without_self_monitoring_the_tests_alone_may_call() -> None:
    found = policies(rendered("networkPolicy.enabled=true", "selfMonitoring.enabled=false"))
    for component in ("metrics", "logs"):
        callers = [caller["podSelector"] for rule in found[component]["ingress"] for caller in rule["from"]]
        assert callers == [found[f"test-{component}"]["podSelector"]]
        assert [rule for rule in found[component]["egress"] if "to" in rule] == []
        dns = found[component]["egress"][0]["ports"]
        assert {(port["port"], port["protocol"]) for port in dns} >= {(53, "UDP"), (53, "TCP")}


def test_policies_select_the_pods_of_the_release() -> None:
    text = rendered("networkPolicy.enabled=true")
    labels = [
        item["metadata"]["labels"] if item["kind"] == "Pod" else item["spec"]["template"]["metadata"]["labels"]
        for kind in ("Pod", "Deployment", "DaemonSet")
        for item in of_kind(text, kind)
    ]
    for spec in policies(text).values():
        selector = spec["podSelector"]["matchLabels"]
        assert sum(selector.items() <= of.items() for of in labels) == 1


@pytest.mark.parametrize(
    ("sets", "component", "port"),
    [
        ('xscaler.metrics.url="https://a.example:8443/push"', "metrics", 8443),
        ('xscaler.logs.url="https://[2001:db8::1]:3100/push"', "logs", 3100),
        ('xscaler.proxyUrl="http://proxy.example:3128"', "metrics", 3128),
        ('xscaler.proxyUrl="http://proxy.example"', "logs", 80),
        ("networkPolicy.scrapePorts=[16020]", "metrics", 16020),
        ("networkPolicy.apiServerPorts=[8444]", "logs", 8444),
    ],
)
def test_a_port_of_ones_own_is_open(sets: str, component: str, port: int) -> None:
    before = open_ports(policies(rendered("networkPolicy.enabled=true"))[component])
    after = open_ports(policies(rendered("networkPolicy.enabled=true", sets))[component])
    assert port in after - before


def test_every_port_that_a_job_scrapes_is_open_by_default() -> None:
    scraped = set()
    # The release's own pods are open on every port to their collector.
    for file in (item for item in CHART.glob("files/jobs/*.yaml") if item.stem != "self"):
        rules = yaml.safe_load(file.read_text())["relabel_configs"]
        ports = [rule["replacement"] for rule in rules if rule.get("target_label") == "__tmp_port"]
        scraped |= {int(port) for port in ports if port.isdigit()}
    assert scraped
    assert scraped <= open_ports(policies(rendered("networkPolicy.enabled=true"))["metrics"])


def test_rules_of_ones_own_are_added() -> None:
    rule = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}
    assert rule in policies(template("helm4", *OPERATIONS))["metrics"]["ingress"]


# -- drains, a Prometheus of one's own ----------------------------------------------------------------------------


@pytest.mark.parametrize(("chosen", "wanted"), [("2", 2), ('"25%"', "25%")])
def test_a_budget_takes_a_number_or_a_percentage(chosen: str, wanted: object) -> None:
    text = rendered("podDisruptionBudget.enabled=true", f"podDisruptionBudget.maxUnavailable={chosen}")
    (budget,) = of_kind(text, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == wanted


@pytest.mark.parametrize(("version", "policy"), [("1.26.9", None), ("1.27.0", "AlwaysAllow")])
def test_a_shard_that_is_not_ready_does_not_block_a_drain(version: str, policy: str | None) -> None:
    words = ("--values", str(ci("default")), "--set", "podDisruptionBudget.enabled=true", "--kube-version", version)
    (budget,) = of_kind(template("helm4", *words), "PodDisruptionBudget")
    assert budget["spec"].get("unhealthyPodEvictionPolicy") == policy


def test_the_pods_of_helm_test_have_their_own_resources() -> None:
    amounts = {"requests": {"cpu": "20m"}, "limits": {"memory": "32Mi"}}
    specs = dict(pod_specs(rendered(f"tests.resources={json.dumps(amounts)}")))
    assert specs["test-metrics"]["containers"][0]["resources"] == {
        "requests": {"cpu": "20m", "memory": "16Mi"},
        "limits": {"memory": "32Mi"},
    }


def test_fields_of_a_probe_replace_those_of_the_chart() -> None:
    shared = {"livenessProbe": {"failureThreshold": 20}, "readinessProbe": {"timeoutSeconds": 5}}
    own = {"pod": {"livenessProbe": {"periodSeconds": 30, "initialDelaySeconds": 0}}}
    text = rendered("logs.enabled=true", f"pod={json.dumps(shared)}", f"logAgent={json.dumps(own)}")
    containers = {name: spec["containers"][0] for name, spec in pod_specs(text)}
    usual = {"initialDelaySeconds": 10, "periodSeconds": 15, "failureThreshold": 6}
    for name, path, liveness in (
        ("metrics", "/-/healthy", {**usual, "failureThreshold": 20}),
        ("logs", "/-/ready", {**usual, "periodSeconds": 30, "initialDelaySeconds": 0}),
    ):
        assert containers[name]["livenessProbe"] == {"httpGet": {"path": path, "port": "http"}, **liveness}
        ready = {"httpGet": {"path": "/-/ready", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 5}
        assert containers[name]["readinessProbe"] == ready


def test_a_service_monitor_has_the_relabelings_of_the_values() -> None:
    rules = {"relabelings": [{"action": "labeldrop", "regex": "pod"}], "metricRelabelings": [{"action": "lowercase"}]}
    text = rendered(f"serviceMonitor={json.dumps({'enabled': True, **rules})}")
    for monitor in of_kind(text, "ServiceMonitor"):
        (endpoint,) = monitor["spec"]["endpoints"]
        assert {key: endpoint[key] for key in rules} == rules


@pytest.mark.parametrize(
    "strategy", [{"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}]
)
def test_the_log_agent_of_the_nodes_has_an_update_strategy_of_the_values(strategy: dict[str, Any]) -> None:
    before, after = (
        of_kind(rendered(*sets), "DaemonSet")[0]["spec"]["updateStrategy"]
        for sets in ((), (f"logAgent.updateStrategy={json.dumps(strategy)}",))
    )
    assert before == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}}
    assert after == strategy


def test_alerts_are_left_out_and_labelled_one_by_one() -> None:
    def alerts(chosen: dict[str, Any]) -> dict[str, dict[str, Any]]:
        text = rendered(f"prometheusRule={json.dumps({'enabled': True, 'alerts': chosen})}")
        (found,) = of_kind(text, "PrometheusRule")
        return {rule["alert"]: rule for group in found["spec"]["groups"] for rule in group["rules"]}

    labels = {"severity": "page", "team": "mesh"}
    before = alerts({})
    after = alerts({"IstioMixedVersions": {"enabled": False}, "IstiodDown": {"labels": labels}})
    assert before.keys() - after.keys() == {"IstioMixedVersions"}
    assert after.pop("IstiodDown") == {**before["IstiodDown"], "labels": {**before["IstiodDown"]["labels"], **labels}}
    assert all(before[name] == rule for name, rule in after.items())


def test_an_alert_that_there_is_not_is_refused() -> None:
    done = run_template("helm4", *BASE, "--set", "prometheusRule.alerts.IstioMixedVersion.enabled=false")
    assert "values don't meet the specifications of the schema" in done.stderr


EVICTION = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"


@pytest.mark.parametrize(
    ("sets", "kind", "volumes"),
    [
        ((), "Deployment", "storage"),
        ((), "DaemonSet", "storage,logs-0"),
        (("prometheus.persistence.enabled=true",), "Deployment", None),
        (('metrics.collector="opentelemetry"',), "Deployment", None),
        ((f'pod.annotations={{"{EVICTION}":"none"}}',), "Deployment", "none"),
    ],
)
def test_local_volumes_do_not_keep_a_node(sets: tuple[str, ...], kind: str, volumes: str | None) -> None:
    pod = of_kind(rendered(*sets), kind)[0]["spec"]["template"]
    assert pod["metadata"]["annotations"].get(EVICTION) == volumes
    if volumes not in (None, "none"):
        local = [item["name"] for item in pod["spec"]["volumes"] if {"emptyDir", "hostPath"} & item.keys()]
        assert volumes == ",".join(local)


# -- where pods go ------------------------------------------------------------------------------------------------


def spread(*more: str) -> dict[str, Any]:
    """Return the topology spread constraints of each component."""
    return {component: spec.get("topologySpreadConstraints") for component, spec in pod_specs(rendered(*more))}


ZONES = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}


def counting(component: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "xscaler-istio", "app.kubernetes.io/instance": "t"}
    return {"labelSelector": {"matchLabels": {**labels, "app.kubernetes.io/component": component}}}


def test_constraints_count_the_pods_of_their_component_and_leave_the_agents_of_nodes_alone() -> None:
    given = f"pod.topologySpreadConstraints={json.dumps([ZONES])}"
    assert spread(given) == {**dict.fromkeys(COMPONENTS), "metrics": [{**ZONES, **counting("metrics")}]}
    of_the_api = spread(given, 'logs.source="api"')["logs-api"]
    assert of_the_api == [{**ZONES, **counting("logs-api")}]
    own = {**ZONES, "labelSelector": {"matchLabels": {"a": "b"}}}
    assert spread(f"pod.topologySpreadConstraints={json.dumps([own])}")["metrics"] == [own]
    assert spread(f"logAgent.pod.topologySpreadConstraints={json.dumps([own])}")["logs"] == [own]


def test_shards_prefer_different_nodes() -> None:
    softly = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    assert spread()["metrics"] is None
    assert spread("metrics.shards=2") == {**dict.fromkeys(COMPONENTS), "metrics": [{**softly, **counting("metrics")}]}


def test_a_drain_is_never_blocked() -> None:
    (budget,) = of_kind(rendered("podDisruptionBudget.enabled=true"), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert "minAvailable" not in budget["spec"]
    (deployment,) = of_kind(rendered(), "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_service_monitor_finds_its_service(collector: str) -> None:
    sets = ("serviceMonitor.enabled=true", 'serviceMonitor.interval="60s"', 'serviceMonitor.labels={"release":"x"}')
    text = rendered(f'metrics.collector="{collector}"', *sets)
    monitors, services = of_kind(text, "ServiceMonitor"), of_kind(text, "Service")
    assert len(monitors) == len(services) == 2
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["endpoints"]
        selector = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [item for item in services if selector.items() <= item["metadata"]["labels"].items()]
        assert [port["name"] for port in service["spec"]["ports"]] == [endpoint["port"]]
        assert (endpoint["interval"], monitor["metadata"]["labels"]["release"]) == ("60s", "x")


# -- rights -------------------------------------------------------------------------------------------------------


def test_rights_in_chosen_namespaces_alone() -> None:
    text = rendered('rbac.namespaces=["istio-system","shop"]')
    assert not [item["kind"] for item in objects(text) if item["kind"].startswith("Cluster")]
    roles, bindings = of_kind(text, "Role"), of_kind(text, "RoleBinding")
    for items in (roles, bindings):
        places = sorted(
            (item["metadata"]["namespace"], item["metadata"]["labels"]["app.kubernetes.io/component"]) for item in items
        )
        # The collector finds the release's own pods too.
        chosen = [(place, of) for place in ("istio-system", "shop") for of in ("logs", "metrics")]
        assert places == [*chosen, ("telemetry", "metrics")]
    for binding in bindings:
        assert binding["roleRef"]["kind"] == "Role"
        named = {(role["metadata"]["namespace"], role["metadata"]["name"]) for role in roles}
        assert (binding["metadata"]["namespace"], binding["roleRef"]["name"]) in named
        assert [subject["namespace"] for subject in binding["subjects"]] == ["telemetry"]


@pytest.mark.parametrize("collector", COLLECTORS)
def test_pods_are_looked_for_where_the_rights_are(collector: str) -> None:
    names = ["istio-system", "shop"]
    text = rendered(f"rbac.namespaces={json.dumps(names)}", f'metrics.collector="{collector}"')
    (config,) = configs(text)
    if collector == "alloy":
        found = [parsed(config)['discovery.kubernetes "pods"']["namespaces"]["names"]]
    else:
        loaded = parsed(config)
        loaded = loaded if collector == "prometheus" else loaded["receivers"]["prometheus"]["config"]
        found = [sd["namespaces"]["names"] for job in loaded["scrape_configs"] for sd in job["kubernetes_sd_configs"]]
    looked = {json.dumps(json.loads(item) if isinstance(item, str) else item) for item in found}
    assert looked == {json.dumps([*names, "telemetry"])}
    (logs,) = log_configs(text)
    assert json.loads(parsed(logs)['discovery.kubernetes "pods"']["namespaces"]["names"]) == names


# -- platforms ----------------------------------------------------------------------------------------------------


def test_openshift_chooses_the_users_and_admits_what_the_log_agent_asks_for() -> None:
    text = rendered('platform="openshift"', "networkPolicy.enabled=true")
    specs = dict(pod_specs(text))
    assert {component: spec["securityContext"].get("runAsUser") for component, spec in specs.items()} == {
        **dict.fromkeys(COMPONENTS),
        "logs": 0,
    }
    assert not any("fsGroup" in spec["securityContext"] for spec in specs.values())
    (constraints,) = of_kind(text, "SecurityContextConstraints")
    (agent,) = of_kind(text, "DaemonSet")
    account = specs["logs"]["serviceAccountName"]
    assert constraints["users"] == [f"system:serviceaccount:telemetry:{account}"]
    kinds = {next(iter(volume.keys() - {"name"})) for volume in specs["logs"]["volumes"]}
    assert kinds <= set(constraints["volumes"])
    assert specs["logs"]["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
    container = agent["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert container["capabilities"]["drop"] == constraints["requiredDropCapabilities"]
    assert not constraints["allowPrivilegedContainer"]
    # The cluster's DNS listens on 5353 behind its Service, which is what a policy sees.
    assert all(5353 in {port["port"] for port in spec["egress"][0]["ports"]} for spec in policies(text).values())


def test_without_rights_to_make_them_there_are_no_constraints() -> None:
    assert not of_kind(rendered('platform="openshift"', "rbac.create=false"), "SecurityContextConstraints")


def test_nothing_asks_for_constraints_where_no_file_is_read() -> None:
    text = rendered('platform="openshift"', 'logs.source="api"')
    assert not of_kind(text, "SecurityContextConstraints")


@pytest.mark.parametrize("platform", ["", "gke-autopilot"])
def test_autopilot_writes_to_no_node(platform: str) -> None:
    specs = dict(pod_specs(rendered(f'platform="{platform}"')))
    mounts = {mount["name"]: mount for mount in specs["logs"]["containers"][0]["volumeMounts"]}
    of_node = {
        volume["name"]: volume["hostPath"]["path"] for volume in specs["logs"]["volumes"] if "hostPath" in volume
    }
    written = {path for name, path in of_node.items() if not mounts[name].get("readOnly")}
    assert bool(written) == (platform == "")
    assert platform == "" or all(path.startswith("/var/log/") for path in of_node.values())


def test_fargate_gets_no_daemon_set() -> None:
    specs = dict(pod_specs(rendered('platform="eks-fargate"', 'logs.source="filesAndFargate"')))
    term = {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}
    rules = specs["logs"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rules == {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    assert "affinity" not in specs["logs-api"]
    arch = {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [arch]}, {"matchFields": []}]}
    own = {"podAntiAffinity": {}, "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    chosen = f"logAgent.pod.affinity={json.dumps(own)}"
    specs = dict(pod_specs(rendered('platform="eks-fargate"', 'logs.source="filesAndFargate"', chosen)))
    # A node that fulfils one term is taken, so each excludes Fargate.
    terms = [{"matchExpressions": [arch, term]}, {"matchFields": [], "matchExpressions": [term]}]
    rules = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert specs["logs"]["affinity"] == {"podAntiAffinity": {}, "nodeAffinity": rules}
    assert specs["logs-api"]["affinity"] == own
    done = run_template("helm4", *BASE, "--set", "platform=eks-fargate")
    assert "logs.source is files, but platform eks-fargate runs no DaemonSet" in done.stderr


# -- additions to the release, and what it needs from a cluster ---------------------------------------------------


def test_a_further_object_that_is_a_text_is_a_template(helm: str) -> None:
    names = [item["metadata"]["name"] for item in of_kind(template(helm, *OPERATIONS), "ConfigMap")]
    assert "t-text" in names


# Texts of External Secrets, alerts, Argo CD and Go; and what YAML could read otherwise.
UNCHANGED = ["{{ .write_token }}", "u-{{ .user }}", "{{ $labels.pod }}", "{{`a`}}", "{{ .Values.a }}", "{{", "a\n b\n"]
UNCHANGED += ["yes", "08", "1e3", "# a", "$(A) ${B} $$", "'\"\\", "", " a "]


def test_a_further_object_is_passed_unchanged(helm: str) -> None:
    spec = {"texts": UNCHANGED, "numbers": [0, 1.5, 1000000, 12345678901], "map": {"{{ .a }}": True, "b": None}}
    given = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "a"}, "spec": spec}
    text = template(helm, *BASE, "--set-json", f"extraObjects={json.dumps([given])}")
    assert of_kind(text, "ExternalSecret") == [given]


def test_nothing_but_tests_is_a_hook() -> None:
    for item in objects(rendered()):
        hook = item["metadata"].get("annotations", {}).get("helm.sh/hook")
        assert (hook == "test") == (item["kind"] == "Pod"), item["metadata"]["name"]


def test_templates_ask_no_cluster_and_draw_no_lots() -> None:
    # With `lookup` a render without a cluster differs; with lots no two renders are equal.
    words = ("lookup ", "rand", "genCA", "genSelf", "genSigned", "genPrivate", "uuidv4", "now", "getHostByName", "env ")
    for file in (CHART / "templates").rglob("*"):
        if file.is_file():
            actions = [line.partition("{{")[2] for line in file.read_text().splitlines() if "{{" in line]
            assert not [line for line in actions for word in words if f" {word}" in f" {line}"], file.name
    assert not (CHART / "crds").exists()
