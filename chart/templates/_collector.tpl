{{/*
The collector that metrics.collector names. Its entry is collectors/_<name>.tpl with the six parts below, files/self/<name>.yaml
(which of its metrics are kept), files/tests/<name>.sh (how `helm test` asks it) and its block of values. No other
template knows a name; there is none to ask for where metrics.collector is none.
Inputs of all: root; config, jobSettings: shard (from 0); jobSettings: job (name of a file in files/jobs)
*/}}

{{/* The text of its configuration. */}}
{{- define "xscaler-istio.collector.config" -}}
{{ include (printf "xscaler-istio.collector.%s.config" .root.Values.metrics.collector) . }}
{{- end -}}

{{/*
How its container runs, as YAML: what xscaler-istio.podTemplate reads. Of its args, extraArgs may not set fixedFlags, on which
other parts of the chart depend; the program joins the values of repeatableFlags, and takes every other flag once.
*/}}
{{- define "xscaler-istio.collector.workload" -}}
{{- $workload := include (printf "xscaler-istio.collector.%s.workload" .root.Values.metrics.collector) . | fromYaml -}}
{{- if ne .root.Values.metrics.histograms "classic" -}}
{{- $_ := set $workload "args" (concat $workload.args (include "xscaler-istio.collector.histograms" . | fromYaml).args) -}}
{{- end -}}
{{- toYaml $workload -}}
{{- end -}}

{{/* Keys of a scrape_config that not every collector understands. */}}
{{- define "xscaler-istio.collector.jobSettings" -}}
{{ include (printf "xscaler-istio.collector.%s.jobSettings" .root.Values.metrics.collector) . }}
{{- end -}}

{{/*
How it makes native histograms of classic ones, as YAML: converts (before the metric rules, which then see only base names
and no le, or after them); for forms other than classic args (further flags) and undoneBy (flags that would drop them, as a
regular expression). The settings are in jobSettings and config.
*/}}
{{- define "xscaler-istio.collector.histograms" -}}
{{ include (printf "xscaler-istio.collector.%s.histograms" .root.Values.metrics.collector) . }}
{{- end -}}

{{/*
Values that it cannot honour, as a YAML list of key, because (the end of a sentence that begins with "but"), set (the only
value that it can) and, where it is so only beside another value, when (the key of that one); nothing where there are none.
*/}}
{{- define "xscaler-istio.collector.cannot" -}}
{{ include (printf "xscaler-istio.collector.%s.cannot" .root.Values.metrics.collector) . }}
{{- end -}}

{{/* Files in files/rules without which its series spell numbers otherwise than those of other collectors, as a YAML list. */}}
{{- define "xscaler-istio.collector.numberRules" -}}
{{ include (printf "xscaler-istio.collector.%s.numberRules" .root.Values.metrics.collector) . }}
{{- end -}}
