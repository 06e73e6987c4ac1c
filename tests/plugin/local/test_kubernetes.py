"""The Kubernetes API in client-go's own words; that Prometheus discovers through it is shown in tests/pipeline."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from aiohttp.test_utils import make_mocked_request

from xscaler_istio.local import certificates, kubernetes
from xscaler_istio.local.network import API_SERVER_PORT, claim
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import pytest

TOKEN = "api-token"  # noqa: S105 - of a server on loopback that ends with the test
WATCH_LIST = {
    "watch": "true",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
    "timeoutSeconds": "20",
}


def manifest(name: str, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    made = pods.pod(
        Kind.SIDECAR,
        namespace=namespace,
        name=name,
        ip="127.9.0.9",
        workload=name,
        version=Version(1, 31),
        labels=labels,
    )
    return dict(made.manifest)


@dataclasses.dataclass(frozen=True)
class Client:
    api: kubernetes.KubernetesApi
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.api.url}{path}", params=query) as answer:
            return answer.status, await answer.json()

    @contextlib.asynccontextmanager
    async def watch(self, path: str = "/api/v1/pods", **query: str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        async with self.session.get(f"{self.api.url}{path}", params=query) as answer:
            assert answer.status == 200

            async def following() -> Any:
                line = await asyncio.wait_for(answer.content.readline(), 10)
                return json.loads(line) if line else None

            yield following


def serve(
    tmp_path: Path,
    test: Callable[[Client], Awaitable[None]],
    *,
    token: str = TOKEN,
    allowed_namespaces: frozenset[str] | None = None,
) -> None:
    async def run() -> None:
        with claim() as network:
            authority = certificates.create(tmp_path)
            async with kubernetes.serving(
                host=network.infrastructure,
                port=API_SERVER_PORT,
                tls=authority.server_context(network.infrastructure),
                token=TOKEN,
                pods=[manifest("a"), manifest("b", tier="web"), manifest("c", namespace="bank")],
                allowed_namespaces=allowed_namespaces,
            ) as api:
                connector = aiohttp.TCPConnector(ssl=authority.client_context())
                headers = {"Authorization": f"Bearer {token}"}
                async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
                    await test(Client(api, session))

    asyncio.run(run())


def names(body: Any) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def test_list_by_namespace_label_and_field(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        status, body = await client.get("/api/v1/pods")
        assert (status, body["kind"], names(body)) == (200, "PodList", ["c", "a", "b"])
        assert names((await client.get("/api/v1/namespaces/shop/pods"))[1]) == ["a", "b"]
        assert names((await client.get("/api/v1/pods", labelSelector="tier=web"))[1]) == ["b"]
        assert names((await client.get("/api/v1/pods", fieldSelector="metadata.namespace=bank"))[1]) == ["c"]
        assert (await client.get("/api/v1/pods", fieldSelector="spec.color=red"))[0] == 400

    serve(tmp_path, test)


def test_list_in_pages(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        _, first = await client.get("/api/v1/pods", limit="2")
        assert (len(first["items"]), first["metadata"]["remainingItemCount"]) == (2, 1)
        _, rest = await client.get("/api/v1/pods", **{"limit": "2", "continue": first["metadata"]["continue"]})
        assert names(first) + names(rest) == ["c", "a", "b"]
        await client.api.expire_history()
        status, _ = await client.get("/api/v1/pods", **{"limit": "2", "continue": first["metadata"]["continue"]})
        assert status == 410

    serve(tmp_path, test)


def test_watch_list_ends_its_first_part_with_the_bookmark(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        async with client.watch(**WATCH_LIST) as following:
            assert [(await following())["object"]["metadata"]["name"] for _ in range(3)] == ["c", "a", "b"]
            bookmark = await following()
            assert bookmark["type"] == "BOOKMARK"
            assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
            await client.api.apply(manifest("d"))
            added = await following()
            assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "d")
            await client.api.apply(manifest("d", tier="web"))
            assert (await following())["type"] == "MODIFIED"
            await client.api.delete("shop", "d")
            deleted = await following()
            assert deleted["type"] == "DELETED"
            assert int(deleted["object"]["metadata"]["resourceVersion"]) > int(
                added["object"]["metadata"]["resourceVersion"]
            )

    serve(tmp_path, test)


def test_watch_from_a_list_sees_what_came_after_it(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        _, listed = await client.get("/api/v1/pods")
        await client.api.apply(manifest("d"))
        version = listed["metadata"]["resourceVersion"]
        async with client.watch(watch="1", resourceVersion=version, timeoutSeconds="20") as following:
            assert (await following())["object"]["metadata"]["name"] == "d"

    serve(tmp_path, test)


def test_a_pod_that_leaves_the_selector_is_deleted_for_the_watcher(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        _, listed = await client.get("/api/v1/pods")
        query = {"watch": "1", "labelSelector": "tier=web", "timeoutSeconds": "20"}
        async with client.watch(**query, resourceVersion=listed["metadata"]["resourceVersion"]) as following:
            await client.api.apply(manifest("b"))
            assert (await following())["type"] == "DELETED"
            await client.api.apply(manifest("b", tier="web"))
            assert (await following())["type"] == "ADDED"

    serve(tmp_path, test)


def test_an_old_version_gets_410_as_answer_or_as_event(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        _, listed = await client.get("/api/v1/pods")
        version = listed["metadata"]["resourceVersion"]
        async with client.watch(watch="1", resourceVersion=version, timeoutSeconds="20") as following:
            await client.api.expire_history()
            event = await following()
            assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
            assert await following() is None
        assert (await client.get("/api/v1/pods", watch="1", resourceVersion=version))[0] == 410

    serve(tmp_path, test)


def test_bookmarks_come_when_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "BOOKMARK_SECONDS", 0.1)

    async def test(client: Client) -> None:
        _, listed = await client.get("/api/v1/pods")
        version = listed["metadata"]["resourceVersion"]
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "1"}
        async with client.watch(**query, resourceVersion=version) as following:
            event = await following()
            assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("BOOKMARK", version)

    serve(tmp_path, test)


def test_a_watch_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        _, listed = await client.get("/api/v1/pods")
        version = listed["metadata"]["resourceVersion"]
        async with client.watch(watch="1", resourceVersion=version, timeoutSeconds="1") as following:
            assert await following() is None

    serve(tmp_path, test)


def test_without_the_token_401(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        status, body = await client.get("/api/v1/pods")
        assert (status, body["kind"], body["reason"]) == (401, "Status", "Unauthorized")

    serve(tmp_path, test, token="wrong")  # noqa: S106 - the point of the test


def test_rbac_by_namespace(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        status, body = await client.get("/api/v1/pods")
        assert (status, body["reason"]) == (403, "Forbidden")
        assert "at the cluster scope" in body["message"]
        assert (await client.get("/api/v1/namespaces/bank/pods"))[0] == 200
        assert (await client.get("/api/v1/namespaces/shop/pods"))[0] == 403
        assert (await client.get("/api/v1/namespaces/bank/secrets"))[0] == 403

    serve(tmp_path, test, allowed_namespaces=frozenset({"bank"}))


def test_a_watcher_that_goes_before_the_first_byte_ends_its_watch(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        loop = asyncio.get_running_loop()
        request = make_mocked_request(
            "GET",
            "/api/v1/pods?watch=true",
            headers={"Authorization": f"Bearer {TOKEN}"},
            match_info={"resource": "pods"},
            # As the server's own writer is once the connection is lost: its protocol has no transport.
            writer=StreamWriter(BaseProtocol(loop), loop),
        )
        await asyncio.wait_for(client.api.handle(request), 10)

    serve(tmp_path, test)
