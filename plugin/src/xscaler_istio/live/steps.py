"""The steps of `test RELEASE`; each gives a verdict with reasons and fixes."""

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
from xscaler_istio.rendered.scraping import BOTH, NATIVE
from xscaler_istio.system.errors import UnreachableError
from xscaler_istio.values import units
from xscaler_istio.wire import published, refusals
from xscaler_istio.wire.refusals import Reason

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping

    from xscaler_istio.live.installation import Installation
    from xscaler_istio.rendered.own_metrics import Pushes
    from xscaler_istio.values.settings import Settings
    from xscaler_istio.wire.query_api import QueryApi

    Look = Callable[[str, str], tuple[published.UrlAnswer, published.Moved | None]]

FRESH_SECONDS = 180
_NO_READ_TOKEN = "give a read token: --read-token-file, or XSCALER_READ_TOKEN"  # noqa: S105 - a sentence
# The chart's default, for a release whose values do not have the key.
_SCRAPE_INTERVAL = "30s"
# Time for Helm beyond its own timeout.
_HELM_SECONDS = 30
# The job that scrapes the release's own pods; these targets are not part of the mesh.
_OWN_JOB = "self"
_LOG_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "files": ("logs",),
    "api": ("logs-api",),
    "filesAndFargate": ("logs", "logs-api"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One verdict. `skipped` is the reason why a step was not run."""

    name: str
    facts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the step has no problem."""
        return not self.problems


def helm_test(installation: Installation, timeout: float, progress: Callable[[str], None]) -> Step:
    """Run the release's own tests; the logs of their pods go to `progress` while they run."""
    names = installation.test_pods()
    if not names:
        return Step(name="helm test", skipped="the release has no tests: tests.enabled is false")
    before = {name: _uid(installation, name) for name in names}
    output: dict[str, list[str]] = {name: [] for name in names}
    ended = threading.Event()
    followers = [
        threading.Thread(
            target=_follow, args=(installation, name, before[name], ended, output[name], progress), daemon=True
        )
        for name in names
    ]
    for follower in followers:
        follower.start()
    # Helm ends at its own timeout.
    command, seconds = ("test", installation.release, f"--timeout={timeout:.0f}s"), timeout + _HELM_SECONDS
    try:
        helm.of_release(installation.namespace, *command, seconds=seconds)
        failure = ""
    except helm.HelmError as error:
        failure = error.stderr.decode(errors="replace").strip() or "helm test failed"
    finally:
        ended.set()
        for follower in followers:
            # Each still reads the rest of its log, which may take kubectl long on a busy machine.
            follower.join(timeout=30)
    if not failure:
        return Step(name="helm test", facts=tuple(f"{name}: passed" for name in names))
    failed = [name for name in names if "FAILED" in output[name]]
    problems = [Problem(f"{name}: {what}", fix) for name in failed for what, fix in _problems(output[name])]
    return Step(
        name="helm test",
        facts=(),
        problems=tuple(problems) or (Problem(failure.splitlines()[0], "see the lines above"),),
    )


def _uid(installation: Installation, pod: str) -> str:
    return installation.kube("get", "pod", pod, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}:{.status.phase}")


def _started(now: str, old: str) -> bool:
    """Return whether a pod is a new one and has started, given what _uid returned now and before."""
    return bool(now) and now.partition(":")[0] != old.partition(":")[0] and not now.endswith(("Pending", ":"))


def _follow(
    installation: Installation,
    pod: str,
    old: str,
    ended: threading.Event,
    output: list[str],
    progress: Callable[[str], None],
) -> None:
    """Pass on a pod's log, once the pod of this test has started."""
    while not _started(_uid(installation, pod), old):
        # Check once more: a short test may have begun and ended since the last check.
        if ended.wait(0.5) and not _started(_uid(installation, pod), old):
            return
    command = [*installation.kubectl, "logs", "--follow", pod]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as logs:
        assert logs.stdout  # noqa: S101 - for the type checker
        for line in logs.stdout:
            output.append(line.rstrip())
            progress(f"  {pod}: {line.rstrip()}")


def _problems(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Parse the lines of a test pod after FAILED: a problem, then its fix."""
    rest = lines[lines.index("FAILED") + 1 :]
    for number, line in enumerate(rest):
        if line.strip().startswith("fix: "):
            yield rest[number - 1].strip(), line.strip().removeprefix("fix: ")


# The time from a scrape to its push: no collector's batch waits longer.
_PUSH_SECONDS = 6


@dataclasses.dataclass(frozen=True)
class Earlier:
    """Refusals before the test, in samples or lines by pod; counts beyond these are new.

    `redirected` is the same for requests that redirects answered, `retried` for what was sent again. `over` is the
    monotonic time in seconds by which a continuing refusal occurs again.
    """

    refused: Mapping[str, int] = dataclasses.field(default_factory=dict)
    redirected: Mapping[str, int] = dataclasses.field(default_factory=dict)
    retried: Mapping[str, int] = dataclasses.field(default_factory=dict)
    over: float = 0.0

    @property
    def any(self) -> bool:
        """Whether anything was refused before the test."""
        return any((*self.refused.values(), *self.redirected.values()))

    def wait(self) -> None:
        """Wait until new refusals can be distinguished from old ones."""
        if self.any:
            time.sleep(max(0.0, self.over - time.monotonic()))

    def of(self, pod: str, failed: int) -> int:
        """Return how many of a pod's refusals are older than the test; none if its counter restarted."""
        old = self.refused.get(pod, 0)
        return old if old <= failed else 0


def earlier(installation: Installation, settings: Settings) -> Earlier:
    """Read the refusals so far. A pod that does not answer is left out; the steps report it."""
    name = settings.metrics.collector
    readers = {"metrics": COLLECTORS[name].pushes} if name in COLLECTORS else {}
    if settings.logs.enabled:
        readers |= dict.fromkeys(_LOG_COMPONENTS[settings.logs.source], LOG_AGENT.pushes)
    found = {}
    for component, read in readers.items():
        for pod in installation.pods(component):
            with contextlib.suppress(UnreachableError):
                found[pod] = read(functools.partial(installation.response, pod))
    interval = units.seconds(settings.metrics.scrape_interval or _SCRAPE_INTERVAL)
    return Earlier(
        {pod: pushes.failed for pod, pushes in found.items()},
        {pod: pushes.redirected for pod, pushes in found.items()},
        {pod: pushes.retried for pod, pushes in found.items()},
        time.monotonic() + interval + _PUSH_SECONDS,
    )


def collector(installation: Installation, settings: Settings, before: Earlier, look: Look = published.look) -> Step:
    """Check the targets and pushes of every shard, through the API server. `look` asks a push URL from here."""
    before.wait()
    name = settings.metrics.collector
    if name == "none":
        return Step(name="collector", skipped="metrics.collector is none")
    how = COLLECTORS[name]
    jobs = _jobs(settings)
    facts, problems, found, refused = [], [], 0, False
    pods = installation.pods("metrics")
    for pod in pods:
        fetch = functools.partial(installation.response, pod)
        targets, pushes = how.targets(fetch, jobs), how.pushes(fetch)
        found += sum(target.job != _OWN_JOB for target in targets)
        up = sum(target.health == "up" for target in targets)
        old = before.of(pod, pushes.failed)
        facts.append(f"{pod}: {up} of {len(targets)} targets up; {_counts(pushes, 'samples', old)}")
        for target in targets:
            if target.health == "down":
                problems.append(Problem(f"{target.url} ({target.job}): {target.error}", _see("A scrape fails")))
        problems += _refused(installation, pod, pushes, old, how.refusal, "samples")
        problems += _redirected(pod, pushes, before)
        problems += _held_back(installation, pod, pushes, before, how.refusal)
        refused |= pushes.failed > old or not pushes.delivered
    if refused:
        problems += _moved(settings, "metrics", look)
    if len(pods) < settings.metrics.shards:
        problems.append(
            Problem(
                f"{len(pods)} of {settings.metrics.shards} collectors run",
                f"see `kubectl get pods,events -n {installation.of_objects}`",
            )
        )
    elif not found:
        problems.append(Problem("the collector found no target of the mesh", _see("A target is missing")))
    return Step(name="collector", facts=tuple(facts), problems=tuple(problems))


def _moved(settings: Settings, what: str, look: Look) -> list[Problem]:
    """Return the problem of a push URL at which nothing is while another published one answers, asked from here.

    A release without a region and a URL, or behind a proxy of which only the cluster knows, is not asked.
    """
    xscaler = settings.xscaler
    given = (xscaler.metrics if what == "metrics" else xscaler.logs).url
    url = given or (published.forms(what, xscaler.region)[0] if xscaler.region else "")
    if not url.startswith("https://") or xscaler.proxy_url or xscaler.proxy_secret.name:
        return []
    answer, moved = look(what, url)
    if not moved:
        return []
    said = "its host has no address" if answer.no_host else f"it answers {answer.status}"
    return [
        Problem(
            f"xScaler has nothing at {url} ({said}), but answers at {moved.other}",
            f"set xscaler.{what}.url: {moved.other}",
        )
    ]


def _see(section: str) -> str:
    return f"see docs/troubleshooting.md, {section}"


def _jobs(settings: Settings) -> tuple[str, ...]:
    """Return the names of the scrape jobs."""
    mesh = tuple(job for job, kind in settings.metrics.targets.items() if kind.enabled)
    return (*mesh, _OWN_JOB) if settings.self_monitoring.enabled else mesh


def log_agents(installation: Installation, settings: Settings, before: Earlier, look: Look = published.look) -> Step:
    """Check what every log agent has sent. `look` asks a push URL from here."""
    if not settings.logs.enabled:
        return Step(name="log agents", skipped="logs.enabled is false")
    before.wait()
    facts, problems, delivered, refused = [], [], 0, False
    components = _LOG_COMPONENTS[settings.logs.source]
    for pod in (pod for component in components for pod in installation.pods(component)):
        pushes = LOG_AGENT.pushes(functools.partial(installation.response, pod))
        delivered += pushes.delivered
        old = before.of(pod, pushes.failed)
        facts.append(f"{pod}: {_counts(pushes, 'lines', old)}")
        problems += _refused(installation, pod, pushes, old, LOG_AGENT.refusal, "lines")
        refused |= pushes.failed > old
    if refused or not delivered:
        # Before a line is lost: in a quiet mesh nothing was pushed yet.
        problems += _moved(settings, "logs", look)
    if not facts:
        problems.append(Problem("no log agent is running", _see("Access logs do not arrive")))
    elif not delivered and not problems:
        problems.append(Problem("the log agents have sent no line", _see("Access logs do not arrive")))
    return Step(name="log agents", facts=tuple(facts), problems=tuple(problems))


def _counts(pushes: Pushes, what: str, old: int) -> str:
    history = f" ({old:,} of them before this test)" if old else ""
    text = f"{pushes.delivered:,} {what} accepted, {pushes.failed:,} rejected{history}"
    return f"{text}, {pushes.waiting:,} waiting" if pushes.waiting else text


def _refused(
    installation: Installation, pod: str, pushes: Pushes, old: int, pattern: re.Pattern[str], what: str
) -> list[Problem]:
    """Return the problems of a pod's pushes: new refusals, or nothing accepted at all."""
    new = pushes.failed - old
    if not new and pushes.delivered:
        return []
    reason = last_reason(installation.log(pod), pattern)
    shown = f": {reason}" if reason else ""
    if new:
        return [
            Problem(
                f"xScaler rejected {new:,} {what} from {pod} during this test{shown}",
                refusals.fix(refusals.cause(reason)),
            )
        ]
    if pushes.waiting or pushes.retried or pushes.failed:
        return [Problem(f"xScaler has accepted no {what} from {pod}{shown}", refusals.fix(refusals.cause(reason)))]
    return []


# Nothing is lost yet, but nothing arrives until something changes at xScaler or in the values.
_HELD_BACK = frozenset({Reason.PLAN_SERIES, Reason.LOCK, Reason.INTERVAL, Reason.RATE, Reason.PLAN})


def _held_back(
    installation: Installation, pod: str, pushes: Pushes, before: Earlier, pattern: re.Pattern[str]
) -> list[Problem]:
    """Judge a collector that delivered once and now sends the same samples again, if the answer is a 429."""
    old = before.retried.get(pod, 0)
    if not pushes.delivered or pushes.retried <= old:
        return []
    reason = last_reason(installation.log(pod), pattern)
    why = refusals.cause(reason)
    if why not in _HELD_BACK:
        return []
    return [
        Problem(f"xScaler holds back {pod}, and {pushes.waiting:,} samples are waiting: {reason}", refusals.fix(why))
    ]


def _redirected(pod: str, pushes: Pushes, before: Earlier) -> list[Problem]:
    """Judge a program that follows redirects: what they lead to answers in place of xScaler."""
    old = before.redirected.get(pod, 0)
    new = pushes.redirected - (old if old <= pushes.redirected else 0)
    if not new:
        return []
    return [Problem(f"redirects answered {new:,} pushes of {pod} during this test", refusals.fix(Reason.REDIRECT))]


def stored_series(backend: QueryApi | None, cluster_name: str) -> Step:
    """Query xScaler: whether the cluster's series are there and fresh."""
    if not backend:
        return Step(name="series at xScaler", skipped=_NO_READ_TOKEN)
    selector = f'{{job="integrations/istio",cluster="{cluster_name}"}}'
    try:
        age = backend.number(f"time() - max(timestamp(up{selector}))")
        up = backend.number(f"count(up{selector} == 1)")
        requests = backend.number(f"count(istio_requests_total{selector})")
    except UnreachableError as error:
        return Step(name="series at xScaler", facts=(), problems=(Problem(error.message, error.fix),))
    if age is None:
        missing = f'xScaler has no series with cluster="{cluster_name}"'
        return Step(
            name="series at xScaler",
            facts=(),
            problems=(Problem(missing, "check that --tenant is the tenant that the release sends to"),),
        )
    facts = (
        f"{up or 0:.0f} targets up, newest sample {age:.0f} s old, {requests or 0:.0f} series of istio_requests_total",
    )
    if age > FRESH_SECONDS:
        return Step(
            name="series at xScaler",
            facts=facts,
            problems=(Problem(f"the newest sample is {age:.0f} s old", "see the problems of the step collector"),),
        )
    return Step(name="series at xScaler", facts=facts)


def stored_histograms(backend: QueryApi | None, cluster_name: str, form: str) -> Step:
    """Query xScaler: whether the cluster's native histograms are there, in the form of `metrics.histograms`.

    A backend may accept a push and drop its native histograms.
    """
    name = "native histograms"
    if form not in (NATIVE, BOTH):
        return Step(name=name, skipped="metrics.histograms is classic")
    if not backend:
        return Step(name=name, skipped=_NO_READ_TOKEN)
    selector = f'{{job="integrations/istio",cluster="{cluster_name}"}}'
    try:
        # Each proxy with traffic has both.
        native = backend.number(f"count(histogram_count(istio_request_duration_milliseconds{selector}))")
        requests = backend.number(f"count(istio_requests_total{selector})")
    except UnreachableError as error:
        return Step(name=name, problems=(Problem(error.message, error.fix),))
    if not native and requests:
        missing = f"xScaler has {requests:.0f} series of istio_requests_total and no native histogram of this cluster"
        fix = "set metrics.histograms: classic until xScaler stores native histograms (docs/histograms.md)"
        return Step(name=name, problems=(Problem(missing, fix),))
    return Step(name=name, facts=(f"{native or 0:.0f} series of istio_request_duration_milliseconds",))


def stored_lines(backend: QueryApi | None, cluster_name: str, *, enabled: bool) -> Step:
    """Query xScaler: whether the cluster's log lines are there."""
    if not enabled:
        return Step(name="lines at xScaler", skipped="logs.enabled is false")
    if not backend:
        return Step(name="lines at xScaler", skipped=_NO_READ_TOKEN)
    try:
        count = backend.number(f'sum(count_over_time({{job="integrations/istio",cluster="{cluster_name}"}}[10m]))')
    except UnreachableError as error:
        return Step(name="lines at xScaler", facts=(), problems=(Problem(error.message, error.fix),))
    if not count:
        missing = f'xScaler received no line with cluster="{cluster_name}" in the last ten minutes'
        return Step(
            name="lines at xScaler",
            facts=(),
            problems=(Problem(missing, _see("Access logs do not arrive")),),
        )
    return Step(name="lines at xScaler", facts=(f"{count:,.0f} lines in the last ten minutes",))
