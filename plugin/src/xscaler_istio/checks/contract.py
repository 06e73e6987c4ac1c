"""The contract of rendered objects: outside the mesh, no credential in clear text, no more rights than needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.checks.registry import Issue, check_object
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.documents import mapping, mappings, texts
from xscaler_istio.rendered.pod_security import pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

# The API server's limit for one ConfigMap.
_CONFIG_MAP_BYTES = 2**20


@check_object("XS340", Severity.ERROR)
def inside_the_mesh(manifest: Manifest) -> Iterator[Issue]:
    """A pod of the release may become part of the mesh.

    Why: a collector behind a sidecar scrapes its own proxy whatever it asks for, and pushes fail until its sidecar is
    ready. The chart sets a label against sidecars and a label against ambient mode on each pod.

    Fix: report this as a bug of the chart; it sets these labels last, so that values cannot override them.

    Example:
        metadata:
          labels:
            sidecar.istio.io/inject: "false"
            istio.io/dataplane-mode: none
    """
    spec = pod_spec(manifest.document)
    if not spec:
        return
    body = manifest.document
    pod = body if body["kind"] == "Pod" else mapping(body, "spec", "template")
    labels = mapping(pod, "metadata", "labels")
    wanted = {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"}
    missing = [key for key, value in wanted.items() if labels.get(key) != value]
    if missing:
        message = f"its pods lack the label {', '.join(missing)} and may become part of the mesh"
        yield Issue("", message, "report this as a bug of the chart")


@check_object("XS341", Severity.ERROR)
def may_read_secrets(manifest: Manifest) -> Iterator[Issue]:
    """A role allows reading Secrets.

    Why: the token is mounted and not read through the API. A collector that may list Secrets can read everyone's.

    Fix: report this as a bug of the chart; its role has `get`, `list` and `watch` for pods, and for pod logs with
    logs.source api.

    Example:
        rules:
          - apiGroups: [""]
            resources: [pods]
            verbs: [get, list, watch]
    """
    if manifest.kind in ("Role", "ClusterRole"):
        for rule in mappings(manifest.document, "rules"):
            if {"secrets", "*"} & set(texts(rule, "resources")):
                message = "it allows reading Secrets, which no collector needs"
                yield Issue("", message, "report this as a bug of the chart")


@check_object("XS342", Severity.ERROR)
def token_in_the_open(manifest: Manifest) -> Iterator[Issue]:
    """A container has a credential in its arguments or environment.

    Why: `kubectl describe` and crash reports show arguments and environment. Everyone who may look at pods can read a
    token in extraArgs or a password in a URL.

    Fix: put the token into a Secret and name it in xscaler.auth.existingSecret.name.

    Example:
        xscaler:
          auth:
            existingSecret:
              name: xscaler-token
    """
    for container in mappings(pod_spec(manifest.document) or {}, "containers"):
        words = texts(container, "args")
        pairs = [f"{item.get('name', '')}={item.get('value', '')}" for item in mappings(container, "env")]
        if any(_CREDENTIAL.search(text) for text in (*words, *pairs)):
            name = container.get("name", "without a name")
            message = f"container {name} has a credential in its arguments or environment"
            yield Issue("", message, "put it into a Secret and name that in xscaler.auth.existingSecret.name")


# A flag or variable with a secret's name whose value is neither empty nor a path, or a URL with a user name.
_CREDENTIAL = re.compile(
    r"(?i)^(?:--?)?[\w.-]*(?:token|password|secret|bearer)[\w.-]*(?<!file)(?<!path)=(?!/|\$)\S|://[^/\s@]+@"
)


@check_object("XS343", Severity.ERROR)
def too_large(manifest: Manifest) -> Iterator[Issue]:
    """A ConfigMap is larger than Kubernetes allows.

    Why: the API server rejects a ConfigMap above 1 MiB, and the release ends up half installed. Long lists of
    namespaces or expressions are repeated in every job and shard.

    Fix: shorten the lists; `*` stands for any characters.

    Example:
        metrics:
          namespaces:
            include: ["team-*"]
    """
    data: Mapping[str, Any] = manifest.document.get("data") or {} if manifest.kind == "ConfigMap" else {}
    size = len(json.dumps(data, ensure_ascii=False).encode())
    if size > _CONFIG_MAP_BYTES:
        message = f"it has {size / 2**20:.1f} MiB; Kubernetes allows 1 MiB"
        yield Issue("", message, "shorten the lists in the values")


@check_object("XS344", Severity.WARNING)
def template_in_an_object(manifest: Manifest) -> Iterator[Issue]:
    """A rendered object has a template action of Helm as text.

    Why: in extraObjects only a text is a template. An object is passed unchanged, because its texts may be templates of
    other programs, such as those of an ExternalSecret.

    Fix: write the object as a text, with `|` before its first line.

    Example:
        extraObjects:
          - |
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: {{ .Release.Name }}-notes
    """
    found = _TEMPLATE_ACTION.search(json.dumps(manifest.document, ensure_ascii=False))
    if found:
        yield Issue(
            "", f"it has the text {found[0]}, which Helm does not evaluate in an object", "write it as a text (|)"
        )


# What only Helm knows: other programs' templates have other fields.
_TEMPLATE_ACTION = re.compile(r"\{\{[^{}]*[\s(]\$?\.(?:Release|Values|Chart|Capabilities)\b[^{}]*\}\}")
