"""Recorded clusters: folders of what `kubectl get RESOURCE -A -o json` gives, and an API server that serves one.

`python -m tests.plugin.doctor.recorded FOLDER` records the cluster of the current kubeconfig, without what the doctor
does not look at, and without the values of Secrets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Scraped = Callable[[str], bytes]

# Resources that every cluster has: a list of them is empty, not unknown.
BUILT_IN = ("pods", "namespaces", "secrets", "configmaps", "networkpolicies.networking.k8s.io")
RESOURCES = (
    *BUILT_IN,
    "telemetries.telemetry.istio.io",
    "workloadentries.networking.istio.io",
    "podmonitors.monitoring.coreos.com",
    "servicemonitors.monitoring.coreos.com",
    "podmonitors.monitoring.rhobs",
    "servicemonitors.monitoring.rhobs",
)
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?"
)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a path of the API means."""

    group_version: str
    resource: str
    namespace: str
    name: str

    @property
    def file(self) -> str:
        """The resource with its group, as kubectl takes it."""
        group = self.group_version.rpartition("/")[0]
        return f"{self.resource}.{group}" if group else self.resource


def asked(path: str) -> Asked | None:
    """Parse a path of the API."""
    found = _PATH.fullmatch(path)
    if not found:
        return None
    version = found["core"] or f"{found['group']}/{found['version']}"
    return Asked(version, found["resource"], found["namespace"] or "", found["name"] or "")


class Server(ThreadingHTTPServer):
    """An API server with one folder's objects; `forbidden` are resources that nobody may read.

    `scraped` gives what a pod answers, by the path of its proxy.
    """

    def __init__(self, folder: Path, forbidden: tuple[str, ...], scraped: Scraped) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.forbidden = forbidden
        self.scraped = scraped

    def items(self, want: Asked) -> list[dict[str, Any]] | None:
        """Return what a list has, or None for a kind that the cluster does not know."""
        file = self.folder / f"{want.file}.json"
        if not file.exists():
            return [] if want.file in BUILT_IN else None
        listed: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["items"]
        if any(item["apiVersion"] != want.group_version for item in listed):
            return None
        here = [item for item in listed if want.namespace in ("", item["metadata"].get("namespace"))]
        return [item for item in here if want.name in ("", item["metadata"]["name"])]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if body := self.server.scraped(url.path):
            self._send(HTTPStatus.OK, "text/plain; version=0.0.4", body)
            return
        want = asked(url.path)
        found = self.server.items(want) if want else None
        if want and want.file in self.server.forbidden:
            self._status(HTTPStatus.FORBIDDEN, "Forbidden", _forbidden(want))
        elif want is None or found is None:
            self._status(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")
        elif not want.name:
            self._page(found, {key: values[0] for key, values in parse_qs(url.query).items()})
        elif found:
            self._answer(HTTPStatus.OK, found[0])
        else:
            self._status(HTTPStatus.NOT_FOUND, "NotFound", f'{want.file} "{want.name}" not found')

    def _page(self, items: list[dict[str, Any]], query: dict[str, str]) -> None:
        start = int(query.get("continue", 0))
        end = start + int(query.get("limit", len(items)))
        metadata = {"resourceVersion": "1", **({"continue": str(end)} if end < len(items) else {})}
        self._answer(HTTPStatus.OK, {"kind": "List", "metadata": metadata, "items": items[start:end]})

    def _status(self, code: HTTPStatus, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
        self._answer(code, {**status, "code": code.value})

    def _answer(self, code: HTTPStatus, document: dict[str, Any]) -> None:
        self._send(code, "application/json", json.dumps(document).encode())

    def _send(self, code: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _forbidden(want: Asked) -> str:
    """Word it as Kubernetes does."""
    verb, group = "get" if want.name else "list", want.group_version.rpartition("/")[0]
    what = f'{want.file} "{want.name}"' if want.name else want.file
    where = f'in the namespace "{want.namespace}"' if want.namespace else "at the cluster scope"
    return f'{what} is forbidden: User "jane" cannot {verb} resource "{want.resource}" in API group "{group}" {where}'


@contextlib.contextmanager
def serving(
    folder: Path, kubeconfig: Path, forbidden: tuple[str, ...] = (), scraped: Scraped = lambda _: b""
) -> Iterator[None]:
    """Serve a folder until the end of the block, and write the kubeconfig that leads there."""
    with Server(folder, forbidden, scraped) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "recorded", "cluster": {"server": address}}],
            "users": [{"name": "jane", "user": {}}],
            "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "jane"}}],
            "current-context": "recorded",
        }
        kubeconfig.write_text(json.dumps(config))
        try:
            yield
        finally:
            server.shutdown()


# -- recording ----------------------------------------------------------------------------------------------------

_METADATA = ("name", "namespace", "uid", "labels", "annotations", "ownerReferences", "creationTimestamp")
_POD_SPEC = ("nodeName", "hostNetwork", "volumes", "initContainers", "containers")
_CONTAINER = ("name", "image", "args", "env", "ports", "restartPolicy")
# Of the variables of a proxy those that say how it is scraped and what it calls its cluster.
_VARIABLES = ("METRICS_", "PILOT_AGENT_", "ISTIO_META_CLUSTER_ID", "CLUSTER_ID", "RUST_LOG", "ISTIO_PROMETHEUS_")
_STATUS = ("phase", "podIP", "podIPs", "hostIP", "containerStatuses", "initContainerStatuses")
_CONTAINER_STATUS = ("name", "lastState", "restartCount")


def _only(document: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: document[key] for key in keys if document.get(key)}


def _metadata(document: dict[str, Any]) -> dict[str, Any]:
    kept = _only(document["metadata"], _METADATA)
    annotations = kept.get("annotations", {})
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return kept


def _pod(document: dict[str, Any]) -> dict[str, Any]:
    spec, status = _only(document["spec"], _POD_SPEC), _only(document["status"], _STATUS)
    for kind in ("initContainers", "containers"):
        if kind in spec:
            spec[kind] = [{**_only(item, _CONTAINER), "env": _environment(item)} for item in spec[kind]]
    for kind in ("containerStatuses", "initContainerStatuses"):
        if kind in status:
            status[kind] = [_only(item, _CONTAINER_STATUS) for item in status[kind]]
    volumes = [item for item in spec.get("volumes", []) if "configMap" in item]
    return {"metadata": _metadata(document), "spec": {**spec, "volumes": volumes}, "status": status}


def _environment(container: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in container.get("env", []) if item["name"].startswith(_VARIABLES) and "value" in item]


def _secret(document: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": _metadata(document), "data": dict.fromkeys(document.get("data", {}), "aGlkZGVu")}


def _other(document: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": _metadata(document), **_only(document, ("spec", "data"))}


_TRIMMED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"Pod": _pod, "Secret": _secret}


def trimmed(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the doctor looks at of an object."""
    kind = document["kind"]
    return {"apiVersion": document["apiVersion"], "kind": kind, **_TRIMMED.get(kind, _other)(document)}


def record(folder: Path) -> None:
    """Record the cluster of the current kubeconfig."""
    folder.mkdir(parents=True, exist_ok=True)
    for resource in RESOURCES:
        command = [str(tool("kubectl")), "get", resource, "-A", "-o", "json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            listed = {"apiVersion": "v1", "kind": "List", "items": [*map(trimmed, json.loads(done.stdout)["items"])]}
            (folder / f"{resource}.json").write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
