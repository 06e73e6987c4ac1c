"""Generated meshes: the pods, and the metrics that each of them serves."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Kind, Version
from xscaler_istio.mesh.pages import Combination, Party

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.mesh.exposition import Page

_PER_HTTP_COMBINATION = 67
_PER_TCP_COMBINATION = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """Pods of one kind with the same response; `combinations` is what its proxies count."""

    kind: Kind
    name: str
    namespace: str
    version: Version
    replicas: int = 1
    combinations: tuple[Combination, ...] = ()
    filler: int = 0
    annotations: tuple[tuple[str, str], ...] = ()


STATS = (15020, "/stats/prometheus")
MONITORING = (15014, "/metrics")


def pages_of(workload: Workload) -> Mapping[tuple[int, str], Page]:
    """Return the metrics of each pod of a workload, by port and path."""
    version, combinations = workload.version, workload.combinations
    if workload.kind is Kind.ISTIOD:
        return {MONITORING: pages.istiod_page(version)}
    if workload.kind is Kind.CNI:
        return {MONITORING: pages.cni_page(version)}
    if workload.kind is Kind.NON_MESH:
        return {(8080, "/metrics"): pages.application_page()}
    if workload.kind is Kind.ZTUNNEL:
        page = pages.ztunnel_page(version, combinations)
        return {STATS: page, (15020, "/metrics"): page}
    envoy = pages.envoy_page(version) + pages.standard_page(combinations) + pages.filler_page(workload.filler)
    merged = _agent(version) + envoy
    if workload.kind in (Kind.SIDECAR, Kind.NATIVE_SIDECAR):
        # Gateways and waypoints have no application to merge.
        merged = merged + pages.application_page()
    return {STATS: merged, (15020, "/metrics"): merged, (15090, "/stats/prometheus"): envoy}


def _agent(version: Version) -> Page:
    # Failures of before Envoy had started; and of an application without metrics, as many are.
    return pages.agent_page(version) + pages.scrape_failures_page({"envoy": 1, "application": 3})


def _edges(me: Party, clients: tuple[str, ...], servers: tuple[str, ...]) -> tuple[Combination, ...]:
    sides = [("destination", Party(name, me.namespace), me) for name in clients]
    sides += [("source", me, Party(name, me.namespace)) for name in servers]
    return tuple(
        Combination(reporter=reporter, source=source, destination=destination, code=code, per_tick=per_tick)
        for reporter, source, destination in sides
        for code, per_tick in _PER_TICK.items()
    )


# Answers and how many of each a tick brings: one in twenty fails.
_PER_TICK = {"200": 38, "503": 2}


def small() -> tuple[Workload, ...]:
    """Return a mesh with every kind of pod and versions from 1.9 to 1.31: 16 pods, 14 of them targets."""
    shop, bank = "generated", "ambient"
    gateway, catalog, reviews = Party("istio-ingressgateway", shop), Party("catalog", shop), Party("reviews", shop)
    ledger, teller = Party("ledger", bank), Party("teller", bank)
    grpc = Combination(reporter="destination", source=catalog, destination=reviews, protocol="grpc", milliseconds=4)
    unavailable = Combination(
        reporter="source",
        source=reviews,
        destination=Party("stock", shop),
        protocol="grpc",
        per_tick=1,
        grpc_status="14",
    )
    tcp = Combination(
        reporter="source", source=reviews, destination=Party("postgres", shop), protocol="tcp", per_tick=2
    )
    v = Version
    return (
        Workload(
            kind=Kind.SIDECAR,
            name="catalog",
            namespace=shop,
            version=v(1, 9),
            replicas=2,
            combinations=_edges(catalog, ("istio-ingressgateway",), ("reviews",)),
        ),
        Workload(
            kind=Kind.SIDECAR,
            name="reviews",
            namespace=shop,
            version=v(1, 24),
            replicas=2,
            combinations=(grpc, unavailable, tcp, *_edges(reviews, ("catalog",), ())),
        ),
        Workload(
            kind=Kind.NATIVE_SIDECAR,
            name="ratings",
            namespace=shop,
            version=v(1, 27),
            replicas=2,
            combinations=_edges(Party("ratings", shop), ("reviews",), ()),
        ),
        Workload(
            kind=Kind.GATEWAY,
            name="istio-ingressgateway",
            namespace=shop,
            version=v(1, 19),
            replicas=1,
            combinations=_edges(gateway, ("unknown",), ("catalog",)),
        ),
        Workload(
            kind=Kind.WAYPOINT,
            name="waypoint",
            namespace=bank,
            version=v(1, 31),
            replicas=1,
            combinations=(Combination(reporter="waypoint", source=teller, destination=ledger),),
        ),
        Workload(
            kind=Kind.ZTUNNEL,
            name="ztunnel",
            namespace="istio-system",
            version=v(1, 31),
            replicas=2,
            combinations=tuple(
                Combination(reporter=side, source=teller, destination=ledger, protocol="tcp", per_tick=3)
                for side in ("source", "destination")
            ),
        ),
        Workload(kind=Kind.ISTIOD, name="istiod", namespace="istio-system", version=v(1, 31)),
        Workload(kind=Kind.ISTIOD, name="istiod-1-19", namespace="istio-system", version=v(1, 19)),
        Workload(kind=Kind.CNI, name="istio-cni-node", namespace="istio-system", version=v(1, 31), replicas=2),
        Workload(kind=Kind.NON_MESH, name="batch", namespace="jobs", version=v(1, 31)),
        Workload(
            kind=Kind.SIDECAR,
            name="private",
            namespace=shop,
            version=v(1, 27),
            replicas=1,
            combinations=_edges(Party("private", shop), ("catalog",), ()),
            annotations=(("xscaler.io/scrape", "false"),),
        ),
    )


def scaled(proxies: int, series_per_proxy: int, *, replicas: int = 10) -> tuple[Workload, ...]:
    """Return a mesh of this many sidecars whose responses have exactly this many series each, and one istiod.

    Ten replicas share a workload, as Istio's labels name workloads and not pods. Raises ValueError when
    `series_per_proxy` is less than what every proxy says.
    """
    version = Version(1, 27)
    bare = _agent(version) + pages.envoy_page(version) + pages.application_page()
    least = bare.series + _PER_TCP_COMBINATION + _PER_HTTP_COMBINATION
    combinations, filler = divmod(series_per_proxy - bare.series - _PER_TCP_COMBINATION, _PER_HTTP_COMBINATION)
    if combinations < 1:
        raise ValueError(f"a proxy has at least {least} series")
    groups = -(-proxies // replicas)
    sidecars = tuple(
        Workload(
            kind=Kind.SIDECAR,
            name=f"service-{group}",
            namespace=f"team-{group % 20}",
            version=version,
            replicas=min(replicas, proxies - group * replicas),
            combinations=_peers(f"service-{group}", f"team-{group % 20}", combinations),
            filler=filler,
        )
        for group in range(groups)
    )
    return (*sidecars, Workload(kind=Kind.ISTIOD, name="istiod", namespace="istio-system", version=version))


def _peers(name: str, namespace: str, count: int) -> tuple[Combination, ...]:
    me = Party(name, namespace)
    tcp = Combination(reporter="source", source=me, destination=Party("database", namespace), protocol="tcp")
    return (
        tcp,
        *(
            Combination(reporter="destination", source=Party(f"client-{peer}", namespace), destination=me)
            for peer in range(count)
        ),
    )
