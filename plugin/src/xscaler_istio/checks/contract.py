"""Rendered objects against the contract: outside the mesh, no secret in the open, no more rights than needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.checks.registry import Issue, check_object
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.pod_security import pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

# What the API server takes in one ConfigMap.
_CONFIG_MAP_BYTES = 2**20


@check_object("XS340", Severity.ERROR)
def inside_the_mesh(manifest: Manifest) -> Iterator[Issue]:
    """A pod of the release may be taken into the mesh.

    Why: a collector behind a sidecar reads its own proxy whatever it scrapes, and pushes before its sidecar is ready
    fail. Each pod says so by label and annotation for sidecars, and by label for ambient mode.

    Fix: report it; the chart sets these last, so that values cannot undo them.

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
    metadata = body["metadata"] if body["kind"] == "Pod" else body["spec"]["template"]["metadata"]
    wanted = {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"}
    missing = [key for key, value in wanted.items() if (metadata.get("labels") or {}).get(key) != value]
    if missing:
        yield Issue("", f"its pods lack the label {', '.join(missing)}, and may be taken into the mesh", "report it")


@check_object("XS341", Severity.ERROR)
def may_read_secrets(manifest: Manifest) -> Iterator[Issue]:
    """A role admits reading Secrets.

    Why: the token is mounted, not read through the API. A collector that may list Secrets may read everyone's.

    Fix: report it; the chart's role has `get`, `list` and `watch` of pods, and of their logs with logs.source api.

    Example:
        rules:
          - apiGroups: [""]
            resources: [pods]
            verbs: [get, list, watch]
    """
    if manifest.kind in ("Role", "ClusterRole"):
        for rule in manifest.document.get("rules") or []:
            if {"secrets", "*"} & set(rule.get("resources") or []):
                yield Issue("", "it may read Secrets, which no collector needs", "report it")


@check_object("XS342", Severity.ERROR)
def token_in_the_open(manifest: Manifest) -> Iterator[Issue]:
    """A credential stands in a container's arguments or environment.

    Why: arguments and environment are shown by `kubectl describe` and in crash reports; a token in extraArgs, or a
    URL with a user name in it, is readable by everyone who may look at pods.

    Fix: name the Secret in xscaler.auth.existingSecret.name.

    Example:
        xscaler:
          auth:
            existingSecret:
              name: xscaler-token
    """
    for container in (pod_spec(manifest.document) or {}).get("containers") or []:
        words = [str(word) for word in container.get("args") or []]
        pairs = [f"{item['name']}={item.get('value', '')}" for item in container.get("env") or []]
        if any(_CREDENTIAL.search(text) for text in (*words, *pairs)):
            name = container["name"]
            yield Issue("", f"container {name} has a credential in its arguments or environment", "use a Secret")


# A flag or variable that is called like a secret and is neither empty nor a path, or a URL with a user name.
_CREDENTIAL = re.compile(
    r"(?i)^(?:--?)?[\w.-]*(?:token|password|secret|bearer)[\w.-]*(?<!file)(?<!path)=(?!/|\$)\S|://[^/\s@]+@"
)


@check_object("XS343", Severity.ERROR)
def too_large(manifest: Manifest) -> Iterator[Issue]:
    """A ConfigMap is larger than Kubernetes takes.

    Why: the API server refuses a ConfigMap above 1 MiB, and the release fails half installed. Very long lists of
    namespaces or expressions are repeated in every job and shard.

    Fix: shorter lists; `*` stands for any letters.

    Example:
        metrics:
          namespaces:
            include: ["team-*"]
    """
    data: Mapping[str, Any] = manifest.document.get("data") or {} if manifest.kind == "ConfigMap" else {}
    size = len(json.dumps(data, ensure_ascii=False).encode())
    if size > _CONFIG_MAP_BYTES:
        yield Issue("", f"it has {size / 2**20:.1f} MiB, and Kubernetes takes 1 MiB", "shorten the lists in the values")
