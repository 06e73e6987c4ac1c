{{/*
Rules that the schema cannot express. Each define prints nothing if the values are valid, otherwise one paragraph for each
problem, with an empty line before it:

  What is wrong, in sentences, which may take several lines.
  # at: the keys of the problem, separated by commas; a program points to the first of them that the user has set
  # fix: what to do; indented YAML to set may follow

Users read the whole paragraph; `helm xscaler` parses the lines at, fix and YAML. All problems are reported at once.
*/}}
{{- define "xscaler-istio.validations" -}}
{{- with include "xscaler-istio.problems" . }}{{ printf "the values need changes:\n\n%s\n" . | fail }}{{ end -}}
{{- end -}}

{{/* All problems, with an empty line between two. `helm xscaler` renders this template. */}}
{{- define "xscaler-istio.problems" -}}
{{- $problems := list -}}
{{- range $rule := list "renamed" "tokens" "collector" "clusterName" "region" "tenantId" "token" "tokenFile" "username" "metricsUrl" "logsUrl" "proxyUrl" "extraHeaders" "extraArgs" "requests" "additions" "nodeName" "extraObjects" "platform" "scrapeInterval" "scrapeTimeout" "targets" "agents" "collectorCannot" "histograms" "queue" "labelBudget" "clusterLabels" "streamBudget" "redact" "extraStages" "metricNames" "extraMetricRelabelConfigs" "somethingIsKept" -}}
{{- with include (printf "xscaler-istio.validate.%s" $rule) $ | trim -}}
{{- $problems = append $problems . -}}
{{- end -}}
{{- end -}}
{{- join "\n\n" $problems -}}
{{- end -}}

{{- define "xscaler-istio.validate.renamed" -}}
{{- range index .Values "x-renamed" -}}
{{- if .both }}

{{ .from }} and {{ .to }} are both set. {{ .to }} is the new name of {{ .from }}.
# at: {{ .from }}, {{ .to }}
# fix: remove {{ .from }}; if --reuse-values brings it back, add --set {{ .from }}=null
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.collector" -}}
{{- $telemetry := .Values.istio.telemetry -}}
{{- $parts := list .Values.logs.enabled $telemetry.accessLogging.enabled $telemetry.trimTags.enabled .Values.dashboards.enabled .Values.prometheusRule.enabled .Values.extraObjects -}}
{{- if and (eq .Values.metrics.collector "none") (compact $parts | empty) }}
metrics.collector is none, and nothing else is turned on: the release would be empty.
# at: metrics.collector
# fix: set
  metrics:
    collector: prometheus
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.clusterName" -}}
{{- if not .Values.cluster.name }}
cluster.name is empty. It becomes the cluster label of every series.
# at: cluster.name
# fix: set
  cluster:
    name: prod-1
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.extraObjects" -}}
{{- range $number, $object := .Values.extraObjects -}}
{{- $parsed := include "xscaler-istio.extraObject" (dict "root" $ "object" $object) | fromYaml -}}
{{- if not (and (kindIs "string" $parsed.apiVersion) (kindIs "string" $parsed.kind) (kindIs "map" $parsed.metadata)) }}

extraObjects[{{ $number }}] is not one object with apiVersion, kind and metadata.{{ with $parsed.Error }} YAML error: {{ . | replace "\n" " " }}.{{ end }}
# at: extraObjects[{{ $number }}]
# fix: write one object with these three keys, as a map or a string
{{- else if contains "{{" (printf "%v %v" $parsed.metadata.name $parsed.metadata.namespace) }}

extraObjects[{{ $number }}] has a template in its name or namespace. Only texts are templates; an object is passed unchanged.
# at: extraObjects[{{ $number }}]
# fix: write the object as a text, with | before its first line
{{- end }}
{{- end -}}
{{- end -}}

{{/*
An item of extraObjects as text. A text of the values is a template; an object is passed unchanged, since it may have texts
with {{ }} of other programs. Inputs: root, object (a map or a string)
*/}}
{{- define "xscaler-istio.extraObject" -}}
{{ if kindIs "string" .object }}{{ tpl .object .root }}{{ else }}{{ toYaml .object }}{{ end }}
{{- end -}}

{{- define "xscaler-istio.validate.platform" -}}
{{- $platform := include "xscaler-istio.platform" . | fromYaml -}}
{{- if and .Values.logs.enabled (eq .Values.logs.source "files") (not (dig "daemonSets" true $platform)) }}
logs.source is files, but platform {{ .Values.platform }} runs no DaemonSet, so no agent could read the files. If the
cluster has other nodes too, source: filesAndFargate runs agents there.
# at: logs.source, platform
# fix: set
  logs:
    source: api
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.scrapeInterval" -}}
{{- $intervals := dict "metrics.scrapeInterval" .Values.metrics.scrapeInterval -}}
{{- range $kind, $target := .Values.metrics.targets -}}
{{- with $target.scrapeInterval }}{{ $_ := set $intervals (printf "metrics.targets.%s.scrapeInterval" $kind) . }}{{ end -}}
{{- end -}}
{{- range $key, $interval := $intervals -}}
{{- if gt (include "xscaler-istio.milliseconds" $interval | int) 300000 }}

{{ $key }} is {{ $interval }}, but queries look back only 5 minutes: graphs would have gaps.
# at: {{ $key }}
# fix: use 2m or less
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.scrapeTimeout" -}}
{{- $interval := include "xscaler-istio.milliseconds" .Values.metrics.scrapeInterval | int -}}
{{- $timeout := include "xscaler-istio.milliseconds" .Values.metrics.scrapeTimeout | int -}}
{{- if gt $timeout $interval }}
metrics.scrapeTimeout ({{ .Values.metrics.scrapeTimeout }}) is longer than metrics.scrapeInterval ({{ .Values.metrics.scrapeInterval }}).
# at: metrics.scrapeTimeout, metrics.scrapeInterval
# fix: set
  metrics:
    scrapeTimeout: {{ include "xscaler-istio.shorterThan" $interval }}
{{- end }}
{{- end -}}

{{/* Four fifths of a duration, so that a scrape that hangs ends before the next one begins. Inputs: milliseconds */}}
{{- define "xscaler-istio.shorterThan" -}}
{{- $shorter := div (mul . 4) 5 | int -}}
{{- if mod $shorter 1000 }}{{ $shorter }}ms{{ else }}{{ div $shorter 1000 }}s{{ end -}}
{{- end -}}

{{- define "xscaler-istio.validate.targets" -}}
{{- $shards := int .Values.metrics.shards -}}
{{- if and (ne .Values.metrics.collector "none") (not (include "xscaler-istio.meshJobNames" . | trim)) }}
metrics.targets has no enabled target, so nothing would be scraped{{ if gt $shards 1 }} by the {{ $shards }} collectors of metrics.shards{{ end }}.
# at: metrics.targets, metrics.shards
# fix: set at least
  metrics:
    targets:
      proxies:
        enabled: true
{{- end }}
{{- end -}}

{{/* The file of each collector lists the values that the collector does not support, with the reason. */}}
{{- define "xscaler-istio.validate.collectorCannot" -}}
{{- if ne .Values.metrics.collector "none" -}}
{{- range $cannot := include "xscaler-istio.collector.cannot" (dict "root" .) | fromYamlArray -}}
{{- $value := $.Values -}}
{{- range splitList "." $cannot.key }}{{ $value = index $value . }}{{ end -}}
{{- $beside := true -}}
{{- with $cannot.when }}{{ $beside = $.Values }}{{ range splitList "." . }}{{ $beside = index $beside . }}{{ end }}{{ end -}}
{{- $set := $cannot.set -}}
{{- range splitList "." $cannot.key | reverse }}{{ $set = dict . $set }}{{ end -}}
{{- if and $beside (ne (toJson $value) (toJson $cannot.set)) }}

{{ $cannot.key }} is {{ $value }}, but {{ $cannot.because }}.
# at: {{ $cannot.key }}
# fix: set
{{ toYaml $set | indent 2 }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.queue" -}}
{{- $queue := .Values.logAgent.queue -}}
{{- if gt (include "xscaler-istio.kibibytes" $queue.batchSize | int) (include "xscaler-istio.kibibytes" $queue.capacity | int) }}
logAgent.queue.batchSize ({{ $queue.batchSize }}) is larger than logAgent.queue.capacity ({{ $queue.capacity }}): no batch would fit.
# at: logAgent.queue.batchSize, logAgent.queue.capacity
# fix: set
  logAgent:
    queue:
      capacity: {{ $queue.batchSize }}
{{- end }}
{{- end -}}

{{/* Converts a size in KiB or MiB to KiB. Inputs: the size */}}
{{- define "xscaler-istio.kibibytes" -}}
{{- mul (regexFind "^[0-9]+" . | int64) (ternary 1024 1 (hasSuffix "MiB" .)) -}}
{{- end -}}

{{/* Converts a duration with one unit (500ms, 30s, 2m, 1h) to milliseconds. Inputs: the duration */}}
{{- define "xscaler-istio.milliseconds" -}}
{{- $factors := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- mul (regexFind "^[0-9]+" . | int64) (index $factors (regexFind "[a-z]+$" .)) -}}
{{- end -}}
