"""A Kubernetes API that serves pods: LIST and WATCH as client-go asks for them.

Behaviour follows https://kubernetes.io/docs/reference/using-api/api-concepts/: resource versions, WatchList (a
watch with `sendInitialEvents=true` that ends its first part with a bookmark), bookmarks, 410 for an expired
version, field and label selectors, continue tokens, Status objects for refusals.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from xscaler_istio.rendered import selectors
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Mapping

BOOKMARK_SECONDS = 5.0
# The number of changes that the API server keeps for watches; older versions answer 410.
HISTORY = 10_000
_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Stored:
    """A pod in serialised form."""

    namespace: str
    name: str
    version: int
    text: str
    labels: Mapping[str, str]
    fields: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Event:
    kind: str
    pod: _Stored
    # The pod before the change, for a watcher whose selector no longer matches.
    before: _Stored | None


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The pods that one request selects: a namespace (empty: all) and two selectors."""

    namespace: str
    labels: selectors.Selector
    fields: selectors.Selector

    def admits(self, pod: _Stored | None) -> bool:
        return (
            pod is not None
            and self.namespace in ("", pod.namespace)
            and selectors.admits(self.labels, pod.labels)
            and selectors.admits(self.fields, pod.fields)
        )


class _StatusError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class KubernetesApi:
    """The pods of a simulated cluster. `requests` counts LIST, WATCH and refusals by code."""

    def __init__(self, url: str, token: str, allowed_namespaces: frozenset[str] | None) -> None:
        self.url = url
        self.requests: collections.Counter[str] = collections.Counter()
        self._token = token
        self._allowed = allowed_namespaces
        self._version = 1000
        self._oldest = 1000
        self._pods: dict[tuple[str, str], _Stored] = {}
        self._events: collections.deque[_Event] = collections.deque(maxlen=HISTORY)
        self._changed = asyncio.Condition()
        self._closing = False

    async def apply(self, *manifests: Mapping[str, object]) -> None:
        """Add pods, or replace those of the same namespace and name."""
        for manifest in manifests:
            self._version += 1
            pod = _store(manifest, self._version)
            key = (pod.namespace, pod.name)
            before = self._pods.get(key)
            self._pods[key] = pod
            self._events.append(_Event("MODIFIED" if before else "ADDED", pod, before))
        await self._wake()

    async def delete(self, namespace: str, name: str) -> None:
        """Delete a pod; KeyError when there is none."""
        self._version += 1
        pod = dataclasses.replace(self._pods.pop((namespace, name)), version=self._version)
        pod = dataclasses.replace(pod, text=_with_version(json.loads(pod.text), self._version))
        self._events.append(_Event("DELETED", pod, pod))
        await self._wake()

    async def expire_history(self) -> None:
        """Forget all changes so far: watches from an older version get 410, running ones too."""
        self._version += 1
        self._oldest = self._version
        self._events.clear()
        await self._wake()

    async def close(self) -> None:
        """End the running watches."""
        self._closing = True
        await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # -- requests ---------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; refusals are Status objects."""
        try:
            scope = self._authorised_scope(request)
            if request.query.get("watch") in ("true", "1"):
                self.requests["WATCH"] += 1
                return await self._watch(request, scope)
            self.requests["LIST"] += 1
            return self._list(request, scope)
        except _StatusError as refusal:
            self.requests[str(refusal.code)] += 1
            return web.json_response(_status(refusal.code, refusal.message), status=refusal.code)

    def _authorised_scope(self, request: web.Request) -> _Scope:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise _StatusError(401, "Unauthorized")
        resource, namespace = request.match_info.get("resource", ""), request.match_info.get("namespace", "")
        if resource != "pods" or request.method != "GET":
            raise _StatusError(403, f'cannot {request.method.lower()} resource "{resource}" in this cluster')
        if self._allowed is not None and namespace not in self._allowed:
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            raise _StatusError(403, f'pods is forbidden: cannot list resource "pods" {where}')
        try:
            labels = selectors.parse_labels(request.query.get("labelSelector", ""))
            fields = selectors.parse_fields(request.query.get("fieldSelector", ""))
        except selectors.SelectorError as error:
            raise _StatusError(400, str(error)) from error
        return _Scope(namespace, labels, fields)

    def _list(self, request: web.Request, scope: _Scope) -> web.Response:
        start, version = _continue_token(request, self._version)
        if version < self._oldest:
            raise _StatusError(410, "The provided continue parameter is too old")
        limit = _number(request, "limit")
        pods = [pod for _, pod in sorted(self._pods.items()) if scope.admits(pod)][start:]
        page = pods[:limit] if limit else pods
        metadata: dict[str, object] = {"resourceVersion": str(version)}
        if len(page) < len(pods):
            metadata["continue"] = f"{version}.{start + len(page)}"
            metadata["remainingItemCount"] = len(pods) - len(page)
        head = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata})
        items = ",".join(pod.text for pod in page)
        return web.Response(text=f'{head[:-1]},"items":[{items}]}}', content_type="application/json")

    async def _watch(self, request: web.Request, scope: _Scope) -> web.StreamResponse:
        version = _number(request, "resourceVersion")
        initial = request.query.get("sendInitialEvents") == "true"
        if initial and request.query.get("resourceVersionMatch") != "NotOlderThan":
            raise _StatusError(400, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        if version and not initial and version < self._oldest:
            raise _StatusError(410, f"too old resource version: {version} ({self._oldest})")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        # A client that has gone, at the first byte or later, ends its watch.
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await self._stream(response, request, scope, version, initial=initial)
        return response

    async def _stream(
        self, response: web.StreamResponse, request: web.Request, scope: _Scope, version: int, *, initial: bool
    ) -> None:
        bookmarks = request.query.get("allowWatchBookmarks") == "true"
        deadline = time.monotonic() + (_number(request, "timeoutSeconds") or 1800)
        if initial or not version:
            pods = [pod for _, pod in sorted(self._pods.items()) if scope.admits(pod)]
            version = self._version
            lines = [_line("ADDED", pod.text) for pod in pods]
            await response.write("".join([*lines, _bookmark(version, initial=True) if initial else ""]).encode())
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            if version < self._oldest:
                expired = json.dumps(_status(410, f"too old resource version: {version} ({self._oldest})"))
                await response.write(_line("ERROR", expired).encode())
                return
            version, lines = self._changes_after(version, scope)
            if lines:
                await response.write("".join(lines).encode())
            elif not await self._wait_for_change(version, min(left, BOOKMARK_SECONDS)) and bookmarks:
                await response.write(_bookmark(self._version).encode())

    async def _wait_for_change(self, version: int, seconds: float) -> bool:
        async with self._changed:
            if self._version != version or self._closing:
                return True
            try:
                await asyncio.wait_for(self._changed.wait(), seconds)
            except asyncio.TimeoutError:
                return False
            return True

    def _changes_after(self, version: int, scope: _Scope) -> tuple[int, list[str]]:
        news = [event for event in self._events if event.pod.version > version]
        lines = [line for event in news if (line := _seen_by(event, scope))]
        return (news[-1].pod.version if news else version), lines


def _seen_by(event: _Event, scope: _Scope) -> str:
    """Return the event as a watcher with a selector sees it: entering is ADDED, leaving is DELETED."""
    was, now = scope.admits(event.before), event.kind != "DELETED" and scope.admits(event.pod)
    kinds = {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}
    return _line(kinds[was, now], event.pod.text) if (was, now) in kinds else ""


def _store(manifest: Mapping[str, object], version: int) -> _Stored:
    pod: dict[str, Any] = json.loads(json.dumps({"kind": "Pod", "apiVersion": "v1", **manifest}))
    metadata, status = pod["metadata"], pod.get("status", {})
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "spec.nodeName": pod.get("spec", {}).get("nodeName", ""),
        "status.phase": status.get("phase", ""),
        "status.podIP": status.get("podIP", ""),
    }
    text = _with_version(pod, version)
    return _Stored(
        namespace=metadata["namespace"],
        name=metadata["name"],
        version=version,
        text=text,
        labels=metadata.get("labels", {}),
        fields=fields,
    )


def _with_version(pod: dict[str, Any], version: int) -> str:
    return json.dumps({**pod, "metadata": {**pod["metadata"], "resourceVersion": str(version)}})


def _line(kind: str, text: str) -> str:
    return f'{{"type":"{kind}","object":{text}}}\n'


def _bookmark(version: int, *, initial: bool = False) -> str:
    metadata: dict[str, object] = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return _line("BOOKMARK", json.dumps({"kind": "Pod", "apiVersion": "v1", "metadata": metadata}))


def _status(code: int, message: str) -> dict[str, object]:
    reason = _REASONS.get(code, "Unknown")
    common = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**common, "message": message, "reason": reason, "code": code}


def _number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "") or "0"
    if not text.isdigit():
        raise _StatusError(400, f"invalid {name}: {text!r}")
    return int(text)


def _continue_token(request: web.Request, current: int) -> tuple[int, int]:
    token = request.query.get("continue", "")
    if not token:
        return 0, current
    version, _, start = token.partition(".")
    if not (version.isdigit() and start.isdigit()):
        raise _StatusError(400, "continue key is not valid")
    return int(start), int(version)


@contextlib.asynccontextmanager
async def serving(
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    token: str,
    pods: Iterable[Mapping[str, object]],
    allowed_namespaces: frozenset[str] | None = None,
) -> AsyncIterator[KubernetesApi]:
    """Serve these pods until the end of the block.

    `allowed_namespaces` plays RBAC: only these may be listed; None allows the whole cluster.
    Raises SetupError when the port is in use.
    """
    api = KubernetesApi(f"https://{host}:{port}", token, allowed_namespaces)
    await api.apply(*pods)
    app = web.Application()
    app.router.add_route("*", "/api/v1/{resource}", api.handle)
    app.router.add_route("*", "/api/v1/namespaces/{namespace}/{resource}", api.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise SetupError(
                f"port {port} on {host} is in use", "stop the program that uses it (ss -ltnp) and run again"
            ) from error
        yield api
    finally:
        await api.close()
        await runner.cleanup()
