"""Documentation of the rules without a check function: problems with files, the schema, the chart and programs."""

from __future__ import annotations

from xscaler_istio.findings.findings import Severity
from xscaler_istio.findings.rules import document

document(
    "XS001",
    Severity.ERROR,
    """The chart does not have this key.

    Why: Helm's schema check refuses it. Otherwise a misspelt or misplaced key would have no effect.

    Fix: use the suggested key, or one of those that are allowed there. `global`, a top-level `enabled`, and keys that
    begin with `x-` are always allowed.

    Example:
        cluster:
          name: prod-1   # not clusterName
    """,
)
document(
    "XS002",
    Severity.ERROR,
    """A value does not match the schema: its type, form or range is wrong.

    Why: Helm refuses it at installation too. Examples: a region that is not a DNS label, a tenant id with invalid
    characters, a URL with spaces, a duration with two units, a number or true/false instead of a string.

    Fix: follow the finding's advice. YAML reads 123, 1e3, yes and n as numbers and true/false: put strings in quotes.

    Example:
        xscaler:
          tenantId: "123"
    """,
)
document(
    "XS003",
    Severity.WARNING,
    """A key or a value has an old name.

    Why: it still works. Version 1.0 of the chart will refuse it. UPGRADING.md lists all old names.

    Fix: set the new name with the value that the finding shows, and remove the old one.

    Example:
        cluster:
          labels:
            environment: prod   # not metrics.extraLabels
    """,
)
document(
    "XS004",
    Severity.ERROR,
    """The file is not a values file of this chart.

    Why: it is encrypted with sops, has the values of this chart below another key (as umbrella charts and Argo CD
    Applications do), or belongs to another chart. Nothing else in it is checked.

    Fix: decrypt the file, pass only the block with this chart's values, or pass a values file of this chart.

    Example:
        sops -d values.enc.yaml | helm xscaler validate -f -
    """,
)
document(
    "XS010",
    Severity.ERROR,
    """A file is not valid YAML.

    Why: nothing in it can be read.

    Fix: check indentation, colons and quotes on the line and on the one above; YAML does not allow tabs for
    indentation.

    Example:
        xscaler:
          region: euw1-01
    """,
)
document(
    "XS011",
    Severity.ERROR,
    """A key occurs twice.

    Why: Helm silently uses the last one; you probably want both.

    Fix: write one block for each key.

    Example:
        metrics:
          profile: minimal
          shards: 2
    """,
)
document(
    "XS012",
    Severity.ERROR,
    """A file contains a second YAML document.

    Why: after `---` Helm 3 ignores the rest, and Helm 4 merges it.

    Fix: put each document into its own file.

    Example:
        helm xscaler validate -f base.yaml -f prod.yaml
    """,
)
document(
    "XS013",
    Severity.ERROR,
    """A file does not contain a mapping.

    Why: values are a mapping of keys; Helm refuses a list or a string.

    Fix: begin with key: value.

    Example:
        cluster:
          name: prod-1
    """,
)
document(
    "XS014",
    Severity.ERROR,
    """A file is not UTF-8.

    Why: Helm reads only UTF-8. An editor on Windows may have saved the file as UTF-16.

    Fix: save it as UTF-8.

    Example:
        iconv -f UTF-16 -t UTF-8 values.yaml > values-utf8.yaml
    """,
)
document(
    "XS015",
    Severity.ERROR,
    """A file is nested too deeply.

    Why: no values of this chart are; it is probably another file.

    Fix: name the right file.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS016",
    Severity.ERROR,
    """A file is too large.

    Why: Helm keeps the values in the record of the release, a Secret, which Kubernetes limits to 1 MiB. It is probably
    another file.

    Fix: name the right file.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS100",
    Severity.ERROR,
    """A rule of the chart refuses the values.

    Why: these are rules that a schema cannot say; `helm install` stops at them as well. They are: an empty region,
    tenant or cluster name; no token, or two of token, tokenFile and existingSecret; a tokenFile that nothing puts into
    the pods; tenantId and tenantIdKey both, username and usernameKey both; an http URL without allowInsecureHttp; a URL
    with a user name; a header that the collector sets itself; logs from files on a platform without DaemonSets; an
    interval above five minutes; a timeout longer than the interval; no target enabled; persistence for the
    OpenTelemetry Collector; a queue smaller than a batch; more labels than xscaler.limits.labelsPerSeries or
    labelsPerStream; labels in cluster.labels that series or streams have already; an old and a new name of a key both;
    expressions that are not valid RE2; drops that would merge series, break a histogram or leave nothing of the
    profile.

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

    Why: the values pass the schema and the chart's rules, but a template fails.

    Fix: if the values look right, report this as a bug of the chart.

    Example:
        helm xscaler render -f values.yaml
    """,
)
document(
    "XS280",
    Severity.WARNING,
    """Helm warns about the values or the chart.

    Why: Helm prints a warning and continues: it ignores or uses a value of the wrong type, or the chart is deprecated.
    In a pipeline the warning goes unnoticed.

    Fix: use a value of the default's type, or a newer chart.

    Example:
        prometheus:
          resources: {}   # not a list
    """,
)
document(
    "XS290",
    Severity.WARNING,
    """An ignore has no effect.

    Why: its finding is gone, or its line, rule or path is wrong. If it stays it may hide a later finding.

    Fix: remove it.

    Example:
        metrics:
          profile: full  # xscaler: ignore XS213 we debug Envoy until March
    """,
)
document(
    "XS291",
    Severity.WARNING,
    """An ignore is not valid.

    Why: it has no reason, its rule does not exist, or its rule cannot be ignored (XS0.. and XS1..: Helm or the chart
    refuses the values). Findings of `lint` have no line in a values file: ignore them in .xscaler.yaml.

    Fix: write rule and reason on the line of the key or in .xscaler.yaml.

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
    """`helm lint --strict` reports a problem.

    Why: Helm finds a fault in the chart itself.

    Fix: follow its message; the published chart has no such fault.

    Example:
        helm lint --strict chart/ -f values.yaml
    """,
)
document(
    "XS301",
    Severity.ERROR,
    """The chart cannot be rendered with these values.

    Why: `helm lint` does not report values that the chart refuses; a full render does.

    Fix: run `helm xscaler validate`, which names file and line.

    Example:
        helm xscaler validate -f values.yaml
    """,
)
document(
    "XS310",
    Severity.ERROR,
    """Kubernetes would reject an object.

    Why: kubeconform checks every object against the schemas of the Kubernetes version, unknown fields included.

    Fix: check the blocks that the chart passes on unchanged (affinity, tolerations, resources); they are the usual
    cause.

    Example:
        helm xscaler lint -f values.yaml --kube-version 1.34.0
    """,
)
document(
    "XS311",
    Severity.INFO,
    """An object could not be checked.

    Why: Kubernetes' schemas do not have its kind, for example Istio's Telemetry.

    Fix: no action; the chart's tests check it against Istio's schema.

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
    """A collector would reject its configuration.

    Why: the collector's own check rejected the rendered configuration.

    Fix: follow its message; `helm xscaler render --config NAME` shows the file.

    Example:
        helm xscaler render -f values.yaml --config alloy
    """,
)
document(
    "XS330",
    Severity.INFO,
    """A workload needs a looser pod-security level than `restricted`.

    Why: the log agent needs hostPath and root to read files of the node; other workloads need a looser level only for
    what `pod` or `extraObjects` add. A namespace that does not admit a pod shows no error at installation; the pods are
    missing.

    Fix: label the namespace. For the log agent: install logs as a release in another namespace, or set
    logs.source: api. For others: change the values that the message names (docs/security.md).

    Example:
        kubectl label namespace telemetry pod-security.kubernetes.io/enforce=privileged
    """,
)
