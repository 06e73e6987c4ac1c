"""What `fit` found, for readers and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.checks import plan
from xscaler_istio.commands.fit import described, patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.plan import LogBytes
    from xscaler_istio.commands.bases import Estimate, Seen
    from xscaler_istio.commands.fit import Fit, Proposal

_SECONDS_OF_A_DAY = 86_400


def text(found: Fit) -> str:
    """Write an estimate, the proposals and the patch for readers."""
    lines = [*_mesh(found.seen), f"these values: {_cost(found.now)}"]
    if found.limit:
        share = (found.now.series + found.others) / found.limit
        others = f", with {found.others:,} of other senders" if found.others else ""
        lines.append(f"limit: {found.limit:,} active series; these values use {share:.0%}{others}")
    if found.logs:
        lines.append(_logs(found.logs))
    for item in found.proposals:
        saved = 1 - item.cost.series / found.now.series
        mark = " (fits)" if found.limit and found.has_room(item.cost) else ""
        lines.append(f"{described(item.changes)} → {_cost(item.cost)}, {saved:.0%} fewer series{mark}")
        lines.append(f"  loses: {'; '.join(change.loses for change in item.changes)}")
    return "\n".join([*lines, *_conclusion(found)]) + "\n"


def _mesh(seen: Seen) -> Iterator[str]:
    """Yield what was looked at."""
    pods = ", ".join(f"{number:,} {_plural(kind, number)}" for kind, number in seen.pods.items())
    how = {"cluster": f"{seen.read} pods read", "mesh": "as stated", "xscaler": "as stored at xScaler"}
    yield f"mesh: {pods}; {how[seen.source]}"
    yield from (f"not read: {name}" for name in seen.failed)
    if stored := seen.stored:
        account = "" if stored.account is None else f"; the account has {stored.account:,}"
        memory = "" if stored.in_memory is None else f", and {stored.in_memory:,} in memory with those that ended"
        yield f"stored: {stored.cluster:,} active series of this cluster{account}{memory}"


def _plural(kind: str, number: int) -> str:
    if number == 1:
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("xy") else f"{kind}s"


def _cost(cost: Estimate) -> str:
    return (
        f"{cost.series:,} active series, {cost.samples:,.0f} samples a minute, {cost.sent * 60 / 1e6:,.0f} MB an hour,"
        f" {cost.memory / 2**20:,.0f} MiB a shard"
    )


def _logs(logs: LogBytes) -> str:
    gigabytes = logs.sent * _SECONDS_OF_A_DAY / 1e9
    line = f"access logs: about {gigabytes:,.1f} GB a day as TEXT, {logs.sent:,.0f} bytes a second"
    return f"{line}; the plan takes {logs.limit:,}" if logs.limit else line


def _conclusion(found: Fit) -> Iterator[str]:
    if found.fits and not found.limit:
        yield "fit: no limit is stated: set xscaler.plan.activeSeries, or give --max-series"
    elif found.fits:
        yield "fit: these values fit"
    elif found.chosen:
        yield "fit: these values do not fit; the least lossy change that does:"
        yield ""
        yield yaml.safe_dump(patch(found.chosen), sort_keys=False).rstrip("\n")
    else:
        yield from _too_much(found)


def _too_much(found: Fit) -> Iterator[str]:
    if not found.has_room(found.now) and not any(found.has_room(item.cost) for item in found.proposals):
        cheapest = found.proposals[-1].cost if found.proposals else found.now
        over = cheapest.series + found.others - found.limit
        yield f"fit: no change fits: the cheapest is {over:,} series over the limit; {plan.OTHERWISE}"
    if found.logs and found.logs.over and not found.sampling:
        yield "fit: no sampling fits the access logs: collect those of fewer namespaces (logs.namespaces)"


def as_json(found: Fit) -> str:
    """Write an estimate as JSON."""

    def cost(item: Estimate) -> dict[str, Any]:
        return {
            "series": item.series,
            "samplesPerMinute": round(item.samples),
            "bytesPerMinute": round(item.sent),
            "memoryBytesPerShard": item.memory,
        }

    def proposal(item: Proposal) -> dict[str, Any]:
        loses = [change.loses for change in item.changes]
        return {"values": patch(item.changes), **cost(item.cost), "fits": found.has_room(item.cost), "loses": loses}

    seen, stored, logs = found.seen, found.seen.stored, found.logs
    document = {
        "schemaVersion": 1,
        "source": seen.source,
        "pods": dict(seen.pods),
        "read": seen.read,
        "notRead": list(seen.failed),
        "stored": stored and {"series": stored.cluster, "account": stored.account, "inMemory": stored.in_memory},
        "limit": found.limit,
        "fits": found.fits,
        "today": cost(found.now),
        "logBytesPerDay": logs and round(logs.sent * _SECONDS_OF_A_DAY),
        "proposals": [proposal(item) for item in found.proposals],
        "chosen": patch(found.chosen) or None,
    }
    return json.dumps(document, indent=2) + "\n"
