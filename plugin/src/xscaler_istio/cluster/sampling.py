"""What proxies of a live mesh answer to a scrape, read through the API server's pod proxy: nothing is installed."""

from __future__ import annotations

import collections
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from xscaler_istio.cluster.access import AnsweredError
from xscaler_istio.cluster.discovery import targets
from xscaler_istio.rendered.responses import parse
from xscaler_istio.system.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xscaler_istio.cluster.access import Access
    from xscaler_istio.cluster.discovery import MeshPod, ScrapeTarget
    from xscaler_istio.rendered.responses import Response
    from xscaler_istio.rendered.scraping import Job

# Requests at the same time; each is a kubectl.
_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Read:
    """A pod that was read, with its response by port and path; it stands for the `pods` of its workload."""

    pod: MeshPod
    pods: int
    responses: Mapping[tuple[str, str], Response]


@dataclasses.dataclass(frozen=True)
class MeshSample:
    """Part of a mesh: `pods` is how many pods would be scraped, by kind; `failed` names those that did not answer."""

    read: tuple[Read, ...]
    pods: Mapping[str, int]
    failed: tuple[str, ...] = ()


def sample(access: Access, found: Sequence[MeshPod], jobs: Sequence[Job], most: int) -> MeshSample:
    """Read one pod of each workload, at most so many: the largest workloads first, and every kind at least once.

    Raises AnsweredError where the API server allows no such request, UnreachableError where no pod answers.
    """
    scraped = [item for item in found if item.addresses]
    workloads: dict[tuple[str, str], list[MeshPod]] = {}
    for item in scraped:
        workloads.setdefault((item.kind, item.pod.workload), []).append(item)
    largest = sorted(workloads.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    firsts = {kind: (kind, workload) for (kind, workload), _ in reversed(largest)}
    order = [key for key, _ in sorted(largest, key=lambda entry: firsts[entry[0][0]] != entry[0])]
    chosen = order[: max(most, len(firsts))]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        each = [pool.submit(_read, access, workloads[key], jobs) for key in chosen]
        answers = [future.result() for future in each]
    read = tuple(answer for answer in answers if isinstance(answer, Read))
    if scraped and not read:
        raise UnreachableError(
            f"no proxy answers through the API server: {answers[0]}",
            "check that the API server reaches the pods' ports 15020 and 15014",
        )
    failed = tuple(answer for answer in answers if isinstance(answer, str))
    return MeshSample(read, collections.Counter(item.kind for item in scraped), failed)


def _read(access: Access, pods: Sequence[MeshPod], jobs: Sequence[Job]) -> Read | str:
    """Read the first pod of a workload; return its name with the reason if it does not answer."""
    first = pods[0]
    try:
        wanted = {(target.port, target.path): target for target in targets(first.pod, jobs)}
        return Read(first, len(pods), {key: _response(access, first, target) for key, target in wanted.items()})
    except AnsweredError as error:
        if error.reason in ("Forbidden", "Unauthorized"):
            raise
        return f"{first.pod.namespace}/{first.pod.name}: {error.text}"


def _response(access: Access, item: MeshPod, target: ScrapeTarget) -> Response:
    base = f"/api/v1/namespaces/{item.pod.namespace}/pods/{item.pod.name}:{target.port}/proxy"
    return parse(access.run("get", "--raw", f"{base}{target.path}"))
