{{/*
The scrape jobs, written once in Prometheus' dialect: every collector embeds or converts this text. It is kept as
text and not parsed, so that the reasons in files/ stay beside the rules in the rendered configuration.
*/}}

{{/* The names of the enabled jobs, separated by spaces. Inputs: . (root) */}}
{{- define "xscaler-istio.jobNames" -}}
{{ include "xscaler-istio.meshJobNames" . }}{{ if .Values.selfMonitoring.enabled }}self{{ end }}
{{- end -}}

{{/* Those of them that scrape the mesh. Inputs: . (root) */}}
{{- define "xscaler-istio.meshJobNames" -}}
{{- range $name, $target := .Values.metrics.targets }}{{ if $target.enabled }}{{ $name }} {{ end }}{{ end -}}
{{- end -}}

{{/*
One complete scrape_config. What the mesh's jobs and the release's own do not share is chosen by kind: mesh or self.
Inputs: root, job (name of a file in files/jobs), shard (from 0)
*/}}
{{- define "xscaler-istio.job" -}}
{{- $kind := ternary "self" "mesh" (eq .job "self") -}}
{{ .root.Files.Get (printf "files/jobs/%s.yaml" .job) | trim }}
{{- include (printf "xscaler-istio.choiceOfTargets.%s" $kind) . }}
{{ .root.Files.Get "files/rules/targets.yaml" | trim }}
- target_label: job
  replacement: {{ get (dict "mesh" "integrations/istio" "self" "xscaler-istio") $kind }}
- target_label: cluster
  replacement: {{ .root.Values.cluster.name | replace "$" "$$" | quote }}
{{- range $name, $value := .root.Values.metrics.extraLabels }}
- target_label: {{ $name }}
  replacement: {{ $value | replace "$" "$$" | quote }}
{{- end }}
{{- if .root.Values.metrics.honorPrometheusOptOut }}
- source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
  regex: "false"
  action: drop
{{- end }}
{{- if gt (int .root.Values.metrics.shards) 1 }}
# The shard that owns a target follows from its final address alone.
- source_labels: [__address__]
  modulus: {{ .root.Values.metrics.shards }}
  target_label: __tmp_shard
  action: hashmod
- source_labels: [__tmp_shard]
  regex: {{ .shard | quote }}
  action: keep
{{- end }}
# The same in every job, so that one watch serves all of them.
kubernetes_sd_configs:
- role: pod
{{- with include "xscaler-istio.namespacesOf" (dict "root" .root "component" "metrics") | fromYamlArray }}
  namespaces:
    names: {{ toRawJson . }}
{{- end }}
{{ include "xscaler-istio.collector.jobSettings" . }}
honor_labels: false
{{- include "xscaler-istio.targetSettings" . }}
metric_relabel_configs:
{{ include (printf "xscaler-istio.metricRules.%s" $kind) . }}
{{- end -}}

{{/* What becomes of the series of a target, as metric relabelling rules, by kind. Inputs: root, job */}}
{{- define "xscaler-istio.metricRules.mesh" -}}
{{ include "xscaler-istio.profileRules" . }}
{{ .root.Files.Get "files/rules/label-budget.yaml" | trim }}
{{- if include "xscaler-istio.addedLabels" .root | trim }}
{{ .root.Files.Get "files/rules/label-budget-extra.yaml" | trim }}
{{- end }}
{{ .root.Files.Get "files/rules/plain-numbers.yaml" | trim }}
{{- with .root.Values.metrics.extraMetricRelabelings }}
# metrics.extraMetricRelabelings
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "xscaler-istio.metricRules.self" -}}
# files/self, files/logs/self.yaml
- source_labels: [__name__]
  regex: {{ include "xscaler-istio.self.keep" .root | quote }}
  action: keep
{{- end -}}

{{/* What is chosen among the targets of one job, as further relabelling rules, by kind. Inputs: root, job */}}
{{- define "xscaler-istio.choiceOfTargets.self" -}}
{{- $root := .root -}}
{{- $workload := include "xscaler-istio.collector.workload" (dict "root" $root) | fromYaml }}
# Of this release alone.
- source_labels:
  - __meta_kubernetes_namespace
  - __meta_kubernetes_pod_label_app_kubernetes_io_instance
  - __meta_kubernetes_pod_label_app_kubernetes_io_name
  regex: {{ printf "%s;%s;%s" $root.Release.Namespace $root.Release.Name (include "xscaler-istio.name" $root) | regexQuoteMeta | quote }}
  action: keep
- source_labels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
  regex: metrics
  target_label: __tmp_port
  replacement: {{ default $workload.port $workload.metricsPort | quote }}
{{- end -}}

{{- define "xscaler-istio.choiceOfTargets.mesh" -}}
{{- $metrics := .root.Values.metrics -}}
{{- if eq .job "proxies" }}
{{- if ne (int $metrics.targets.proxies.port) 15020 }}
- target_label: __tmp_port
  replacement: {{ int $metrics.targets.proxies.port | quote }}
{{- end }}
{{- include "xscaler-istio.namespaceRules" $metrics.namespaces }}
{{- end }}
{{- end -}}

{{/* The choice of namespaces as relabelling rules, each on new lines. Inputs: a block with include and exclude */}}
{{- define "xscaler-istio.namespaceRules" -}}
{{- range $key, $action := dict "include" "keep" "exclude" "drop" }}
{{- with index $ $key }}
- source_labels: [__meta_kubernetes_namespace]
  regex: {{ join "|" . | replace "*" ".*" | quote }}
  action: {{ $action }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The labels that the values add to every series, separated by spaces. Inputs: . (root) */}}
{{- define "xscaler-istio.addedLabels" -}}
{{- $added := keys .Values.metrics.extraLabels -}}
{{- range $rule := .Values.metrics.extraMetricRelabelings -}}
{{- with $rule.target_label }}{{ $added = append $added . }}{{ end -}}
{{- end -}}
{{- range $name := $added | uniq | sortAlpha }}{{ $name }} {{ end -}}
{{- end -}}

{{/* Settings of Prometheus' own scraper, which collectors that embed it have too. Inputs: root, job */}}
{{- define "xscaler-istio.prometheusScraper" -}}
# Envoy and the agent speak text; an OpenMetrics answer is mislabelled where the application's part is OpenMetrics.
scrape_protocols: [PrometheusText0.0.4]
fallback_scrape_protocol: PrometheusText0.0.4
{{- with (index .root.Values.metrics.targets .job | default dict).bodySizeLimit }}
body_size_limit: {{ . }}
{{- end }}
{{- end -}}

{{/* What metrics.targets sets for one job and every collector understands, as further lines of its scrape_config. Inputs: root, job */}}
{{- define "xscaler-istio.targetSettings" -}}
{{- $metrics := .root.Values.metrics -}}
{{- $target := index $metrics.targets .job | default dict -}}
{{- with $target.scrapeInterval }}
scrape_interval: {{ . }}
{{- if lt (include "xscaler-istio.milliseconds" . | int) (include "xscaler-istio.milliseconds" $metrics.scrapeTimeout | int) }}
# Not longer than the interval.
scrape_timeout: {{ . }}
{{- end }}
{{- end }}
{{- with $target.sampleLimit }}
sample_limit: {{ int . }}
{{- end }}
{{- end -}}

{{/* What the profile keeps, as metric relabelling rules. Inputs: root, job */}}
{{- define "xscaler-istio.profileRules" -}}
{{- $file := printf "files/profiles/%s.yaml" .root.Values.metrics.profile -}}
{{- $profile := .root.Files.Get $file | fromYaml -}}
# {{ $file }}
- source_labels: [__name__]
  regex: {{ concat (index $profile.keep .job) .root.Values.metrics.includeMetrics | join "|" | quote }}
  action: keep
{{- with .root.Values.metrics.excludeMetrics }}
# metrics.excludeMetrics
- source_labels: [__name__]
  regex: {{ join "|" . | quote }}
  action: drop
{{- end }}
{{- with index $profile.drop .job }}
- source_labels: [__name__]
  regex: {{ . | join "|" | quote }}
  action: drop
{{- end }}
{{- range index $profile.thinned .job }}
# Buckets of {{ .metric }}: these le stay.
- source_labels: [__name__]
  regex: {{ .metric | quote }}
  target_label: __tmp_thinned
  replacement: drop
- source_labels: [__name__, le]
  regex: {{ printf "%s;(%s)(\\.0)?" .metric (.le | join "|" | replace "+" "\\+") | squote }}
  target_label: __tmp_thinned
  replacement: ""
- source_labels: [__tmp_thinned]
  regex: drop
  action: drop
{{- end }}
{{- end -}}
