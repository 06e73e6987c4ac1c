"""A first values file: the questions, what an answer may be, and the file with comments."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import textwrap
from typing import TYPE_CHECKING, Any

import jsonschema

from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.system.errors import SetupError, UsageError
from xscaler_istio.system.masks import has_form_of_token, looks_like_token
from xscaler_istio.values import keys, lookalikes
from xscaler_istio.values.places import listed
from xscaler_istio.wire import published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    # JSON Schema is arbitrary JSON.
    Json = Mapping[str, Any]

# What the copy of the schema beside a values file is called.
SCHEMA_FILE = "xscaler-istio.schema.json"
_WIDTH = 100
# Plain in every version of YAML; everything else is put in quotes.
_PLAIN = re.compile(r"[a-z][a-z0-9]{2,}(-[a-z0-9]+)*")
_WORDS_OF_YAML = ("true", "false", "yes", "null", "off")


@dataclasses.dataclass(frozen=True)
class Prompt:
    """One key that is asked for, its flag, and the answer that Enter gives; without one an answer is required."""

    flag: str
    key: str
    words: str
    default: str = ""


QUESTIONS: tuple[Prompt, ...] = (
    Prompt("--region", "xscaler.region", "Region of your xScaler account, for example euw1-01"),
    Prompt("--tenant-id", "xscaler.tenantId", "Tenant id"),
    Prompt("--secret", "xscaler.auth.existingSecret.name", "Name of the Secret with the token", "xscaler-token"),
    Prompt("--cluster", "cluster.name", "Name of this Kubernetes cluster, the label of every series"),
    Prompt("--collector", "metrics.collector", "Collector", next(iter(COLLECTORS))),
)

Answers = dict[str, str]


def answers(
    given: Mapping[str, str], schema: Json, ask: Callable[[str], str] | None = None, *, logs: bool = False
) -> Answers:
    """Return an answer to each question by its key: a flag's, one that was asked for, or the default.

    `ask` shows a prompt and returns a line; None without a terminal. Raises UsageError for a flag whose value is
    not allowed and for a question that nothing answers.
    """
    found: Answers = {}
    missing = []
    for question in QUESTIONS:
        flag = given.get(question.flag, "")
        if flag and (refusal := refused(question, flag, schema)):
            raise UsageError(f"{question.flag} {flag!r} is not allowed", refusal)
        if ask and not flag:
            found[question.key] = _asked(question, schema, ask)
        elif flag or question.default:
            found[question.key] = flag or question.default
        else:
            missing.append(question.flag)
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            "give the flags, or run the command in a terminal",
        )
    if found["metrics.collector"] == "none" and not logs:
        raise UsageError("the collector is none and logs are off", "choose a collector, or add --logs")
    return found


def _asked(question: Prompt, schema: Json, ask: Callable[[str], str]) -> str:
    allowed = keys.find(schema, question.key).allowed if question.key == "metrics.collector" else ()
    choices = f" ({', '.join(allowed)})" if allowed else ""
    default = f" [{question.default}]" if question.default else ""
    prompt = f"{question.words}{choices}{default}: "
    while refusal := refused(question, answer := ask(prompt).strip() or question.default, schema):
        prompt = f"  {refusal}\n{question.words}{default}: "
    return answer


def refused(question: Prompt, answer: str, schema: Json) -> str:
    """Say why an answer is not allowed, or nothing."""
    if not answer:
        return "an answer is required"
    if not answer.isprintable():
        return "use only letters, digits and punctuation"
    if looks_like_token(answer):
        return "this looks like a token, which belongs in a Secret; give the name or id that is asked for"
    if found := lookalikes.placeholder(answer):
        return f"write the value itself in place of {found}"
    if reason := lookalikes.untidy(answer):
        return f"this {reason}: write only the value itself"
    if question.key == "xscaler.region" and (meant := lookalikes.region_of_a_cloud(answer)):
        return f"this is a region of a cloud provider; xScaler's have a form like {meant}"
    node = schema
    for step in question.key.split("."):
        node = node["properties"][step]
    if jsonschema.Draft7Validator(node).is_valid(answer):
        return ""
    key = keys.find(schema, question.key)
    return f"use {key.form}" if key.form else f"allowed: {listed(key.allowed)}"


def refuse_tokens(given: Mapping[str, str]) -> None:
    """Raise UsageError for an argument that is written or printed and is a token."""
    for name, text in given.items():
        if has_form_of_token(text):
            raise UsageError(f"{name} is a token, which belongs in a Secret", f"give {name} without it")


def values_file(found: Answers, schema: Json, reference: str, *, logs: bool) -> str:
    """Return the file: a modeline that points at `reference`, and each answer below the comment of its key."""
    chosen: dict[str, str | bool] = {**found, **({"logs.enabled": True} if logs else {})}
    # Keys of one block stand together: the sort keeps the order within.
    chosen = dict(sorted(chosen.items(), key=lambda item: not item[0].startswith("xscaler.")))
    lines = [
        f"# yaml-language-server: $schema={reference}",
        "# Values of the chart xscaler-istio. `helm xscaler explain KEY` explains a key;",
        "# `helm xscaler validate -f FILE` checks this file. Keys that are not set here keep the chart's default.",
    ]
    written: set[str] = set()
    for key, value in chosen.items():
        lines += _entry(key, value, schema, written)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: str | bool, schema: Json, written: set[str]) -> Iterator[str]:
    """Yield the lines of one key, and before them those of the blocks that it opens."""
    steps = key.split(".")
    for depth, step in enumerate(steps):
        path = ".".join(steps[: depth + 1])
        if path in written:
            continue
        written.add(path)
        indent = "  " * depth
        if not depth:
            yield ""
        comment = keys.find(schema, path).description
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        yield f"{indent}{step}:" if path != key else f"{indent}{step}: {_scalar(value)}"


def _scalar(value: str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    plain = _PLAIN.fullmatch(value) and value not in _WORDS_OF_YAML
    return value if plain else json.dumps(value, ensure_ascii=False)


def push_urls(
    found: Answers, look: Callable[[str, str], tuple[published.UrlAnswer, published.Moved | None]], *, logs: bool
) -> tuple[Answers, list[str]]:
    """Ask the push URLs that the chart would use; return the keys to set, and what was found in words.

    `look` asks one of them, as `published.look`. A key is set only where nothing is at the chart's URL and another
    published one answers.
    """
    settings, words = {}, []
    used = (["metrics"] if found["metrics.collector"] != "none" else []) + (["logs"] if logs else [])
    for what in used:
        key, (url, *_) = f"xscaler.{what}.url", published.forms(what, found["xscaler.region"])
        answer, moved = look(what, url)
        if moved:
            settings[key] = moved.other
            words.append(f"xScaler has nothing at {url}, but answers at {moved.other}: {key} is set to it")
        elif answer.present:
            words.append(f"xScaler answers at {url}")
        else:
            reason = f"it answers {answer.status}" if answer.status else "it does not answer from this machine"
            words.append(f"{url} is not checked: {reason}; `helm xscaler doctor --probe` sends a line to it later")
    return settings, words


def refuse_existing(file: Path) -> None:
    """Raise UsageError where a file is already, before anything is asked."""
    if file.exists():
        raise _exists(file)


def _exists(file: Path) -> UsageError:
    return UsageError(f"{file} exists, and init does not overwrite files", "name another file, or - to print it")


def write_new(file: Path, text: str) -> None:
    """Write a file that is not there yet; raises UsageError where it is."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise _exists(file) from error
    except OSError as error:
        raise SetupError(f"cannot write {file}: {error.strerror}", "check the folder") from error


def next_steps(file: str, chart: Path, found: Answers, *, logs: bool) -> str:
    """Say how it goes on after the file is written."""
    secret, file = shlex.quote(found["xscaler.auth.existingSecret.name"]), shlex.quote(file)
    steps = [
        f"kubectl create secret generic {secret} -n telemetry --from-literal=token=\"$XSCALER_TOKEN\"",
        f"helm xscaler validate -f {file}",
        f"helm xscaler doctor -n telemetry -f {file} --probe",
        f"helm install xscaler-istio {shlex.quote(str(chart))} -n telemetry -f {file}",
    ]  # fmt: skip
    more = ["Istio writes no access logs by default: helm xscaler explain istio.telemetry"] if logs else []
    return "\n".join(["next:", *(f"  {step}" for step in steps), *more])
