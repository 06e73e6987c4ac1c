"""Commands that share a name, as `test RELEASE` and `test --local` do: which of them a line means.

The second is listed under its name and its flag (`test --local`). Each has its signature and its help.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def flags(parameter: Any) -> tuple[str, ...]:
    """Return the flags of an option; an argument has none."""
    return tuple(flag for flag in (*parameter.opts, *parameter.secondary_opts) if flag.startswith("-"))


def takers(commands: Iterable[Any]) -> Mapping[str, Any]:
    """Return the options of commands that take a value, by flag."""
    options = [option for command in commands for option in command.params if not getattr(option, "is_flag", False)]
    return {flag: option for option in options for flag in flags(option)}


def free(words: Sequence[str], taking: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a line that are flags or arguments: not the values of options, and nothing behind `--`."""
    ahead = takewhile(lambda pair: pair[1] != "--", pairwise(["", *words]))
    return tuple(word for last, word in ahead if last not in taking)


def chosen(listed: Mapping[str, Any], words: Sequence[str]) -> str:
    """Return the flag on a line that chooses one of the commands of a name, or nothing for the first."""
    given = free(words, takers(listed.values()))
    return next((flag for flag in listed if flag and flag in given), "")


class Form(TyperCommand):
    """A command that shares its name: what only the other form takes is refused by name.

    `forms` are both, by the flag that chooses each.
    """

    forms: Mapping[str, Any]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a line; raise UsageError for options and arguments of the other form."""
        words = free(args, takers([self]))
        if not set(words) & {"-h", "--help"}:
            self._check(words)
        return super().parse_args(ctx, args)

    def _check(self, words: Sequence[str]) -> None:
        name, _, own = (self.name or "").partition(" ")
        known = {flag for option in self.params for flag in flags(option)}
        needed_here = _arguments(self)
        given = [word for word in words if not word.startswith("-")]
        [(other, command)] = [(flag, form) for flag, form in self.forms.items() if flag != own]
        [needed] = _arguments(command) or [other]
        instead = f"use {name} {needed}" if needed_here else f"name a {needed.lower()} instead of {own}"
        for word in (_flag(word) for word in words if word.startswith("-")):
            if word not in known and word in {flag for option in command.params for flag in flags(option)}:
                raise UsageError(f"{word} works only with {needed}", f"{instead}, or leave {word} out")
        if needed_here and not given:
            raise UsageError(
                f"nothing to {name}", f"name a {needed_here[0].lower()}, or use {other} (no cluster needed)"
            )


def _arguments(command: Any) -> list[str]:
    """Return the names of the arguments that a command cannot do without."""
    return [item.human_readable_name for item in command.params if not flags(item) and item.required]


def _flag(word: str) -> str:
    return word.partition("=")[0] if word.startswith("--") else word[:2]
