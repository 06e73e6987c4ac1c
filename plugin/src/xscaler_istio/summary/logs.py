"""What the log agents read and send, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.log_agent import API, FILES
from xscaler_istio.rendered.words import condition
from xscaler_istio.summary.model import Section, Subject, facts
from xscaler_istio.summary.rules import filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xscaler_istio.rendered.log_agent import LogReading

_SOURCES: Mapping[str, str] = {FILES: "files on each node", API: "through the API server"}


def logs_section(agents: Sequence[LogReading]) -> Section:
    """Say for each agent which logs it reads and what it makes of a line."""
    return Section("access logs", tuple(map(_subject, agents)))


def _subject(agent: LogReading) -> Subject:
    choices = (rule for rule in agent.target_rules if rule.action in ("keep", "drop"))
    return Subject(
        _SOURCES[agent.source],
        facts(
            namespaces=agent.namespaces,
            pods=tuple(condition(rule, holds=rule.action == "keep") for rule in choices),
            files=tuple(filled(rule) for rule in agent.target_rules if rule.target_label == "__path__"),
            older_lines="sent" if agent.older_lines else "left",
            labels=agent.stream_labels,
            fields="structured metadata" if agent.structured_metadata else "none",
            query_strings="redacted" if agent.redacted else "kept",
            addresses_of_x_forwarded_for="masked" if agent.masked else "kept",
            successful_requests="all" if agent.success_ratio == 1 else f"{agent.success_ratio:.4g} of them",
            longest_line=f"{agent.line_bytes} bytes",
        ),
    )
