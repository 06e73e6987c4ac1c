{{/*
Rules that the schema cannot say. Each define prints nothing when all is well, else a paragraph for each problem, with an
empty line before it:

  What is wrong, in sentences, which may take several lines.
  # at: the keys that it is about, separated by commas; a program points to the first of them that the user has set
  # fix: what to do; indented YAML to set may follow

People read all of it, `helm xscaler` reads the lines at, fix and YAML. All problems are reported at once.
*/}}
{{- define "xscaler-istio.validations" -}}
{{- with include "xscaler-istio.problems" . }}{{ printf "the values need changes:\n\n%s\n" . | fail }}{{ end -}}
{{- end -}}

{{/* What all rules say, an empty line between two problems. `helm xscaler` asks for this. */}}
{{- define "xscaler-istio.problems" -}}
{{- $problems := list -}}
{{- range $rule := list "collector" "clusterName" "region" "tenantId" "token" "username" "metricsUrl" "logsUrl" "proxyUrl" "extraHeaders" "extraObjects" "platform" "scrapeInterval" "scrapeTimeout" "targets" "collectorCannot" "queue" "labelBudget" "extraLabels" "metricNames" "extraMetricRelabelings" "somethingIsKept" -}}
{{- with include (printf "xscaler-istio.validate.%s" $rule) $ | trim -}}
{{- $problems = append $problems . -}}
{{- end -}}
{{- end -}}
{{- join "\n\n" $problems -}}
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

{{- define "xscaler-istio.validate.region" -}}
{{- $needed := list -}}
{{- if not (or (eq .Values.metrics.collector "none") .Values.xscaler.metrics.url) }}{{ $needed = append $needed "metrics" }}{{ end -}}
{{- if and .Values.logs.enabled (not .Values.xscaler.logs.url) }}{{ $needed = append $needed "logs" }}{{ end -}}
{{- if and $needed (not .Values.xscaler.region) }}
xscaler.region is empty. It says which xScaler host takes the {{ join " and the " $needed }}.
# at: xscaler.region
# fix: set
  xscaler:
    region: euw1-01
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.tenantId" -}}
{{- $key := .Values.xscaler.auth.existingSecret.tenantIdKey -}}
{{- if and .Values.xscaler.tenantId $key }}
xscaler.tenantId and xscaler.auth.existingSecret.tenantIdKey are both set.
# at: xscaler.tenantId, xscaler.auth.existingSecret.tenantIdKey
# fix: remove one of them
{{- else if and $key (not .Values.xscaler.auth.existingSecret.name) }}
xscaler.auth.existingSecret.tenantIdKey needs xscaler.auth.existingSecret.name.
# at: xscaler.auth.existingSecret.tenantIdKey, xscaler.auth.existingSecret.name
# fix: set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- else if not (or .Values.xscaler.tenantId $key) }}
xscaler.tenantId is empty. xScaler refuses requests without it.
# at: xscaler.tenantId
# fix: set, with your tenant's id in the place of my-tenant,
  xscaler:
    tenantId: my-tenant
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.token" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.token $auth.existingSecret.name }}
xscaler.auth.token and xscaler.auth.existingSecret.name are both set.
# at: xscaler.auth.token, xscaler.auth.existingSecret.name
# fix: remove one of them; keep existingSecret in production
{{- else if not (or $auth.token $auth.existingSecret.name) }}
xscaler.auth.existingSecret.name is empty. It names the Secret with the token.
# at: xscaler.auth.existingSecret.name
# fix: create a Secret with the token (kubectl create secret generic xscaler-token --namespace {{ .Release.Namespace }} --from-literal=token=YOUR_TOKEN) and set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.username" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.username $auth.existingSecret.usernameKey }}
xscaler.auth.username and xscaler.auth.existingSecret.usernameKey are both set.
# at: xscaler.auth.username, xscaler.auth.existingSecret.usernameKey
# fix: remove one of them
{{- else if and $auth.existingSecret.usernameKey (not $auth.existingSecret.name) }}
xscaler.auth.existingSecret.usernameKey needs xscaler.auth.existingSecret.name.
# at: xscaler.auth.existingSecret.usernameKey, xscaler.auth.existingSecret.name
# fix: set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.metricsUrl" -}}
{{- include "xscaler-istio.validateUrl" (dict "root" . "what" "metrics") -}}
{{- end -}}

{{- define "xscaler-istio.validate.logsUrl" -}}
{{- include "xscaler-istio.validateUrl" (dict "root" . "what" "logs") -}}
{{- end -}}

{{/* Inputs: root, what (metrics or logs) */}}
{{- define "xscaler-istio.validateUrl" -}}
{{- $url := (index .root.Values.xscaler .what).url -}}
{{- if include "xscaler-istio.hasUserinfo" $url }}
xscaler.{{ .what }}.url holds a user name or password, which would be readable in a ConfigMap.
# at: xscaler.{{ .what }}.url
# fix: use xscaler.auth instead
{{- else if and (hasPrefix "http://" $url) (not .root.Values.xscaler.allowInsecureHttp) }}
xscaler.{{ .what }}.url is http, so the token would travel in clear text.
# at: xscaler.{{ .what }}.url
# fix: use https, or for a test backend set
  xscaler:
    allowInsecureHttp: true
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.proxyUrl" -}}
{{- if include "xscaler-istio.hasUserinfo" .Values.xscaler.proxyUrl }}
xscaler.proxyUrl holds a user name or password, which would be readable in a ConfigMap.
# at: xscaler.proxyUrl
# fix: use a proxy that needs none
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.extraHeaders" -}}
{{- range $name, $value := .Values.xscaler.extraHeaders -}}
{{- if not (and (regexMatch "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" $name) (regexMatch "^[^\\x00-\\x1f\\x7f]*$" $value)) }}

xscaler.extraHeaders has {{ quote $name }}, which is not a valid header.
# at: xscaler.extraHeaders
# fix: write a name of letters, digits and dashes, and a value without control characters
{{- end }}
{{- if has (lower $name) (list "authorization" "x-scope-orgid" "content-type" "content-encoding" "content-length" "host" "user-agent" "x-prometheus-remote-write-version") }}

xscaler.extraHeaders.{{ $name }} is a header that the collector sets itself.
# at: xscaler.extraHeaders.{{ $name }}
# fix: remove it; xscaler.auth and xscaler.tenantId say who sends
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraObjects" -}}
{{- range $number, $object := .Values.extraObjects -}}
{{- $parsed := include "xscaler-istio.extraObject" (dict "root" $ "object" $object) | fromYaml -}}
{{- if not (and (kindIs "string" $parsed.apiVersion) (kindIs "string" $parsed.kind) (kindIs "map" $parsed.metadata)) }}

extraObjects[{{ $number }}] is not one object with apiVersion, kind and metadata.{{ with $parsed.Error }} As YAML: {{ . | replace "\n" " " }}.{{ end }}
# at: extraObjects[{{ $number }}]
# fix: write one object with these three keys, as a map or as text
{{- end }}
{{- end -}}
{{- end -}}

{{/* One of extraObjects as text, its actions run. Inputs: root, object (a map or a text) */}}
{{- define "xscaler-istio.extraObject" -}}
{{ tpl (kindIs "string" .object | ternary .object (toYaml .object)) .root }}
{{- end -}}

{{- define "xscaler-istio.validate.platform" -}}
{{- $platform := include "xscaler-istio.platform" . | fromYaml -}}
{{- if and .Values.logs.enabled (eq .Values.logs.source "files") (not (dig "daemonSets" true $platform)) }}
logs.source is files, and platform {{ .Values.platform }} runs no DaemonSet that could read them (with other nodes beside,
source: both has one there).
# at: logs.source, platform
# fix: set
  logs:
    source: api
{{- end }}
{{- end -}}

{{/* Says true for a URL of the form scheme://user@host. Inputs: the URL */}}
{{- define "xscaler-istio.hasUserinfo" -}}
{{- if regexMatch "^[a-z]+://[^/]*@" . }}true{{ end -}}
{{- end -}}

{{- define "xscaler-istio.validate.scrapeInterval" -}}
{{- $intervals := dict "metrics.scrapeInterval" .Values.metrics.scrapeInterval -}}
{{- range $kind, $target := .Values.metrics.targets -}}
{{- with $target.scrapeInterval }}{{ $_ := set $intervals (printf "metrics.targets.%s.scrapeInterval" $kind) . }}{{ end -}}
{{- end -}}
{{- range $key, $interval := $intervals -}}
{{- if gt (include "xscaler-istio.milliseconds" $interval | int) 300000 }}

{{ $key }} is {{ $interval }}, and a query looks back 5 minutes: graphs would have gaps.
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

{{/* A duration of four fifths of another, so that a scrape that hangs is given up before the next. Inputs: milliseconds */}}
{{- define "xscaler-istio.shorterThan" -}}
{{- $shorter := div (mul . 4) 5 | int -}}
{{- if mod $shorter 1000 }}{{ $shorter }}ms{{ else }}{{ div $shorter 1000 }}s{{ end -}}
{{- end -}}

{{- define "xscaler-istio.validate.targets" -}}
{{- $shards := int .Values.metrics.shards -}}
{{- if and (ne .Values.metrics.collector "none") (not (include "xscaler-istio.meshJobNames" . | trim)) }}
metrics.targets has nothing enabled, so nothing would be scraped{{ if gt $shards 1 }} by the {{ $shards }} collectors of metrics.shards{{ end }}.
# at: metrics.targets, metrics.shards
# fix: set at least
  metrics:
    targets:
      proxies:
        enabled: true
{{- end }}
{{- end -}}

{{/* Its own entry says what a collector cannot honour, and why. */}}
{{- define "xscaler-istio.validate.collectorCannot" -}}
{{- if ne .Values.metrics.collector "none" -}}
{{- range $cannot := include "xscaler-istio.collector.cannot" (dict "root" .) | fromYamlArray -}}
{{- $value := $.Values -}}
{{- range splitList "." $cannot.key }}{{ $value = index $value . }}{{ end -}}
{{- $set := $cannot.set -}}
{{- range splitList "." $cannot.key | reverse }}{{ $set = dict . $set }}{{ end -}}
{{- if ne (toJson $value) (toJson $cannot.set) }}

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

{{/* A size in KiB or MiB, in KiB. Inputs: the size */}}
{{- define "xscaler-istio.kibibytes" -}}
{{- mul (regexFind "^[0-9]+" . | int64) (ternary 1024 1 (hasSuffix "MiB" .)) -}}
{{- end -}}

{{/* A duration of one unit (500ms, 30s, 2m, 1h) in milliseconds. Inputs: the duration */}}
{{- define "xscaler-istio.milliseconds" -}}
{{- $factors := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- mul (regexFind "^[0-9]+" . | int64) (index $factors (regexFind "[a-z]+$" .)) -}}
{{- end -}}
