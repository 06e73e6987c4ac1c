{{/*
The scrape jobs, written once in Prometheus' dialect: each collector embeds or converts them. A rule is data, with its
reason beside it as `why`, so that every rendered configuration has the reason as a comment in its own language.
*/}}

{{/* The names of the enabled jobs, separated by spaces. Inputs: . (root) */}}
{{- define "xscaler-istio.jobNames" -}}
{{ include "xscaler-istio.meshJobNames" . }}{{ if .Values.selfMonitoring.enabled }}self{{ end }}
{{- end -}}

{{/* Those of them that scrape the mesh, in the order of their files. Inputs: . (root) */}}
{{- define "xscaler-istio.meshJobNames" -}}
{{- $names := dict -}}
{{- range $name, $target := .Values.metrics.targets -}}
{{- if $target.enabled -}}
{{- $input := dict "root" $ "job" $name -}}
{{- include "xscaler-istio.loadJob" $input -}}
{{- $_ := set $names (toString $input.file.order) $name -}}
{{- end -}}
{{- end -}}
{{- range $order := keys $names | sortAlpha }}{{ get $names $order }} {{ end -}}
{{- end -}}

{{/*
Adds to the inputs of a job what its templates read: file (the job's) and profile. Both are parsed once for all shards
and templates, since parsing YAML is most of the time of a rendering. Inputs: root, job (name of a file in files/jobs)
*/}}
{{- define "xscaler-istio.loadJob" -}}
{{- $files := dict "file" (printf "files/jobs/%s.yaml" .job) "profile" (include "xscaler-istio.profileFile" .root) -}}
{{- range $key, $file := $files -}}
{{- if not (hasKey $.root $file) }}{{ $_ := set $.root $file ($.root.Files.Get $file | fromYaml) }}{{ end -}}
{{- $_ := set $ $key (get $.root $file) -}}
{{- end -}}
{{- end -}}

{{/*
The metric rules of a job as text, which is made once for all shards. Inputs: root, job, file, profile, language
(rulesAsYaml or rulesAsAlloy)
*/}}
{{- define "xscaler-istio.metricRulesText" -}}
{{- $key := printf "metricRules/%s" .job -}}
{{- if not (hasKey .root $key) -}}
{{- $rules := include "xscaler-istio.metricRules" . | fromYamlArray -}}
{{- $_ := set .root $key (include (printf "xscaler-istio.%s" .language) $rules) -}}
{{- end -}}
{{ get .root $key }}
{{- end -}}

{{- define "xscaler-istio.profileFile" -}}
files/profiles/{{ .Values.metrics.profile }}.yaml
{{- end -}}

{{/*
One complete scrape_config. What the mesh's jobs and the release's own do not share is chosen by kind: mesh or self.
Inputs: root, job, shard (from 0)
*/}}
{{- define "xscaler-istio.job" -}}
{{- include "xscaler-istio.loadJob" . -}}
{{- $_ := set . "language" "rulesAsYaml" -}}
{{ include "xscaler-istio.comment" (dict "text" .file.why "mark" "#") }}
job_name: {{ .file.job_name }}
metrics_path: {{ .file.metrics_path }}
{{- with .file.params }}
params: {{ toRawJson . }}
{{- end }}
relabel_configs:
{{- include "xscaler-istio.rulesAsYaml" (include "xscaler-istio.targetRules" . | fromYamlArray) }}
# The same in every job, so that one watch serves all of them.
kubernetes_sd_configs:
- role: pod
{{- with include "xscaler-istio.namespacesOf" (dict "root" .root "component" "metrics") | fromYamlArray }}
  namespaces:
    names: {{ toRawJson . }}
{{- end }}
{{ include "xscaler-istio.scrapeSettings" . }}
metric_relabel_configs:
{{- include "xscaler-istio.metricRulesText" . }}
{{- end -}}

{{/* How a job scrapes, as keys of a scrape_config. Inputs: root, job */}}
{{- define "xscaler-istio.scrapeSettings" -}}
{{ include "xscaler-istio.collector.jobSettings" . }}
honor_labels: false
# A scrape reaches its target and no other address, wherever an application in the pod redirects to.
follow_redirects: false
{{- include "xscaler-istio.targetSettings" . }}
{{- end -}}

{{/* mesh or self. Inputs: job */}}
{{- define "xscaler-istio.kindOfJob" -}}
{{ ternary "self" "mesh" (eq .job "self") }}
{{- end -}}

{{/* The rules that find the targets of a job, as a YAML list. Inputs: root, job, shard, file */}}
{{- define "xscaler-istio.targetRules" -}}
{{- $kind := include "xscaler-istio.kindOfJob" . -}}
{{ toYaml .file.relabel_configs }}
{{- include (printf "xscaler-istio.choiceOfTargets.%s" $kind) . }}
{{ .root.Files.Get "files/rules/targets.yaml" | trim }}
- target_label: job
  replacement: {{ get (dict "mesh" "integrations/istio" "self" "xscaler-istio") $kind }}
- target_label: cluster
  replacement: {{ .root.Values.cluster.name | replace "$" "$$" | quote }}
{{- range $name, $value := .root.Values.cluster.labels }}
- target_label: {{ $name }}
  replacement: {{ $value | replace "$" "$$" | quote }}
{{- end }}
{{- if .root.Values.metrics.honorPrometheusOptOut }}
- source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
  regex: "false"
  action: drop
{{- end }}
{{- if gt (int .root.Values.metrics.shards) 1 }}
- why: The shard that owns a target follows from its final address only.
  source_labels: [__address__]
  modulus: {{ .root.Values.metrics.shards }}
  target_label: __tmp_shard
  action: hashmod
- source_labels: [__tmp_shard]
  regex: {{ .shard | quote }}
  action: keep
{{- end }}
{{- end -}}

{{/* What becomes of the series of a target, as a YAML list of rules, by kind. Inputs: root, job, file, profile */}}
{{- define "xscaler-istio.metricRules" -}}
{{ include (printf "xscaler-istio.metricRules.%s" (include "xscaler-istio.kindOfJob" .)) . }}
{{- end -}}

{{- define "xscaler-istio.metricRules.mesh" -}}
{{- $metrics := .root.Values.metrics -}}
{{- $files := default list .file.metric_rules -}}
{{- if include "xscaler-istio.addedLabels" .root | trim }}{{ $files = concat $files (default list .file.metric_rules_for_added_labels) }}{{ end -}}
{{- if or (has .job .profile.numbers) $metrics.includeMetrics -}}
{{- with include "xscaler-istio.collector.numberRules" . | fromYamlArray -}}
{{- if or (has ".*" (index $.profile.keep $.job)) $metrics.includeMetrics }}{{ $files = concat $files (default list $.file.number_rules) }}{{ end -}}
{{- $files = concat $files . -}}
{{- end -}}
{{- end -}}
{{ include "xscaler-istio.profileRules" . }}
{{- range $files }}
{{ $.root.Files.Get (printf "files/rules/%s.yaml" .) | trim }}
{{- end }}
{{- range $index, $rule := $metrics.extraMetricRelabelConfigs }}
{{ toYaml (list (ternary (merge (dict "why" "metrics.extraMetricRelabelConfigs") $rule) $rule (eq $index 0))) }}
{{- end }}
{{- end -}}

{{- define "xscaler-istio.metricRules.self" -}}
- why: files/self, files/logs/self.yaml
  source_labels: [__name__]
  regex: {{ include "xscaler-istio.self.keep" .root }}
  action: keep
{{- end -}}

{{/* What is chosen among the targets of one job, as further relabelling rules, by kind. Inputs: root, job */}}
{{- define "xscaler-istio.choiceOfTargets.self" -}}
{{- $root := .root -}}
{{- $workload := include "xscaler-istio.collector.workload" (dict "root" $root) | fromYaml }}
- why: Only those of this release.
  source_labels:
  - __meta_kubernetes_namespace
  - __meta_kubernetes_pod_label_app_kubernetes_io_instance
  - __meta_kubernetes_pod_label_app_kubernetes_io_name
  regex: {{ printf "%s;%s;%s" (include "xscaler-istio.namespace" $root) $root.Release.Name (include "xscaler-istio.name" $root) | regexQuoteMeta | quote }}
  action: keep
- source_labels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
  regex: metrics
  target_label: __tmp_port
  replacement: {{ default $workload.port $workload.metricsPort | quote }}
{{- end -}}

{{- define "xscaler-istio.choiceOfTargets.mesh" -}}
{{- $metrics := .root.Values.metrics -}}
{{- $port := int (index $metrics.targets .job).port -}}
{{- /* 15020 for proxies is the port that their annotations replace. */ -}}
{{- if and $port (ne (printf "%s:%d" .job $port) "proxies:15020") }}
- why: metrics.targets.{{ .job }}.port
  target_label: __tmp_port
  replacement: {{ quote $port }}
{{- end }}
{{- if has .job (list "proxies" "agents") }}
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
{{- $added := keys .Values.cluster.labels -}}
{{- range $rule := .Values.metrics.extraMetricRelabelConfigs -}}
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

{{/* What metrics.proxyDetails adds to a job, as a JSON list of expressions. Inputs: root, job */}}
{{- define "xscaler-istio.detailsOf" -}}
{{- $names := list -}}
{{- $details := .root.Files.Get "files/details.yaml" | fromYaml -}}
{{- range ternary .root.Values.metrics.proxyDetails list (has .job (list "proxies" "agents")) -}}
{{- $names = concat $names (index $details .).keep -}}
{{- end -}}
{{- toRawJson $names -}}
{{- end -}}

{{/* What the profile keeps, as a YAML list of rules. Inputs: root, job, profile */}}
{{- define "xscaler-istio.profileRules" -}}
{{- $profile := .profile -}}
{{- $names := concat (index $profile.keep .job) (include "xscaler-istio.detailsOf" . | fromJsonArray) .root.Values.metrics.includeMetrics -}}
- why: {{ include "xscaler-istio.profileFile" .root }}
  source_labels: [__name__]
  regex: {{ include "xscaler-istio.namesInForm" (dict "root" .root "expressions" $names) }}
  action: keep
{{- with .root.Values.metrics.excludeMetrics }}
- why: metrics.excludeMetrics
  source_labels: [__name__]
  regex: {{ include "xscaler-istio.namesInForm" (dict "root" $.root "expressions" .) }}
  action: drop
{{- end }}
{{- with index $profile.drop .job }}
- source_labels: [__name__]
  regex: {{ toRawJson . }}
  action: drop
{{- end }}
{{- range ternary list (index $profile.thinned .job) (eq .root.Values.metrics.histograms "native") }}
- why: >-
    Not every bucket of a size. These are bounds of Envoy's; others are chosen by the mesh
    (sidecar.istio.io/statsHistogramBuckets), and all of them stay.
  source_labels: [__name__, le]
  regex: {{ printf "%s;(%s)(\\.0)?" .metric (.without | join "|" | replace "." "\\." | replace "+" "\\+") | toRawJson }}
  action: drop
{{- end }}
{{- end -}}
