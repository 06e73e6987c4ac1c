{{/*
Rules that the schema cannot say. Each define prints nothing when all is well, else one paragraph: the key, what is
wrong, and the YAML to set. All paragraphs are reported at once.
*/}}
{{- define "xscaler-istio.validations" -}}
{{- $problems := list -}}
{{- range $rule := list "collector" "clusterName" "region" "tenantId" "token" "username" "metricsUrl" "logsUrl" "proxyUrl" "extraHeaders" "extraObjects" "platform" "scrapeInterval" "scrapeTimeout" "targets" "collectorCannot" "queue" "labelBudget" "extraLabels" "metricNames" "extraMetricRelabelings" "somethingIsKept" -}}
{{- with include (printf "xscaler-istio.validate.%s" $rule) $ | trim -}}
{{- $problems = append $problems . -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- printf "the values need changes:\n\n%s\n" (join "\n\n" $problems) | fail -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.collector" -}}
{{- $telemetry := .Values.istio.telemetry -}}
{{- $parts := list .Values.logs.enabled $telemetry.accessLogging.enabled $telemetry.trimTags.enabled .Values.dashboards.enabled .Values.prometheusRule.enabled .Values.extraObjects -}}
{{- if and (eq .Values.metrics.collector "none") (compact $parts | empty) }}
metrics.collector is none, and nothing else is turned on: the release would be empty. Set:
  metrics:
    collector: prometheus
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.clusterName" -}}
{{- if not .Values.cluster.name }}
cluster.name is empty. It becomes the cluster label of every series. Set:
  cluster:
    name: prod-1
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.region" -}}
{{- $needed := list -}}
{{- if not (or (eq .Values.metrics.collector "none") .Values.xscaler.metrics.url) }}{{ $needed = append $needed "metrics" }}{{ end -}}
{{- if and .Values.logs.enabled (not .Values.xscaler.logs.url) }}{{ $needed = append $needed "logs" }}{{ end -}}
{{- if and $needed (not .Values.xscaler.region) }}
xscaler.region is empty. It says which xScaler host takes the {{ join " and the " $needed }}. Set:
  xscaler:
    region: euw1-01
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.tenantId" -}}
{{- $key := .Values.xscaler.auth.existingSecret.tenantIdKey -}}
{{- if and .Values.xscaler.tenantId $key }}
xscaler.tenantId and xscaler.auth.existingSecret.tenantIdKey are both set. Remove one of them.
{{- else if and $key (not .Values.xscaler.auth.existingSecret.name) }}
xscaler.auth.existingSecret.tenantIdKey needs xscaler.auth.existingSecret.name. Set:
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- else if not (or .Values.xscaler.tenantId $key) }}
xscaler.tenantId is empty. xScaler refuses requests without it. Set, with your tenant's id in the place of my-tenant:
  xscaler:
    tenantId: my-tenant
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.token" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.token $auth.existingSecret.name }}
xscaler.auth.token and xscaler.auth.existingSecret.name are both set. Remove one of them; keep existingSecret in production.
{{- else if not (or $auth.token $auth.existingSecret.name) }}
xscaler.auth.existingSecret.name is empty. Make a Secret with the token and name it:
  kubectl create secret generic xscaler-token --namespace {{ .Release.Namespace }} --from-literal=token=YOUR_TOKEN
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.username" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.username $auth.existingSecret.usernameKey }}
xscaler.auth.username and xscaler.auth.existingSecret.usernameKey are both set. Remove one of them.
{{- else if and $auth.existingSecret.usernameKey (not $auth.existingSecret.name) }}
xscaler.auth.existingSecret.usernameKey needs xscaler.auth.existingSecret.name. Set:
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
xscaler.{{ .what }}.url holds a user name or password, which would be readable in a ConfigMap. Use xscaler.auth instead.
{{- else if and (hasPrefix "http://" $url) (not .root.Values.xscaler.allowInsecureHttp) }}
xscaler.{{ .what }}.url is http, so the token would travel in clear text. Use https, or for a test backend set:
  xscaler:
    allowInsecureHttp: true
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.proxyUrl" -}}
{{- if include "xscaler-istio.hasUserinfo" .Values.xscaler.proxyUrl }}
xscaler.proxyUrl holds a user name or password, which would be readable in a ConfigMap. Use a proxy that needs none.
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.extraHeaders" -}}
{{- range $name, $value := .Values.xscaler.extraHeaders -}}
{{- if not (and (regexMatch "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" $name) (regexMatch "^[^\\x00-\\x1f\\x7f]*$" $value)) }}
xscaler.extraHeaders has {{ quote $name }}, which is no header: a name has letters, digits and dashes, a value no control characters.
{{- end }}
{{- if has (lower $name) (list "authorization" "x-scope-orgid" "content-type" "content-encoding" "content-length" "host" "user-agent" "x-prometheus-remote-write-version") }}
xscaler.extraHeaders.{{ $name }} is a header that the collector sets itself. Remove it; xscaler.auth and xscaler.tenantId say who sends.
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraObjects" -}}
{{- range $number, $object := .Values.extraObjects -}}
{{- $parsed := include "xscaler-istio.extraObject" (dict "root" $ "object" $object) | fromYaml -}}
{{- if not (and (kindIs "string" $parsed.apiVersion) (kindIs "string" $parsed.kind) (kindIs "map" $parsed.metadata)) }}
extraObjects[{{ $number }}] is not one object with apiVersion, kind and metadata.{{ with $parsed.Error }} As YAML: {{ . }}{{ end }}
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
source: both has one there). Set:
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
{{ $key }} is {{ $interval }}, and a query looks back 5 minutes: graphs would have gaps. Use 2m or less.
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.scrapeTimeout" -}}
{{- $interval := include "xscaler-istio.milliseconds" .Values.metrics.scrapeInterval | int -}}
{{- $timeout := include "xscaler-istio.milliseconds" .Values.metrics.scrapeTimeout | int -}}
{{- if gt $timeout $interval }}
metrics.scrapeTimeout ({{ .Values.metrics.scrapeTimeout }}) is longer than metrics.scrapeInterval ({{ .Values.metrics.scrapeInterval }}). Set:
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
metrics.targets has nothing enabled, so nothing would be scraped{{ if gt $shards 1 }} by the {{ $shards }} collectors of metrics.shards{{ end }}. Set at least:
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
{{ $cannot.key }} is {{ $value }}, but {{ $cannot.because }}. Set:
{{ toYaml $set | indent 2 }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.queue" -}}
{{- $queue := .Values.logAgent.queue -}}
{{- if gt (include "xscaler-istio.kibibytes" $queue.batchSize | int) (include "xscaler-istio.kibibytes" $queue.capacity | int) }}
logAgent.queue.batchSize ({{ $queue.batchSize }}) is larger than logAgent.queue.capacity ({{ $queue.capacity }}): no batch would fit. Set:
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
