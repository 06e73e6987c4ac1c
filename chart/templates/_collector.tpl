{{/*
The collector that metrics.collector names. Its entry is collectors/_<name>.tpl with the four parts below, files/self/<name>.yaml
(what is kept of its own metrics), files/tests/<name>.sh (how `helm test` asks it) and its block of values. No other
template knows a name; there is none to ask for where metrics.collector is none.
Inputs of all: root; config, jobSettings: shard (from 0); jobSettings: job (name of a file in files/jobs)
*/}}

{{/* The text of its configuration. */}}
{{- define "xscaler-istio.collector.config" -}}
{{ include (printf "xscaler-istio.collector.%s.config" .root.Values.metrics.collector) . }}
{{- end -}}

{{/* How its container runs, as YAML: what xscaler-istio.podTemplate reads. */}}
{{- define "xscaler-istio.collector.workload" -}}
{{ include (printf "xscaler-istio.collector.%s.workload" .root.Values.metrics.collector) . }}
{{- end -}}

{{/* Keys of a scrape_config that not every collector understands. */}}
{{- define "xscaler-istio.collector.jobSettings" -}}
{{ include (printf "xscaler-istio.collector.%s.jobSettings" .root.Values.metrics.collector) . }}
{{- end -}}

{{/*
Values that it cannot honour, as a YAML list of key, because (the end of a sentence that begins with "but") and set (the
only value that it can); nothing where there are none.
*/}}
{{- define "xscaler-istio.collector.cannot" -}}
{{ include (printf "xscaler-istio.collector.%s.cannot" .root.Values.metrics.collector) . }}
{{- end -}}
