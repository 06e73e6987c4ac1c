"""Documentation of the rules that are no functions: what reading files, the schema, the chart and programs report."""

from __future__ import annotations

from xscaler_istio.findings.findings import Severity
from xscaler_istio.findings.rules import document

document(
    "XS001",
    Severity.ERROR,
    """A key that the chart does not have.

    Why: Helm's schema check refuses it. A misspelt or misplaced key would otherwise do nothing.

    Fix: the suggested key, or one of those that are allowed there. `global`, `enabled` at the top and keys that begin
    with `x-` are always allowed.

    Example:
        cluster:
          name: prod-1   # not clusterName
    """,
)
document(
    "XS002",
    Severity.ERROR,
    """A value that the schema refuses: its type, form or range.

    Why: Helm refuses it too, at install. Among what is refused: a region that is no DNS label, a tenant id with
    characters that xScaler does not take, a URL with spaces, a duration of two units, numbers and true/false where a
    text belongs.

    Fix: what the finding says. YAML reads 123, 1e3, yes and n as numbers and true/false: put texts in quotes.

    Example:
        xscaler:
          tenantId: "123"
    """,
)
document(
    "XS003",
    Severity.WARNING,
    """A key that is going to be removed.

    Why: the schema marks it as deprecated. It still works, and a later version of the chart will refuse it as unknown.

    Fix: the key that replaces it.

    Example:
        helm xscaler validate -f values.yaml   # names the key, since when, and what to use instead
    """,
)
document(
    "XS010",
    Severity.ERROR,
    """A file that is not YAML.

    Why: nothing in it can be read.

    Fix: look at indentation, colons and quotes on the line and on the one above; tabs do not indent.

    Example:
        xscaler:
          region: euw1-01
    """,
)
document(
    "XS011",
    Severity.ERROR,
    """A key that is there twice.

    Why: Helm takes the last without a word; the first is probably meant to count too.

    Fix: one block for each key.

    Example:
        metrics:
          profile: minimal
          shards: 2
    """,
)
document(
    "XS012",
    Severity.ERROR,
    """A second document in one file.

    Why: after `---` Helm 3 ignores the rest, Helm 4 merges it.

    Fix: one file a document.

    Example:
        helm xscaler validate -f base.yaml -f prod.yaml
    """,
)
document(
    "XS013",
    Severity.ERROR,
    """A file that holds no mapping.

    Why: values are a mapping of keys; a list or a text is refused by Helm.

    Fix: begin with key: value.

    Example:
        cluster:
          name: prod-1
    """,
)
document(
    "XS014",
    Severity.ERROR,
    """A file that is not UTF-8.

    Why: Helm reads UTF-8 alone. An editor on Windows may have saved it as UTF-16.

    Fix: save it as UTF-8.

    Example:
        iconv -f UTF-16 -t UTF-8 values.yaml > values-utf8.yaml
    """,
)
document(
    "XS015",
    Severity.ERROR,
    """A file that is nested too deeply.

    Why: no values are meant to be; it is probably another file.

    Fix: the right file.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS016",
    Severity.ERROR,
    """A file that is too large.

    Why: Helm keeps the values in the record of the release, a Secret, which Kubernetes limits to 1 MiB. It is probably
    another file.

    Fix: the right file.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS100",
    Severity.ERROR,
    """A rule of the chart refuses the values.

    Why: these are rules that a schema cannot say; `helm install` stops at them as well. They are: an empty region,
    tenant or cluster name; no token, or a token and an existingSecret both; tenantId and tenantIdKey both, username
    and usernameKey both; an http URL without allowInsecureHttp; a URL with a user name; a header that the collector
    sets itself; logs from files on a platform without DaemonSets; an interval above five minutes; a timeout longer
    than the interval; no target enabled; persistence for the OpenTelemetry Collector; a queue smaller than a batch;
    more labels than limits.labelsPerSeries; extra labels that Istio has; expressions that are no RE2; drops that
    would merge series, break a histogram or leave nothing of the profile.

    Fix: what the finding says.

    Example:
        cluster:
          name: prod-1
    """,
)
document(
    "XS199",
    Severity.ERROR,
    """The chart cannot be rendered.

    Why: schema and rules are content, and a template stumbles nevertheless.

    Fix: if the values look right, report it as a bug of the chart.

    Example:
        helm xscaler render -f values.yaml
    """,
)
document(
    "XS280",
    Severity.WARNING,
    """Helm warns of the values or of the chart.

    Why: Helm says it on standard error and goes on: a value of another kind than the default is used or skipped as it
    is, or the chart is deprecated. Nobody sees it in a pipeline.

    Fix: a value of the default's kind; a newer chart.

    Example:
        prometheus:
          resources: {}   # not a list
    """,
)
document(
    "XS290",
    Severity.WARNING,
    """An ignore that ignores nothing.

    Why: what it was written for is gone, or its line, rule or path is another one. Left there, it would hide a
    finding that comes later.

    Fix: remove it.

    Example:
        metrics:
          profile: full  # xscaler: ignore XS213 we debug Envoy until March
    """,
)
document(
    "XS291",
    Severity.WARNING,
    """An ignore that is not valid.

    Why: it has no reason, its rule does not exist, or the rule cannot be ignored: a file that Helm reads otherwise
    than people, and what the schema and the chart refuse (XS0.. and XS1..), has no exception. Findings of
    `lint` have no line in a values file: ignore them in .xscaler.yaml.

    Fix: rule and reason, on the line of the key or in .xscaler.yaml.

    Example:
        ignore:
          - rule: XS213
            path: metrics.profile
            reason: we debug Envoy until March
    """,
)
document(
    "XS300",
    Severity.ERROR,
    """`helm lint --strict` is not content.

    Why: Helm finds fault with the chart itself.

    Fix: what it says; with the chart as published this does not happen.

    Example:
        helm lint --strict chart/ -f values.yaml
    """,
)
document(
    "XS301",
    Severity.ERROR,
    """The chart cannot be rendered with these values.

    Why: in lint mode Helm swallows what the chart itself refuses; a full render does not.

    Fix: `helm xscaler validate` names file and line.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS310",
    Severity.ERROR,
    """An object that Kubernetes would refuse.

    Why: kubeconform checks every object against the schemas of the Kubernetes version, unknown fields included.

    Fix: blocks that are handed on as they are (affinity, tolerations, resources) are the usual cause.

    Example:
        helm xscaler lint -f values.yaml --kube-version 1.34.0
    """,
)
document(
    "XS311",
    Severity.INFO,
    """An object that could not be checked.

    Why: it is of a kind that Kubernetes' schemas do not have, as Istio's Telemetry.

    Fix: none is needed; the test suite checks it against Istio's schema.

    Example:
        istio:
          telemetry:
            trimTags:
              enabled: false
    """,
)
document(
    "XS320",
    Severity.ERROR,
    """A configuration that its collector would refuse.

    Why: the collector's own check read the rendered configuration and said no.

    Fix: what it says; `helm xscaler render --config NAME` shows the file.

    Example:
        helm xscaler render -f values.yaml --config alloy
    """,
)
document(
    "XS330",
    Severity.INFO,
    """A workload needs a looser pod-security level than `restricted`.

    Why: the log agent that reads files needs hostPath and root. A namespace that does not admit it shows no error at
    install; the pods are missing.

    Fix: label the namespace, or logs.source: api (docs/security.md).

    Example:
        kubectl label namespace telemetry pod-security.kubernetes.io/enforce=privileged
    """,
)
