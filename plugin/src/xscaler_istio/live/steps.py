"""The steps of `test RELEASE`, each of which gives a verdict with reasons and fixes."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.findings.findings import Problem
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.own_metrics import last_reason
from xscaler_istio.system.errors import UnreachableError
from xscaler_istio.values import units
from xscaler_istio.wire import refusals

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping

    from xscaler_istio.live.installation import Installation
    from xscaler_istio.live.query_api import QueryApi
    from xscaler_istio.rendered.own_metrics import Pushes
    from xscaler_istio.values.settings import Settings

FRESH_SECONDS = 180
# The chart's own, for a release whose values do not have the key.
_SCRAPE_INTERVAL = "30s"
# What Helm takes beside its own timeout.
_HELM_SECONDS = 30
# The job that scrapes the release's own pods: finding them says nothing of the mesh.
_OWN_JOB = "self"
_LOG_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "files": ("logs",),
    "api": ("logs-api",),
    "both": ("logs", "logs-api"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One verdict. `skipped` says why a step was not taken."""

    name: str
    facts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def helm_test(installation: Installation, timeout: float, progress: Callable[[str], None]) -> Step:
    """Run the release's own tests; what their pods say goes to `progress` while they run."""
    names = installation.test_pods()
    if not names:
        return Step(name="helm test", skipped="the release has no tests: tests.enabled is false")
    before = {name: _uid(installation, name) for name in names}
    said: dict[str, list[str]] = {name: [] for name in names}
    ended = threading.Event()
    followers = [
        threading.Thread(
            target=_follow, args=(installation, name, before[name], ended, said[name], progress), daemon=True
        )
        for name in names
    ]
    for follower in followers:
        follower.start()
    # Helm ends by itself when its own time is over.
    command, seconds = ("test", installation.release, f"--timeout={timeout:.0f}s"), timeout + _HELM_SECONDS
    try:
        helm.of_release(installation.namespace, *command, seconds=seconds)
        failure = ""
    except helm.HelmError as error:
        failure = error.stderr.decode(errors="replace").strip() or "helm test failed"
    finally:
        ended.set()
        for follower in followers:
            # Each still asks for the rest of its log, which takes kubectl its time on a busy machine.
            follower.join(timeout=30)
    if not failure:
        return Step(name="helm test", facts=tuple(f"{name}: passed" for name in names))
    failed = [name for name in names if "FAILED" in said[name]]
    problems = [Problem(f"{name}: {what}", fix) for name in failed for what, fix in _problems(said[name])]
    return Step(
        name="helm test",
        facts=(),
        problems=tuple(problems) or (Problem(failure.splitlines()[0], "see the lines above"),),
    )


def _uid(installation: Installation, pod: str) -> str:
    return installation.kube("get", "pod", pod, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}:{.status.phase}")


def _started(now: str, old: str) -> bool:
    """Return whether a pod is another one than before and has begun, by what _uid says of both."""
    return bool(now) and now.partition(":")[0] != old.partition(":")[0] and not now.endswith(("Pending", ":"))


def _follow(
    installation: Installation,
    pod: str,
    old: str,
    ended: threading.Event,
    said: list[str],
    progress: Callable[[str], None],
) -> None:
    """Pass on what a pod says, once it is not the one of an earlier test and has started."""
    while not _started(_uid(installation, pod), old):
        # One last look: a short test may have begun and ended since the one before.
        if ended.wait(0.5) and not _started(_uid(installation, pod), old):
            return
    command = [*installation.kubectl, "logs", "--follow", pod]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as logs:
        assert logs.stdout  # noqa: S101 - for the type checker
        for line in logs.stdout:
            said.append(line.rstrip())
            progress(f"  {pod}: {line.rstrip()}")


def _problems(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Read what a test pod wrote after FAILED: a problem, then its fix."""
    rest = lines[lines.index("FAILED") + 1 :]
    for number, line in enumerate(rest):
        if line.strip().startswith("fix: "):
            yield rest[number - 1].strip(), line.strip().removeprefix("fix: ")


# What a push takes after its scrape: no collector's batch waits longer.
_PUSH_SECONDS = 6


@dataclasses.dataclass(frozen=True)
class Earlier:
    """What was refused before the test, in samples or lines by pod: what is counted beyond it is new.

    `over` is the time (monotonic, in seconds) by which a refusal that goes on has shown again.
    """

    refused: Mapping[str, int] = dataclasses.field(default_factory=dict)
    over: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is something to tell from what is new."""
        return any(self.refused.values())

    def wait(self) -> None:
        """Wait until what is refused now can be told from what was."""
        if self.any:
            time.sleep(max(0.0, self.over - time.monotonic()))

    def of(self, pod: str, failed: int) -> int:
        """Return how many of a pod's refusals are older than the test; none where its count began anew since."""
        old = self.refused.get(pod, 0)
        return old if old <= failed else 0


def earlier(installation: Installation, settings: Settings) -> Earlier:
    """Read the refusals so far. A pod that does not answer is left out; the steps say so."""
    name = settings.metrics.collector
    readers = {"metrics": COLLECTORS[name].pushes} if name in COLLECTORS else {}
    if settings.logs.enabled:
        readers |= dict.fromkeys(_LOG_COMPONENTS[settings.logs.source], LOG_AGENT.pushes)
    found = {}
    for component, read in readers.items():
        for pod in installation.pods(component):
            with contextlib.suppress(UnreachableError):
                found[pod] = read(functools.partial(installation.page, pod)).failed
    interval = units.seconds(settings.metrics.scrape_interval or _SCRAPE_INTERVAL)
    return Earlier(found, time.monotonic() + interval + _PUSH_SECONDS)


def collector(installation: Installation, settings: Settings, before: Earlier) -> Step:
    """Ask every shard for its targets and pushes, through the API server."""
    before.wait()
    name = settings.metrics.collector
    if name == "none":
        return Step(name="collector", skipped="metrics.collector is none")
    how = COLLECTORS[name]
    jobs = _jobs(settings)
    facts, problems, found = [], [], 0
    pods = installation.pods("metrics")
    for pod in pods:
        fetch = functools.partial(installation.page, pod)
        targets, pushes = how.targets(fetch, jobs), how.pushes(fetch)
        found += sum(target.job != _OWN_JOB for target in targets)
        up = sum(target.health == "up" for target in targets)
        old = before.of(pod, pushes.failed)
        facts.append(f"{pod}: {up} of {len(targets)} targets up; {_said(pushes, 'samples', old)}")
        for target in targets:
            if target.health == "down":
                problems.append(
                    Problem(f"{target.url} ({target.job}): {target.error}", "docs/troubleshooting.md, A scrape fails")
                )
        problems += _refused(installation, pod, pushes, old, how.refusal, "samples")
    if len(pods) < settings.metrics.shards:
        problems.append(Problem(f"{len(pods)} of {settings.metrics.shards} collectors run", "kubectl get pods, events"))
    elif not found:
        problems.append(Problem("no target at all", "docs/troubleshooting.md, A target is missing"))
    return Step(name="collector", facts=tuple(facts), problems=tuple(problems))


def _jobs(settings: Settings) -> tuple[str, ...]:
    """Return the names of the scrape jobs."""
    mesh = tuple(job for job, kind in settings.metrics.targets.items() if kind.enabled)
    return (*mesh, _OWN_JOB) if settings.self_monitoring.enabled else mesh


def log_agents(installation: Installation, settings: Settings, before: Earlier) -> Step:
    """Ask every log agent what it sent."""
    if not settings.logs.enabled:
        return Step(name="log agents", skipped="logs.enabled is false")
    before.wait()
    facts, problems, delivered = [], [], 0
    components = _LOG_COMPONENTS[settings.logs.source]
    for pod in (pod for component in components for pod in installation.pods(component)):
        pushes = LOG_AGENT.pushes(functools.partial(installation.page, pod))
        delivered += pushes.delivered
        old = before.of(pod, pushes.failed)
        facts.append(f"{pod}: {_said(pushes, 'lines', old)}")
        problems += _refused(installation, pod, pushes, old, LOG_AGENT.refusal, "lines")
    if not facts:
        problems.append(Problem("no log agent runs", "docs/troubleshooting.md, Access logs do not arrive"))
    elif not delivered and not problems:
        problems.append(Problem("no line was sent", "docs/troubleshooting.md, Access logs do not arrive"))
    return Step(name="log agents", facts=tuple(facts), problems=tuple(problems))


def _said(pushes: Pushes, what: str, old: int) -> str:
    history = f" ({old:,} of them before this test)" if old else ""
    text = f"{pushes.delivered:,} {what} taken, {pushes.failed:,} refused{history}"
    return f"{text}, {pushes.waiting:,} waiting" if pushes.waiting else text


def _refused(
    installation: Installation, pod: str, pushes: Pushes, old: int, pattern: re.Pattern[str], what: str
) -> list[Problem]:
    """Judge what became of a pod's pushes: refusals that are new, or nothing taken at all."""
    new = pushes.failed - old
    if not new and pushes.delivered:
        return []
    reason = last_reason(installation.log(pod), pattern)
    shown = f": {reason}" if reason else ""
    if new:
        return [Problem(f"xScaler refused {new:,} {what} of {pod} during this test{shown}", refusals.fix(reason))]
    if pushes.waiting or pushes.retried or pushes.failed:
        return [Problem(f"xScaler has taken nothing of {pod}{shown}", refusals.fix(reason))]
    return []


def stored_series(backend: QueryApi | None, cluster_name: str) -> Step:
    """Ask xScaler whether the cluster's series are there and fresh."""
    if not backend:
        return Step(name="series at xScaler", skipped="give a read token: --read-token-file, or XSCALER_READ_TOKEN")
    selector = f'{{job="integrations/istio",cluster="{cluster_name}"}}'
    try:
        age = backend.number(f"time() - max(timestamp(up{selector}))")
        up = backend.number(f"count(up{selector} == 1)")
        requests = backend.number(f"count(istio_requests_total{selector})")
    except UnreachableError as error:
        return Step(name="series at xScaler", facts=(), problems=(Problem(error.message, error.fix),))
    if age is None:
        missing = f'no series with cluster="{cluster_name}" is there'
        return Step(
            name="series at xScaler",
            facts=(),
            problems=(Problem(missing, "is the tenant the one that the release sends to?"),),
        )
    facts = (
        f"{up or 0:.0f} targets up, newest sample {age:.0f} s old, {requests or 0:.0f} series of istio_requests_total",
    )
    if age > FRESH_SECONDS:
        return Step(
            name="series at xScaler",
            facts=facts,
            problems=(Problem(f"nothing new for {age:.0f} s", "see the step collector"),),
        )
    return Step(name="series at xScaler", facts=facts)


def stored_lines(backend: QueryApi | None, cluster_name: str, *, enabled: bool) -> Step:
    """Ask xScaler whether the cluster's log lines are there."""
    if not enabled:
        return Step(name="lines at xScaler", skipped="logs.enabled is false")
    if not backend:
        return Step(name="lines at xScaler", skipped="give a read token: --read-token-file, or XSCALER_READ_TOKEN")
    try:
        count = backend.number(f'sum(count_over_time({{job="integrations/istio",cluster="{cluster_name}"}}[10m]))')
    except UnreachableError as error:
        return Step(name="lines at xScaler", facts=(), problems=(Problem(error.message, error.fix),))
    if not count:
        missing = f'no line with cluster="{cluster_name}" in the last ten minutes'
        return Step(
            name="lines at xScaler",
            facts=(),
            problems=(Problem(missing, "docs/troubleshooting.md, Access logs do not arrive"),),
        )
    return Step(name="lines at xScaler", facts=(f"{count:,.0f} lines in the last ten minutes",))
