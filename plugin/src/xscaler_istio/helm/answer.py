"""One run of Helm for all that it knows of values: what they merge to, what the chart's rules say, and the manifests.

A template is put beside the chart's own, in a folder of links to them. Helm renders it before all others: it prints
the values, and where rules refuse them it ends the run with both.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
from typing import TYPE_CHECKING

from xscaler_istio.helm.messages import ChartError, chart_error, problems, refused, warnings
from xscaler_istio.helm.run import FILLED_IN, SETTLED, Beside, filled_in, merged, no_helm, printed
from xscaler_istio.system import scratch
from xscaler_istio.values import renamed
from xscaler_istio.values.effective import Effective

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xscaler_istio.helm.messages import ChartProblem, Warned
    from xscaler_istio.helm.run import Inputs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What Helm says of values: the effective ones and the chart's own, what its rules refuse, and the manifests.

    There are manifests where nothing is refused. `failure` is an error that is not one of the rules': the schema
    refuses, or a template fails.
    """

    effective: Effective
    text: str = ""
    problems: tuple[ChartProblem, ...] = ()
    warnings: tuple[Warned, ...] = ()
    failure: ChartError | None = None


def answered(inputs: Inputs) -> Answer:
    """Return what Helm says of values, with the manifests; raise ChartError where Helm or the chart refuses them."""
    with Beside() as beside:
        return beside.start(rendered_with_values(inputs)).result()


async def rendered_with_values(inputs: Inputs) -> Answer:
    """Do what `answered` does, for `Beside`."""
    answer, refusal = await _asked(inputs)
    if refusal:
        raise refusal
    return answer


async def examined(inputs: Inputs) -> Answer:
    """Return what Helm says of values, also of those that the schema or the chart refuses.

    What the schema refuses is not rendered: a number beyond its maximum may make a thousand objects. Raises ChartError
    where Helm cannot read the values.
    """
    try:
        return (await _asked(inputs))[0]
    except ChartError as error:
        if error.flag:
            raise
        failure = error
    refused_by = failure.problems
    if failure.of_schema:
        unchecked = dataclasses.replace(inputs, extra=(*inputs.extra, "--skip-schema-validation"))
        try:
            return dataclasses.replace((await _asked(unchecked, rules_only=True))[0], failure=failure)
        except ChartError as error:
            # A rule fails at a value of a wrong type; one of an older chart says what it has to say in the error.
            refused_by = error.problems
    return Answer(
        effective=await merged(inputs.chart, inputs.values),
        problems=refused_by,
        warnings=failure.warnings,
        failure=None if failure.problems else failure,
    )


async def _asked(inputs: Inputs, *, rules_only: bool = False) -> tuple[Answer, ChartError | None]:
    """Return what Helm says, and the error of the chart's rules; raise ChartError where there is no answer."""
    with _beside(inputs.chart, rules_only=rules_only) as chart:
        done = await printed(dataclasses.replace(inputs, chart=chart))
    found = _ANSWER.search(done.stderr if done.code else done.stdout)
    if not found and not done.code:
        raise no_helm("does not print a rendered chart")
    if not found:
        raise chart_error(_OF_THE_TEMPLATE.sub("", inputs.values.shown(done.stderr)))
    said = json.loads(base64.b64decode(found["answer"]))
    warned = warnings(inputs.values.shown(done.stderr))
    answer = Answer(
        effective=Effective(said["values"], said["defaults"], renamed.known(inputs.chart)),
        text="" if done.code else _ANSWER.sub("", done.stdout),
        problems=problems(said["problems"]),
        warnings=warned,
    )
    return answer, refused(said["problems"], warned) if said["problems"] else None


_ANSWER = re.compile(r"(?:---\n# Source: [^\n]*-answer\.yaml\n)?xscaler-answer: (?P<answer>[\w+/=]+)\n?")
# Where a rule fails, Helm names the template that asks it, which is not one of the chart's.
_OF_THE_TEMPLATE = re.compile(
    r" at \(\S+-answer\.yaml:\d+:\d+\)"
    r"|(?:template: )?\S+-answer\.yaml:\d+:\d+:?\s+executing \"\S+-answer\.yaml\" at <.*?>:\s+error calling \w+:\s+"
)
_DEFAULTS = "xscaler-defaults.yaml"
_RULES = "templates/validations"
# Folders of the chart that are rebuilt, with links to what is in them.
_OPENED = ("templates", _RULES)
_TEMPLATE = """\
{{- $values := deepCopy .Values -}}
SETTLED{{- $problems := PROBLEMS -}}
{{- $said := dict "values" $values "defaults" (.Files.Get "DEFAULTS" | fromYaml) "problems" $problems -}}
{{- $answer := printf "xscaler-answer: %s" ($said | toJson | b64enc) -}}
{{- if REFUSED }}{{ fail $answer }}{{ end -}}
{{ $answer }}
"""


@contextlib.contextmanager
def _beside(chart: Path, *, rules_only: bool) -> Iterator[Path]:
    """Yield a folder of links to the chart, with the template that answers."""
    with scratch.folder() as folder:
        copy = folder / "chart"
        for opened in ("", *_OPENED):
            (copy / opened).mkdir()
            for item in (chart / opened).iterdir() if (chart / opened).is_dir() else ():
                name = item.relative_to(chart)
                if name.as_posix() not in _OPENED:
                    (copy / name).symlink_to(item.resolve())
        (copy / _DEFAULTS).symlink_to((chart / "values.yaml").resolve())
        # The rules of a chart from before they could be asked are run by Helm, whose last name comes first.
        asks = any('"xscaler-istio.problems"' in file.read_text("utf-8") for file in (chart / _RULES).glob("*.tpl"))
        text = _TEMPLATE.replace("PROBLEMS", 'include "xscaler-istio.problems" .' if asks else '""')
        text = text.replace("REFUSED", "true" if rules_only else "$problems").replace("DEFAULTS", _DEFAULTS)
        fill_in = FILLED_IN if filled_in(chart) else ""
        text = text.replace("SETTLED", SETTLED if fill_in and renamed.listed(chart) else "")
        (copy / _RULES / f"{'zz' if asks else '00'}-answer.yaml").write_text(f"{fill_in}{text}", encoding="utf-8")
        yield copy
