"""The one place that runs Helm; its parts' public names."""

from xscaler_istio.helm.answer import Answer, answered, rendered_with_values
from xscaler_istio.helm.files import spooled
from xscaler_istio.helm.messages import ChartError, ChartProblem, Warned, warnings
from xscaler_istio.helm.run import (
    Beside,
    HelmCommand,
    HelmError,
    Inputs,
    Run,
    ValuesArguments,
    effective,
    lint,
    merged,
    of_release,
    rendered,
    template,
    template_and_warnings,
)

__all__ = [
    "Answer",
    "Beside",
    "ChartError",
    "ChartProblem",
    "HelmCommand",
    "HelmError",
    "Inputs",
    "Run",
    "ValuesArguments",
    "Warned",
    "answered",
    "effective",
    "lint",
    "merged",
    "of_release",
    "rendered",
    "rendered_with_values",
    "spooled",
    "template",
    "template_and_warnings",
    "warnings",
]
