"""What Helm writes to standard error, as errors and warnings: Helm 3 and 4 alike, without their wrapping."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import ExitCode, XscalerError
from xscaler_istio.values.excerpt import may_be_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDS = re.compile(r"the values need changes:\n\n(.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class ChartProblem:
    """What the chart refuses: in words, the keys that it is about, the first the likeliest, and what to do about it.

    Of an older chart there are words only.
    """

    text: str
    keys: tuple[str, ...] = ()
    fix: str = ""


class ChartError(XscalerError):
    """Helm refuses the values or cannot render the chart; `problems` are what the chart's own rules say.

    `flag` is the one of the `--set` families that Helm cannot read, or empty; `of_schema` says that the schema refuses.
    """

    exit_code = ExitCode.FINDINGS

    def __init__(
        self,
        message: str,
        problems: tuple[ChartProblem, ...] = (),
        warnings: tuple[Warned, ...] = (),
        *,
        flag: str = "",
        of_schema: bool = False,
        fix: str = "",
    ) -> None:
        super().__init__(message, fix)
        self.problems = problems
        self.warnings = warnings
        self.flag = flag
        self.of_schema = of_schema

    def about(self, name: str) -> ChartError:
        """Return it with the name of the release that it is about."""
        return ChartError(
            f"{name}: {self.message}",
            self.problems,
            self.warnings,
            flag=self.flag,
            of_schema=self.of_schema,
            fix=self.fix,
        )


@dataclasses.dataclass(frozen=True)
class Warned:
    """What Helm warns of, in the words of Helm 4 without its wrapping; `path` is the key that it names, or empty."""

    message: str
    path: str = ""


def chart_error(stderr: str) -> ChartError:
    """Turn what Helm 3 or 4 says into one error, without its wrapping."""
    text = stderr.replace("Use --debug flag to render out invalid YAML", "").strip()
    if found := _NEEDS.search(text):
        return refused(found[1], warnings(stderr))
    if found := _FLAG.search(text):
        return _unreadable_flag(found["flag"], found["said"])
    lines = [_masked(line) for line in text.splitlines() if line and not _LOGGED.match(line)]
    said = _MAP_AS_KEY.sub(r"\1", "\n".join(lines).removeprefix("Error: "))
    # Only Helm 4 writes this.
    said = _of_either(said.replace("cannot unmarshal yaml document: ", ""))
    return ChartError(said, (), warnings(stderr), of_schema=_SCHEMA in said)


_SCHEMA = "values don't meet the specifications of the schema"


def refused(text: str, warned: tuple[Warned, ...]) -> ChartError:
    """Return the error of what the chart's rules say."""
    return ChartError(f"the values need changes:\n\n{text.strip()}", problems(text), warned)


def problems(text: str) -> tuple[ChartProblem, ...]:
    """Read what the chart's rules say; templates/validations/_validations.tpl describes a problem."""
    return tuple(problem for part in text.strip().split("\n\n") if part for problem in _problems(part))


_PROBLEM = re.compile(r"(?P<text>(?s:.+?))\n# at: (?P<keys>.+)\n# fix: (?P<fix>.+)(?P<to_set>(?:\n  .*)*)")
# In an older chart the problems of one rule stand in one paragraph, and each begins with its key.
_KEY_AT_START = re.compile(r"\n(?=[A-Za-z]\w*(?:\.\w|\[\d))")


def _problems(paragraph: str) -> tuple[ChartProblem, ...]:
    found = _PROBLEM.fullmatch(paragraph)
    if not found:
        return tuple(ChartProblem(" ".join(part.split())) for part in _KEY_AT_START.split(paragraph))
    # `a:` with `b: c` below it is a.b: c, with `- d` below it a: [d].
    to_set = re.sub(r":\n +", ".", re.sub(r":\n +- (.*)", r": [\1]", found["to_set"].strip()))
    fix = " ".join(filter(None, (found["fix"], to_set)))
    return (ChartProblem(" ".join(found["text"].split()), tuple(found["keys"].split(", ")), fix),)


# Of a value that the schema refuses: a URL with a password may be among them.
_SCHEMA_VALUE = re.compile(r"(: )'.*' (does not match pattern)")


def _masked(line: str) -> str:
    if "dditional propert" in line:
        line = re.sub("'([^']*)'", lambda key: "'…'" if may_be_secret(key[1]) else key[0], line)
    return _SCHEMA_VALUE.sub(r"\1… \2", line)


# `{{ token }}` without a value is a map as a key, which Helm shows.
_MAP_AS_KEY = re.compile(r"(invalid map key): .*")
_FLAG = re.compile(r"failed parsing (?P<flag>--set[a-z-]*) data:?(?P<said>.*)", re.DOTALL)
# What Helm says of a flag's text, our words for it, and the fix. Helm's own may hold a part of a token: to it what
# stands behind a comma is a key, and of JSON it repeats the whole.
_UNREADABLE_FLAGS = (
    ("has no value", "a key has no =", r"write key=value; a comma within a value takes a backslash: \,"),
    ("parsing index", "an index is not a number", "write list[0]=value, from 0"),
    ("maximum supported index", "an index is too large", "write list[0]=value, from 0"),
    ("list must terminate", "a list is not closed", "write key={a,b}; a brace within a value takes a backslash"),
    ("open ", "a file cannot be read", "check the path after key="),
)
_NO_JSON = (
    "the text is not JSON",
    """write key=JSON with quotes for the shell: 'cluster={"name": "prod-1"}'""",
)
_OTHERWISE = ("the text cannot be read", "write key=value, as https://helm.sh/docs/intro/using_helm explains")


def _unreadable_flag(flag: str, said: str) -> ChartError:
    known = ((reason, fix) for sign, reason, fix in _UNREADABLE_FLAGS if sign in said)
    reason, fix = _NO_JSON if flag == "--set-json" else next(known, _OTHERWISE)
    return ChartError(f"Helm cannot read {flag}: {reason}", flag=flag, fix=fix)


# Helm 3 writes `coalesce.go:316: warning: …` and `WARNING: …`, Helm 4 `level=INFO msg="warning: …"` and `level=WARN`.
_LOGGED = re.compile(r"level=\w+ |\w+\.go:\d+: |WARNING: ")
_WARNINGS = (
    re.compile(r"\w+\.go:\d+: [Ww]arning: (?P<text>.*)"),
    re.compile(r"WARNING: (?P<text>.*)"),
    re.compile(r'level=\w+ msg=(?P<quoted>"[Ww]arning: (?:[^"\\]|\\.)*")'),
    re.compile(r'level=WARN msg=(?P<quoted>"(?:[^"\\]|\\.)*"|\S+)'),
)
# A key after the chart's name: `for xscaler-istio.metrics (map[…])`. Its content is not shown: it may be a secret.
_WARNED_KEY = re.compile(r"\bfor [\w-]+\.(?P<key>[\w.-]*\w)(?P<rest>[^(]*)(?:\(.*)?$")
# Of this machine, not of the release.
_OF_THE_MACHINE = "Kubernetes configuration file is"


def warnings(stderr: str) -> tuple[Warned, ...]:
    """Return what either Helm warns of on standard error, each once, in the same words."""
    found = (pattern.match(line) for line in stderr.splitlines() for pattern in _WARNINGS)
    texts = (match.groupdict() for match in found if match)
    return tuple(dict.fromkeys(_warned(groups) for groups in texts if _OF_THE_MACHINE not in str(groups)))


def _warned(groups: Mapping[str, str]) -> Warned:
    text = groups.get("text") or groups["quoted"]
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    text = re.sub("^[Ww]arning: ", "", text).rstrip(". ")
    text = text[:1].lower() + text[1:]
    if found := _WARNED_KEY.search(text):
        return Warned(f"{text[: found.start()]}for {found['key']}{found['rest']}".rstrip(". "), found["key"])
    return Warned(text)


def _of_either(text: str) -> str:
    """Write a template's error in one way: Helm 3 says it in one line, Helm 4 in several."""
    if not re.search(r":\d+:\d+:?\s+executing ", text):
        return text
    return re.sub(r"(:\d+:\d+):? executing ", r"\1 executing ", " ".join(text.split()).replace("template: ", ""))
