"""The rows of the fault matrix: what goes wrong, for how long, and for whom. Data only; cell.py does what they say.

Time is compressed: a second of a cell stands for FACTOR seconds of a cluster, by the interval between scrapes and by
the times in the alerts. What the rendered configurations wait for, such as timeouts and pauses between retries, is not.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of the chart, and of a cell, in seconds.
CLUSTER_INTERVAL = 30
INTERVAL = 1
FACTOR = CLUSTER_INTERVAL // INTERVAL

LOG_AGENT = "log-agent"
METRICS = tuple(COLLECTORS)
LOGS = (LOG_AGENT,)
CONTESTANTS = (*METRICS, *LOGS)

SAME, OTHER = "same host", "another host"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What the backend answers in place of storing: a status, one push in `one_in`; 200 has an HTML page.

    `late` stores the push and answers that many seconds later.
    """

    status: int = 0
    retry_after: int | None = None
    one_in: int = 1
    redirect: str = ""
    late: float = 0.0


class Link(enum.Enum):
    """What is wrong with the network between collector and backend."""

    REFUSED = "connections are refused"
    SILENT = "connections are accepted, and nothing is read"
    SLOW = "each piece of data takes two seconds"
    NARROW = "300 bytes a second pass"
    RESET = "connections are reset in the middle of a request"
    HALF = "connections end in the middle of an answer"


class Certificate(enum.Enum):
    """What is wrong with the backend's certificate."""

    EXPIRED = "it has expired"
    OTHER_NAME = "it is for another host"
    OTHER_AUTHORITY = "an authority issued it that the program does not know"


@dataclasses.dataclass(frozen=True)
class Stop:
    """A signal to the program, which starts again at once with the same storage, as a container of a pod does."""

    signal: str
    link: Link | None = None


class Token(enum.Enum):
    """What happens to the token."""

    REVOKED = "it is revoked, and the Secret has another one later"
    OTHER_TENANT = "it is for another tenant than the one that is sent"


class Page(enum.Enum):
    """What one of the two targets serves."""

    HANGS = "nothing, and it keeps the connection"
    MALFORMED = "one line that is not valid"
    CUT = "half of a response"
    TWICE = "two series twice, with different values"
    WIDE = "one series with more labels than the limit"
    MORE = "further series, above the limit of the account"


class Files(enum.Enum):
    """What happens to log files while the agent is away."""

    ROTATED = "a file is rotated"


Fault = Answer | Link | Certificate | Stop | Token | Page | Files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One row. `seconds` of the cell; `sets` are values with {name} for the contestant's block in the values."""

    name: str
    group: str
    title: str
    fault: Fault
    seconds: float = 40.0
    contestants: tuple[str, ...] = METRICS
    sets: tuple[str, ...] = ()


BACKEND, NETWORK, PROCESSES, TARGETS, ACCESS_LOGS = "Backend", "Network", "Processes", "Targets", "Access logs"


def _redirects() -> tuple[Row, ...]:
    where = {"same": SAME, "other": OTHER}
    return tuple(
        Row(
            name=f"redirect-{status}-{word}",
            group=BACKEND,
            title=f"{status} to {host}",
            fault=Answer(status=status, redirect=host),
        )
        for status in (301, 302, 307)
        for word, host in where.items()
    )


ROWS: tuple[Row, ...] = (
    Row(name="away-1m", group=BACKEND, title="away for 1 minute", fault=Link.REFUSED, seconds=2),
    Row(name="away-10m", group=BACKEND, title="away for 10 minutes", fault=Link.REFUSED, seconds=20),
    Row(name="away-60m", group=BACKEND, title="away for 60 minutes", fault=Link.REFUSED, seconds=120),
    Row(
        name="away-past-the-age-limit",
        group=BACKEND,
        title="away for 110 s with `queue.sampleAgeLimit: 1m`, both not compressed",
        fault=Link.REFUSED,
        seconds=110,
        sets=("{name}.queue.sampleAgeLimit=1m",),
    ),
    Row(name="status-500", group=BACKEND, title="500 for 20 minutes", fault=Answer(status=500)),
    Row(name="status-429", group=BACKEND, title="429 for 20 minutes", fault=Answer(status=429)),
    Row(
        name="status-429-retry-after",
        group=BACKEND,
        title="429 with `Retry-After` for 20 minutes",
        fault=Answer(status=429, retry_after=5),
    ),
    Row(
        name="status-429-one-in-two",
        group=BACKEND,
        title="429 for one push in two",
        fault=Answer(status=429, one_in=2),
    ),
    Row(name="status-400-one-series", group=BACKEND, title="400 for one series among good ones", fault=Page.WIDE),
    Row(name="status-400-series-limit", group=BACKEND, title="400 for series above the plan", fault=Page.MORE),
    Row(
        name="token-revoked",
        group=BACKEND,
        title="401: the token is revoked, and rotated after 20 minutes",
        fault=Token.REVOKED,
    ),
    Row(
        name="tenant-wrong",
        group=BACKEND,
        title="400: the token is for another tenant",
        fault=Token.OTHER_TENANT,
    ),
    *_redirects(),
    Row(name="html-page", group=BACKEND, title="200 with an HTML page", fault=Answer(status=200)),
    Row(
        name="late-answers",
        group=BACKEND,
        title="pushes are stored and answered after 31 seconds",
        fault=Answer(late=31.0),
        seconds=70,
    ),
    Row(name="reset-mid-body", group=NETWORK, title="reset in the middle of a request", fault=Link.RESET),
    Row(name="half-answer", group=NETWORK, title="the answer is cut in half", fault=Link.HALF),
    Row(name="throttled", group=NETWORK, title="300 bytes a second", fault=Link.NARROW),
    Row(name="delayed", group=NETWORK, title="each piece of data takes 2 seconds", fault=Link.SLOW),
    Row(name="half-open", group=NETWORK, title="accepted, and TLS never answered", fault=Link.SILENT),
    Row(name="certificate-expired", group=NETWORK, title="certificate expired", fault=Certificate.EXPIRED),
    Row(
        name="certificate-other-host", group=NETWORK, title="certificate of another host", fault=Certificate.OTHER_NAME
    ),
    Row(
        name="authority-rotated",
        group=NETWORK,
        title="certificate of an unknown authority",
        fault=Certificate.OTHER_AUTHORITY,
    ),
    Row(name="sigterm", group=PROCESSES, title="SIGTERM", fault=Stop("SIGTERM"), seconds=5),
    Row(name="sigkill", group=PROCESSES, title="SIGKILL", fault=Stop("SIGKILL"), seconds=5),
    Row(
        name="sigterm-away",
        group=PROCESSES,
        title="SIGTERM after 15 of 20 minutes without the backend",
        fault=Stop("SIGTERM", Link.REFUSED),
    ),
    Row(
        name="sigkill-away",
        group=PROCESSES,
        title="SIGKILL after 15 of 20 minutes without the backend",
        fault=Stop("SIGKILL", Link.REFUSED),
    ),
    Row(name="target-hangs", group=TARGETS, title="a target hangs", fault=Page.HANGS, seconds=60),
    Row(
        name="target-malformed",
        group=TARGETS,
        title="a response with a malformed line",
        fault=Page.MALFORMED,
        seconds=60,
    ),
    Row(name="target-cut", group=TARGETS, title="a response cut in half", fault=Page.CUT, seconds=60),
    Row(name="target-duplicates", group=TARGETS, title="a series twice in a response", fault=Page.TWICE),
    Row(name="logs-away", group=ACCESS_LOGS, title="away for 20 minutes", fault=Link.REFUSED, contestants=LOGS),
    Row(name="logs-429", group=ACCESS_LOGS, title="429 for 20 minutes", fault=Answer(status=429), contestants=LOGS),
    Row(name="logs-400", group=ACCESS_LOGS, title="400", fault=Answer(status=400), contestants=LOGS),
    Row(
        name="logs-token-revoked",
        group=ACCESS_LOGS,
        title="401: the token is revoked, and rotated after 20 minutes",
        fault=Token.REVOKED,
        contestants=LOGS,
    ),
    Row(
        name="logs-redirect-302-same",
        group=ACCESS_LOGS,
        title=f"302 to {SAME}",
        fault=Answer(status=302, redirect=SAME),
        contestants=LOGS,
    ),
    Row(
        name="logs-html-page",
        group=ACCESS_LOGS,
        title="200 with an HTML page",
        fault=Answer(status=200),
        contestants=LOGS,
    ),
    Row(name="logs-sigterm", group=ACCESS_LOGS, title="SIGTERM", fault=Stop("SIGTERM"), seconds=5, contestants=LOGS),
    Row(name="logs-sigkill", group=ACCESS_LOGS, title="SIGKILL", fault=Stop("SIGKILL"), seconds=5, contestants=LOGS),
    Row(
        name="logs-reset-mid-body",
        group=ACCESS_LOGS,
        title="reset in the middle of a request",
        fault=Link.RESET,
        contestants=LOGS,
    ),
    Row(
        name="logs-half-answer",
        group=ACCESS_LOGS,
        title="the answer is cut in half",
        fault=Link.HALF,
        contestants=LOGS,
    ),
    Row(
        name="logs-sigterm-away",
        group=ACCESS_LOGS,
        title="SIGTERM after 15 of 20 minutes without the backend",
        fault=Stop("SIGTERM", Link.REFUSED),
        contestants=LOGS,
    ),
    Row(
        name="logs-sigkill-away",
        group=ACCESS_LOGS,
        title="SIGKILL after 15 of 20 minutes without the backend",
        fault=Stop("SIGKILL", Link.REFUSED),
        contestants=LOGS,
    ),
    Row(
        name="logs-rotation-while-down",
        group=ACCESS_LOGS,
        title="rotation while the agent is down",
        fault=Files.ROTATED,
        seconds=10,
        contestants=LOGS,
    ),
)
BY_NAME: Mapping[str, Row] = {row.name: row for row in ROWS}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row and a contestant; its name is what CELL= takes."""

    row: Row
    contestant: str

    @property
    def name(self) -> str:
        """The name for people and commands."""
        return f"{self.row.name}/{self.contestant}"


CELLS = tuple(Cell(row, contestant) for row in ROWS for contestant in row.contestants)


def chosen(pattern: str) -> tuple[Cell, ...]:
    """Return the cells that a text names: `row/contestant`, a row, `/contestant`, or all with nothing.

    Raises ValueError with the names that there are.
    """
    row, _, contestant = pattern.partition("/")
    found = tuple(cell for cell in CELLS if row in ("", cell.row.name) and contestant in ("", cell.contestant))
    if not found:
        rows = ", ".join(BY_NAME)
        raise ValueError(f"no cell is called {pattern}. Rows: {rows}. Contestants: {', '.join(CONTESTANTS)}")
    return found
