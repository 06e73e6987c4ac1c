{{/*
The agents that the values ask for, as a YAML list: their component, kind, source, and which of the pods on AWS Fargate
they read. Inputs: . (root)
*/}}
{{- define "logs.parts" -}}
{{- $files := dict "component" "logs" "kind" "DaemonSet" "source" "files" "fargate" "" -}}
{{- $api := dict "component" "logs-api" "kind" "Deployment" "source" "api" "fargate" "" -}}
{{- $fargate := dict "component" "logs-api" "kind" "Deployment" "source" "api" "fargate" "only" -}}
{{- $never := dict "component" "logs" "kind" "DaemonSet" "source" "files" "fargate" "never" -}}
{{- $parts := dict "files" (list $files) "api" (list $api) "both" (list $never $fargate) -}}
{{- ternary (index $parts .Values.logs.source) list .Values.logs.enabled | toYaml -}}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "logs.name" -}}
{{ include "xscaler-istio.fullname" .root }}-{{ .component }}
{{- end -}}

{{/* What an agent may do, by its source. */}}
{{- define "logs.rights.files" -}}
{{ include "xscaler-istio.findPods" . }}
{{- end -}}

{{- define "logs.rights.api" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end -}}

{{/* Grafana Alloy as log agent. Inputs: root, source (files or api), fargate (only: its pods alone, never: not them, or empty) */}}

{{- define "logs.config" -}}
{{- $root := .root -}}
{{- $logs := $root.Values.logs -}}
{{- $xscaler := $root.Values.xscaler -}}
{{- $queue := $root.Values.logAgent.queue -}}
{{- $stages := dict "root" $root "formats" ($root.Files.Get "files/logs/formats.yaml" | fromYaml) -}}
discovery.kubernetes "pods" {
  role = "pod"
  {{- with include "xscaler-istio.alloy.namespaces" (dict "root" $root "component" "logs") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if eq .source "files" }}
  // Without this every agent would watch the pods of all nodes.
  selectors {
    role = "pod"
    field = "spec.nodeName=" + sys.env("NODE_NAME")
  }
  {{- end }}
}

// Also of pods that have ended: their last lines are still there.
discovery.relabel "pods" {
  targets = discovery.kubernetes.pods.targets
  {{- include "xscaler-istio.alloy.rules" (include "logs.targets" . | fromYamlArray) | trim | nindent 2 }}
}
{{- if eq .source "files" }}

loki.source.file "pods" {
  targets = discovery.relabel.pods.output
  forward_to = [loki.process.lines.receiver]
  file_match {
    enabled = true
    sync_period = "5s"
  }
}
{{- else }}

loki.source.kubernetes "pods" {
  targets = discovery.relabel.pods.output
  forward_to = [loki.process.lines.receiver]
}
{{- end }}
{{- if eq $logs.startAt "end" }}

// Written when the agent starts for the first time in its folder of state.
local.file "first_start" {
  filename = "{{ include "logs.storageFolder" . }}/alloy_seed.json"
}
{{- end }}

loki.process "lines" {
  forward_to = [loki.write.xscaler.receiver]
  {{- include (printf "logs.framing.%s" (ternary $logs.runtime "api" (eq .source "files"))) $root | nindent 2 }}
  {{- if and (eq .source "files") (eq $logs.startAt "end") }}
  {{- include "logs.stages.old" "time" | nindent 2 }}
  {{- end }}
  {{- with include "logs.stages.privacy" $stages | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- range $part := list "text" "json" "ztunnel" "system" "rest" }}
  {{- include (printf "logs.stages.%s" $part) $stages | nindent 2 }}
  {{- end }}
  {{- if and (eq .source "api") (eq $logs.startAt "end") }}
  {{- include "logs.stages.old" "start_time" | nindent 2 }}
  {{- end }}
  stage.truncate {
    rule {
      limit = "{{ int $root.Values.limits.logLineBytes }}B"
      suffix = "…"
    }
  }
  stage.label_drop {
    values = {{ ternary (list "filename" "stream" "parsed") (list "instance" "job" "container_id" "parsed") (eq .source "files") | toJson | replace "," ", " }}
  }
}
{{- include "xscaler-istio.alloy.files" $root }}

loki.write "xscaler" {
  // Not on the targets: how far a file was read is kept by its labels, and changed ones would have it read again.
  external_labels = {job = "integrations/istio", cluster = {{ $root.Values.cluster.name | quote }}}
  endpoint {
    name = "xscaler"
    url = {{ include "xscaler-istio.logsUrl" $root | quote }}
    {{- with $xscaler.tenantId }}
    tenant_id = {{ . | quote }}
    {{- else }}
    tenant_id = string.trim_space(local.file.tenant.content)
    {{- end }}
    {{- include "xscaler-istio.alloy.credentials" $root | nindent 4 }}
    {{- with include "xscaler-istio.alloy.extraHeaders" $root | fromJson }}
    headers = {{ include "xscaler-istio.alloy.map" . }}
    {{- end }}
    remote_timeout = "30s"
    // For ever, with everything before it waiting: the lines are safe in their files.
    max_backoff_retries = 0
    max_backoff_period = "30s"
    retry_on_http_429 = true
    batch_size = {{ $queue.batchSize | quote }}
    queue_config {
      capacity = {{ $queue.capacity | quote }}
      drain_timeout = {{ $queue.drainTimeout | quote }}
    }
  }
}
{{ end -}}

{{/* Which containers' logs are read, as relabelling rules in YAML. Inputs: as logs.config */}}
{{- define "logs.targets" -}}
{{- $logs := .root.Values.logs -}}
{{- $containers := list "istio-proxy;.*" -}}
{{- if $logs.containers.istiod }}{{ $containers = append $containers "discovery;istiod" }}{{ end -}}
{{- if $logs.containers.cni }}{{ $containers = append $containers "install-cni;.*" }}{{ end -}}
- source_labels: [__meta_kubernetes_pod_container_name, __meta_kubernetes_pod_label_app]
  regex: {{ join "|" $containers | quote }}
  action: keep
- source_labels: [__meta_kubernetes_pod_annotation_xscaler_io_logs]
  regex: "false"
  action: drop
{{- include "xscaler-istio.namespaceRules" $logs.namespaces }}
{{- if .fargate }}
- source_labels: [__meta_kubernetes_pod_label_eks_amazonaws_com_fargate_profile]
  regex: .+
  action: {{ ternary "keep" "drop" (eq .fargate "only") }}
{{- end }}
- source_labels: [__meta_kubernetes_namespace]
  target_label: namespace
- source_labels: [__meta_kubernetes_pod_name]
  target_label: pod
- source_labels: [__meta_kubernetes_pod_container_name]
  target_label: container
{{- if eq .source "files" }}
- source_labels: [__meta_kubernetes_namespace, __meta_kubernetes_pod_name, __meta_kubernetes_pod_uid, __meta_kubernetes_pod_container_name]
  regex: (.+);(.+);(.+);(.+)
  target_label: __path__
  replacement: /var/log/pods/${1}_${2}_${3}/${4}/*.log
{{- else }}
# Without it a native sidecar that ends well and starts again would be the same target, which Alloy has done with.
- source_labels: [__meta_kubernetes_pod_container_id]
  target_label: container_id
{{- end }}
{{- end -}}

{{/* containerd and CRI-O cut lines at 16 KiB: joined first. One more byte than allowed, so that the cut shows. */}}
{{- define "logs.framing.cri" -}}
stage.cri {
  max_partial_lines = 10000
  max_partial_line_size = {{ add1 (int .Values.limits.logLineBytes) }}
  max_partial_line_size_truncate = true
}
{{- end -}}

{{/* Docker's json-file cuts them too, and only the last piece ends with a newline: written as CRI would, then joined. */}}
{{- define "logs.framing.docker" -}}
stage.json {
  expressions = {log = "", stream = "", time = ""}
}
stage.template {
  source = "cri"
  template = "{{ "{{" }} if .time }}{{ "{{" }} .time }} {{ "{{" }} .stream }} {{ "{{" }} if hasSuffix \"\\n\" .log }}F{{ "{{" }} else }}P{{ "{{" }} end }} {{ "{{" }} trimSuffix \"\\n\" .log }}{{ "{{" }} else }}{{ "{{" }} .Entry }}{{ "{{" }} end }}"
}
stage.output {
  source = "cri"
}
{{ include "logs.framing.cri" . }}
{{- end -}}

{{/* What comes through the API server still ends with its newline. */}}
{{- define "logs.framing.api" -}}
stage.template {
  source = "line"
  template = "{{ "{{" }} trimSuffix \"\\n\" .Entry }}"
}
stage.output {
  source = "line"
}
{{- end -}}

{{/* Leaves lines that are older than the agent's first start; one whose time cannot be read is kept. Inputs: where the time is */}}
{{- define "logs.stages.old" -}}
{{- $layout := "`2006-01-02T15:04:05.999999999Z07:00`" -}}
stage.template {
  source = "old"
  template = "{{ "{{" }} if lt (mustToDate {{ $layout }} .{{ . }}).UnixNano (mustToDate {{ $layout }} `" + encoding.from_json(local.file.first_start.content)["created_at"] + "`).UnixNano }}old{{ "{{" }} end }}"
}
stage.drop {
  source = "old"
  value = "old"
  drop_counter_reason = "before_first_start"
}
{{- end -}}

{{- define "logs.storageFolder" -}}
/var/lib/alloy
{{- end -}}

{{/* How the agent runs. Inputs: as logs.config */}}
{{- define "logs.workload" -}}
{{- $files := eq .source "files" -}}
configFile: config.alloy
storageFolder: {{ include "logs.storageFolder" . }}
port: 12345
readinessPath: /-/ready
# Not /-/healthy: one component without its file would restart the agent for nothing.
livenessPath: /-/ready
# Ends when everything that was read is sent, or the drain timeout is over.
terminationGracePeriodSeconds: {{ div (include "xscaler-istio.milliseconds" .root.Values.logAgent.queue.drainTimeout | int) 1000 | add 30 }}
reload: restart
args:
- run
- --storage.path={{ include "logs.storageFolder" . }}
- --server.http.listen-addr=:12345
- --disable-reporting
# Only for the size of the queue, without which an agent that is killed would lose 12 MiB of lines.
- --stability.level=experimental
- /etc/collector/config.alloy
{{- if $files }}
# Exceptions from least privilege, each with its reason (docs/security.md): the files belong to root and nobody else may
# read them; they lie on the node; and how far each was read must outlive the pod.
runAsRoot: true
{{- if dig "writesToNode" true (include "xscaler-istio.platform" .root | fromYaml) }}
stateFolder: {{ printf "%s/%s/%s" .root.Values.logAgent.statePath .root.Release.Namespace (include "xscaler-istio.fullname" .root) | quote }}
{{- end }}
hostFolders:
- /var/log/pods
{{- if eq .root.Values.logs.runtime "docker" }}
- /var/lib/docker/containers
{{- end }}
everyNode: true
nodeName: true
{{- if eq .fargate "never" }}
# A node of Fargate takes no DaemonSet: its pod would wait for ever.
nodes:
- {key: eks.amazonaws.com/compute-type, operator: NotIn, values: [fargate]}
{{- end }}
{{- end }}
{{- end -}}
