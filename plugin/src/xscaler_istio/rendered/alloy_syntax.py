"""Grafana Alloy's language: blocks and attributes as a tree, and what an attribute's expression evaluates to."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# A tree of blocks by header. Repeated headers (`rule`) have a number: `rule#1` is the second. An attribute is the text
# of its expression, as it is written.
Blocks = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Reference:
    """An expression that is known only where Alloy runs, such as another component's export."""

    text: str


class NotAlloyError(ValueError):
    """A text that is not in Alloy's syntax."""


@dataclasses.dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_KINDS: Mapping[str, str] = {
    "comment": r"//[^\n]*|/\*[\s\S]*?\*/",
    "raw": r"`[^`]*`",
    "string": r'"(?:[^"\\\n]|\\.)*"',
    "number": r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?",
    "name": r"[A-Za-z_]\w*",
    "newline": r"\n",
    "space": r"[ \t\r]+",
    "mark": r"==|!=|<=|>=|&&|\|\||[-+*/%^!<>=(){}\[\].,]",
}
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


def _tokens(text: str) -> list[_Token]:
    """Return the tokens of a text without white space and comments; the end of a line is one."""
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            line = text.count("\n", 0, at) + 1
            message = f"line {line} is not Alloy's syntax: {text[at:].splitlines()[0]}"
            raise NotAlloyError(message)
        if found.lastgroup not in ("space", "comment"):
            tokens.append(_Token(str(found.lastgroup), found[0], at))
        at = found.end()
    return tokens


# -- blocks -------------------------------------------------------------------------------------------------------


def parse(config: str) -> Blocks:
    """Read a configuration; comments between statements are left out."""
    root: Blocks = {}
    open_blocks = [root]
    statement: list[_Token] = []
    tokens = iter(_tokens(config))
    for token in tokens:
        if token.text == "=":
            open_blocks[-1][_text(config, statement)] = _expression(config, tokens)
            statement = []
        elif token.text == "{":
            header, block = _text(config, statement), Blocks()
            alike = sum(key.partition("#")[0] == header for key in open_blocks[-1])
            open_blocks[-1][f"{header}#{alike}" if alike else header] = block
            open_blocks.append(block)
            statement = []
        elif token.text == "}":
            open_blocks.pop()
        elif token.kind != "newline":
            statement.append(token)
    return root


def _text(config: str, tokens: Sequence[_Token]) -> str:
    return config[tokens[0].start : tokens[-1].end]


def _expression(config: str, tokens: Iterator[_Token]) -> str:
    """Take the tokens of an expression, which ends with its line unless a bracket or an operator is open."""
    taken: list[_Token] = []
    depth = 0
    for token in tokens:
        if token.kind == "newline":
            if taken and not depth and (taken[-1].kind != "mark" or taken[-1].text in _CLOSING):
                break
            continue
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        taken.append(token)
    return _text(config, taken)


def write(blocks: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a tree as a configuration."""
    for key, value in blocks.items():
        if isinstance(value, dict):
            yield f"{indent}{key.partition('#')[0]} {{"
            yield from write(value, indent + "  ")
            yield f"{indent}}}"
        else:
            yield f"{indent}{key} = {value}"


# -- expressions --------------------------------------------------------------------------------------------------


@functools.cache
def evaluated(expression: str) -> Any:
    """Return the value of an expression: texts, numbers, lists, maps, and what functions make of them.

    What cannot be known here is a Reference, also as an element of a list or map.
    """
    return _Reader(expression).whole()


class _Reader:
    """Reads the tokens of one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [token for token in _tokens(text) if token.kind != "newline"]
        self._at = 0

    def whole(self) -> Any:
        value = self._sum()
        return value if self._at == len(self._tokens) else Reference(self._text)

    def _sum(self) -> Any:
        """Read terms with + between them; other operators make a reference of all."""
        first = self._at
        terms = [self._term()]
        known = True
        while self._at < len(self._tokens) and self._peek() not in (",", *_CLOSING):
            known &= self._peek() == "+"
            self._at += 1
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        if known and all(isinstance(term, str) for term in terms):
            return "".join(terms)
        return self._reference(first)

    def _term(self) -> Any:
        first = self._at
        token = self._next()
        if token.kind == "raw":
            return token.text[1:-1].replace("\r", "")
        if token.kind == "string":
            return _unquoted(token.text)
        if token.kind == "number":
            return json.loads(token.text)
        if token.text in ("-", "!"):
            value = self._term()
            return -value if token.text == "-" and isinstance(value, (int, float)) else self._reference(first)
        if token.text == "[":
            return self._list("]")
        if token.text == "{":
            return self._map()
        if token.text in _CONSTANTS and not self._continues():
            return _CONSTANTS[token.text]
        return self._name(first)

    def _name(self, first: int) -> Any:
        """Read a name with what is selected from it, or called."""
        while self._continues():
            mark = self._next().text
            if mark == ".":
                self._next()
                continue
            name = "".join(token.text for token in self._tokens[first : self._at - 1])
            arguments = self._list(")" if mark == "(" else "]")
            if mark == "(" and name in _FUNCTIONS and not self._continues() and _known(arguments):
                return _FUNCTIONS[name](*arguments)
        return self._reference(first)

    def _list(self, end: str) -> list[Any]:
        values: list[Any] = []
        while self._peek() != end:
            values.append(self._sum())
            if self._peek() == ",":
                self._at += 1
        self._at += 1
        return values

    def _map(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self._peek() != "}":
            key = self._next()
            self._at += 1
            values[_unquoted(key.text) if key.kind == "string" else key.text] = self._sum()
            if self._peek() == ",":
                self._at += 1
        self._at += 1
        return values

    def _continues(self) -> bool:
        return self._at < len(self._tokens) and self._peek() in (".", "(", "[")

    def _reference(self, first: int) -> Reference:
        return Reference(_text(self._text, self._tokens[first : self._at]))

    def _peek(self) -> str:
        if self._at == len(self._tokens):
            message = f"an expression ends too early: {self._text}"
            raise NotAlloyError(message)
        return self._tokens[self._at].text

    def _next(self) -> _Token:
        self._peek()
        self._at += 1
        return self._tokens[self._at - 1]


def _known(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_known, value))
    return not isinstance(value, Reference)


_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")
_SINGLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unquoted(text: str) -> str:
    """Return what stands between quotes, with Go's escapes replaced."""

    def replaced(found: re.Match[str]) -> str:
        escape = found[0][1:]
        if len(escape) == 1:
            return _SINGLE.get(escape, escape)
        return chr(int(escape[1:], 16) if escape[0] in "xuU" else int(escape, 8))

    return _ESCAPE.sub(replaced, text[1:-1])


# Those of Alloy's functions that the chart makes texts with.
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"string.join": lambda parts, separator: separator.join(parts)}
