{{/*
The configuration of a log agent, Grafana Alloy: its headings follow a line from the pod to xScaler, as does
the diagram in docs/logs.md. Its stages are in _whole_lines.tpl, _formats.tpl and _extra.tpl. Inputs: root, source (files or api),
fargate (only: its pods and no others, never: not them, or empty)
*/}}
{{- define "xscaler-istio.logs.config" -}}
{{- $root := .root -}}
{{- $logs := $root.Values.logs -}}
{{- $xscaler := $root.Values.xscaler -}}
{{- $queue := $root.Values.logAgent.queue -}}
{{- $files := eq .source "files" -}}
{{- $formats := $root.Files.Get "files/logs/formats.yaml" | fromYaml -}}
{{- $stages := dict "root" $root "formats" $formats "templates" ($root.Files.Get "files/logs/templates.yaml" | fromYaml) -}}
// ==== Find: containers of Istio{{ ternary " on this node" "" $files }}, running or ended
discovery.kubernetes "pods" {
  role = "pod"
  {{- with include "xscaler-istio.alloy.namespaces" (dict "root" $root "component" "logs") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if $files }}
  // Without this every agent would watch the pods of all nodes.
  selectors {
    role = "pod"
    field = "spec.nodeName=" + sys.env("NODE_NAME")
  }
  {{- end }}
}
discovery.relabel "pods" {
  targets = discovery.kubernetes.pods.targets
  {{- include "xscaler-istio.rulesAsAlloy" (include "xscaler-istio.logs.targets" . | fromYamlArray) | trim | nindent 2 }}
}
{{- if $files }}

// ==== Read: their files in /var/log/pods, from where the agent left off
loki.source.file "pods" {
  targets = discovery.relabel.pods.output
  forward_to = [loki.process.lines.receiver]
  file_match {
    enabled = true
    sync_period = "5s"
  }
}
{{- else }}

// ==== Read: through the API server, from where the agent left off
loki.source.kubernetes "pods" {
  targets = discovery.relabel.pods.output
  forward_to = [loki.process.lines.receiver]
}
{{- end }}
{{- if eq $logs.startAt "end" }}
// Written when the agent starts for the first time in its folder of state.
local.file "first_start" {
  filename = "{{ include "xscaler-istio.logs.storageFolder" . }}/alloy_seed.json"
}
{{- end }}

loki.process "lines" {
  forward_to = [loki.write.xscaler.receiver]
  {{- include (printf "xscaler-istio.logs.framing.%s" (ternary $logs.runtime "api" $files)) $stages | nindent 2 }}
  {{- if and $files (eq $logs.startAt "end") }}
  {{- include "xscaler-istio.logs.stages.old" (dict "templates" $stages.templates "old" "oldOfRuntime" "time" "time") | nindent 2 }}
  {{- end }}
  {{- range $part := list "privacy" "text" "json" "ztunnel" "system" "rest" }}
  {{- with include (printf "xscaler-istio.logs.stages.%s" $part) $stages | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- end }}
  {{- if and (not $files) (eq $logs.startAt "end") }}
  {{- include "xscaler-istio.logs.stages.old" (dict "templates" $stages.templates "old" "oldOfProxy" "time" "start_time") | nindent 2 }}
  {{- end }}
  {{- include "xscaler-istio.logs.stages.extra" $root }}
  // ==== Label: long lines and fields are cut, and labels that only the stages need are removed
  stage.truncate {
    rule {
      limit = "{{ int $xscaler.limits.logLineBytes }}B"
      suffix = "…"
    }
    {{- if $logs.structuredMetadata }}
    // Loki rejects a line whose fields have more than 64 KiB together; six of them are a client's.
    rule {
      source_type = "structured_metadata"
      limit = "8KiB"
      suffix = "…"
    }
    {{- end }}
  }
  stage.label_drop {
    values = {{ ternary (list "filename" "stream" "parsed") (list "instance" "job" "container_id" "parsed") $files | toJson | replace "," ", " }}
  }
}
{{- include "xscaler-istio.alloy.files" $root }}

// ==== Send: to xScaler in batches, again until it takes or rejects them
loki.write "xscaler" {
  // Not on the targets: how far a file was read is kept by its labels, and changed ones would have it read again.
  external_labels = {job = "integrations/istio", cluster = {{ $root.Values.cluster.name | quote }}{{ range $name, $value := $root.Values.cluster.labels }}, {{ quote $name }} = {{ quote $value }}{{ end }}}
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
    // A redirect turns a push into a GET that any web server answers with 200, and takes the token to another host.
    follow_redirects = false
    // Retry without end, while later lines wait: they are safe in their files.
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

{{/* Which containers' logs are read, as relabelling rules in YAML. Inputs: as xscaler-istio.logs.config */}}
{{- define "xscaler-istio.logs.targets" -}}
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
# Without it a native sidecar that ends well and starts again would be the same target, which Alloy has already finished.
- source_labels: [__meta_kubernetes_pod_container_id]
  target_label: container_id
{{- end }}
{{- end -}}
