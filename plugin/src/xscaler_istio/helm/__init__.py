"""The one place that runs Helm; its parts' public names."""

from xscaler_istio.helm.answer import Answer, answered, rendered_with_values
from xscaler_istio.helm.files import spooled
from xscaler_istio.helm.messages import ChartError, ChartProblem, Warned
from xscaler_istio.helm.run import (
    Beside,
    HelmError,
    Inputs,
    ValuesArguments,
    lint,
    of_release,
    template,
    template_and_warnings,
)

__all__ = [
    "Answer",
    "Beside",
    "ChartError",
    "ChartProblem",
    "HelmError",
    "Inputs",
    "ValuesArguments",
    "Warned",
    "answered",
    "lint",
    "of_release",
    "rendered_with_values",
    "spooled",
    "template",
    "template_and_warnings",
]
