"""What the log agents read and send, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.log_agent import API, FILES
from xscaler_istio.summary.model import Fact, Section, Subject, facts
from xscaler_istio.summary.rules import choice, filled
from xscaler_istio.summary.short import by_owner, few

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xscaler_istio.rendered.log_agent import LogReading
    from xscaler_istio.rendered.relabeling import RelabelRule

_SOURCES: Mapping[str, str] = {FILES: "files on each node", API: "through the API server"}


def logs_section(agents: Sequence[LogReading]) -> Section:
    """Say for each agent which logs it reads and what it makes of a line."""
    return Section("access logs", tuple(map(_subject, agents)))


def overview_section(agents: Sequence[LogReading]) -> Section:
    """Say in a line for each agent which logs it reads, and in one for all what is added, changed and left out."""
    lines = (
        *(Fact(_SOURCES[agent.source], (_where(agent),)) for agent in agents),
        *facts(
            labels_added=by_owner({_SOURCES[agent.source]: _added(agent) for agent in agents}),
            lines=by_owner({_SOURCES[agent.source]: _changed(agent) for agent in agents}),
        ),
    )
    return Section("access logs", (Subject("", lines),) if lines else ())


def _where(agent: LogReading) -> str:
    where = f"namespaces {few(agent.namespaces)}" if agent.namespaces else "all namespaces"
    return "; ".join((where, *map(choice, _choices(agent))))


def _added(agent: LogReading) -> tuple[str, ...]:
    return (*agent.stream_labels, *(("fields as structured metadata",) if agent.structured_metadata else ()))


def _changed(agent: LogReading) -> tuple[str, ...]:
    parts = (
        "" if agent.success_ratio == 1 else f"only {agent.success_ratio * 100:.4g}% of successful requests",
        "" if agent.older_lines else "none from before the first start",
        "query strings redacted" if agent.redacted else "query strings kept",
        "addresses of X-Forwarded-For masked" if agent.masked else "",
        f"cut at {agent.line_bytes} bytes",
    )
    return tuple(part for part in parts if part)


def _choices(agent: LogReading) -> tuple[RelabelRule, ...]:
    return tuple(rule for rule in agent.target_rules if rule.action in ("keep", "drop"))


def _subject(agent: LogReading) -> Subject:
    return Subject(
        _SOURCES[agent.source],
        facts(
            namespaces=agent.namespaces,
            pods=tuple(map(choice, _choices(agent))),
            files=tuple(filled(rule) for rule in agent.target_rules if rule.target_label == "__path__"),
            lines_before_the_first_start="sent" if agent.older_lines else "not sent",
            labels=agent.stream_labels,
            fields="structured metadata" if agent.structured_metadata else "none",
            query_strings="redacted" if agent.redacted else "kept",
            **{"X-Forwarded-For": "addresses masked" if agent.masked else "kept"},
            successful_requests="all" if agent.success_ratio == 1 else f"{agent.success_ratio * 100:.4g}%",
            longest_line=f"{agent.line_bytes} bytes",
        ),
    )
