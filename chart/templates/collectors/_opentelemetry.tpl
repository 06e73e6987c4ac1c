{{/* OpenTelemetry Collector. Inputs as in _collector.tpl. A `$` is doubled: the collector expands variables. */}}

{{- define "xscaler-istio.collector.opentelemetry.config" -}}
{{- $xscaler := .root.Values.xscaler -}}
{{- $queue := .root.Values.opentelemetry.queue -}}
{{- $basic := eq $xscaler.auth.type "basic" -}}
{{- $token := include "xscaler-istio.tokenFile" .root -}}
extensions:
  health_check:
    endpoint: :13133
  # The token's file is watched: a rotated Secret needs no restart.
  {{- if $basic }}
  basicauth:
    client_auth:
      {{- with include "xscaler-istio.usernameFile" .root }}
      username_file: {{ . }}
      {{- else }}
      username: {{ $xscaler.auth.username | replace "$" "$$" | quote }}
      {{- end }}
      password_file: {{ $token }}
  {{- else }}
  bearertokenauth:
    filename: {{ $token }}
  {{- end }}
receivers:
  prometheus:
    # Lists targets and their last errors, for `helm test` and people; the collector's own metrics do not.
    api_server:
      enabled: true
      server_config:
        endpoint: 0.0.0.0:9090
    config:
      global:
        scrape_interval: {{ .root.Values.metrics.scrapeInterval }}
        scrape_timeout: {{ .root.Values.metrics.scrapeTimeout }}
        metric_name_validation_scheme: legacy
      scrape_configs:
      {{- range $job := include "xscaler-istio.jobNames" .root | trim | splitList " " }}
      -
        {{- include "xscaler-istio.job" (dict "root" $.root "shard" $.shard "job" $job) | replace "$" "$$" | nindent 8 }}
      {{- end }}
processors:
  # Rejects scrapes before the kernel kills the process, which would lose the whole queue.
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
  # One scrape is one batch otherwise, and batches are sent one after the other.
  batch:
    timeout: 1s
    # Several scrapes in one batch make one series of several small samples, which the size of a request does not limit:
    # so a batch has no more points than a request may have samples.
    {{- $points := $xscaler.limits.samplesPerRequest }}
    {{- if ne .root.Values.metrics.histograms "classic" }}
    # Each request of a batch repeats the table of all its texts, so few series keep that small.
    {{- $points = min 200 $points }}
    {{- end }}
    send_batch_size: {{ $points }}
    send_batch_max_size: {{ $points }}
exporters:
  prometheus_remote_write:
    # No deadline for a batch with all its retries; http.timeout bounds one request.
    timeout: 0s
    http:
      endpoint: {{ include "xscaler-istio.metricsUrl" .root | replace "$" "$$" | quote }}
      timeout: 30s
      auth:
        authenticator: {{ ternary "basicauth" "bearertokenauth" $basic }}
      headers:
        {{- with $xscaler.tenantId }}
        X-Scope-OrgID: {{ . | quote }}
        {{- else }}
        X-Scope-OrgID: ${file:{{ include "xscaler-istio.authFolder" .root }}/tenant-id}
        {{- end }}
        {{- range $name, $value := $xscaler.extraHeaders }}
        {{ quote $name }}: {{ $value | replace "$" "$$" | quote }}
        {{- end }}
      {{- with include "xscaler-istio.collector.opentelemetry.tls" .root }}
      tls:
        {{- . | trim | nindent 8 }}
      {{- end }}
      {{- with $xscaler.proxyUrl }}
      proxy_url: {{ . | replace "$" "$$" | quote }}
      {{- end }}
    # Names, labels and series as the other collectors send them.
    translation_strategy: UnderscoreEscapingWithoutSuffixes
    disable_scope_info: true
    target_info:
      enabled: false
    {{- include "xscaler-istio.collector.opentelemetry.messages" .root | nindent 4 }}
    max_batch_request_parallelism: {{ $queue.maxShards }}
    remote_write_queue:
      queue_size: {{ $queue.capacity }}
    retry_on_failure:
      # Also the time between all further attempts: this exporter does not lengthen it.
      initial_interval: 5s
      max_interval: 30s
      max_elapsed_time: {{ $queue.sampleAgeLimit }}
service:
  extensions: [health_check, {{ ternary "basicauth" "bearertokenauth" $basic }}]
  telemetry:
    metrics:
      # Adds the status of each answer, without which a redirect is not seen: see `tls` above.
      level: detailed
      readers:
      - pull:
          exporter:
            prometheus:
              host: 0.0.0.0
              port: 8888
  pipelines:
    metrics:
      receivers: [prometheus]
      processors: [memory_limiter, batch]
      exporters: [prometheus_remote_write]
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.workload" -}}
configFile: otelcol.yaml
port: 13133
metricsPort: 8888
readinessPath: /
livenessPath: /
terminationGracePeriodSeconds: 60
reload: restart
goMemoryLimitPercent: 80
args:
- --config=/etc/collector/otelcol.yaml
# xScaler answers 429 for its rate limit; dropped by default, which loses data.
- --feature-gates=exporter.prometheusremotewritexporter.RetryOn429
repeatableFlags: [config, feature-gates, set]
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.jobSettings" -}}
{{ include "xscaler-istio.prometheusScraper" . }}
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.histograms" -}}
# The exporter converts what the receiver has scraped and relabelled.
converts: after
args: [--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2]
undoneBy: .*(?:-exporter\.prometheusremotewritexporter\.enableSendingRW2|::(?:protobuf_message|convert_explicit_histograms_to_nhcb)).*
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.cannot" -}}
- key: opentelemetry.persistence.enabled
  because: this collector keeps nothing on disk
  set: false
- key: xscaler.noProxy
  when: xscaler.proxyUrl
  because: this collector uses proxyUrl for every host; with xscaler.proxySecret in place of proxyUrl it knows exceptions
  set: []
{{- end -}}

{{/*
None, since the exporter writes bounds and quantiles plainly; but rules of the values that read them run before it, and
match the same numbers as with other collectors.
*/}}
{{- define "xscaler-istio.collector.opentelemetry.numberRules" -}}
{{- $read := list -}}
{{- range .root.Values.metrics.extraMetricRelabelConfigs -}}
{{- $read = concat $read (default list .source_labels) -}}
{{- end -}}
{{- ternary (list "plain-numbers") list (or (has "le" $read) (has "quantile" $read)) | toYaml -}}
{{- end -}}

{{/* Which certificates the exporter trusts; nothing where the defaults do. Inputs: . (root) */}}
{{- define "xscaler-istio.collector.opentelemetry.tls" -}}
{{- $xscaler := .Values.xscaler -}}
{{- if not (hasPrefix "https:" $xscaler.proxyUrl) }}
# This exporter has no setting against redirects. It only trusts a certificate of this name, so that a redirect to
# another host gets neither token nor samples.
server_name_override: {{ (include "xscaler-istio.metricsUrl" . | urlParse).hostname | quote }}
{{- end }}
{{- if $xscaler.tls.ca.name }}
ca_file: {{ include "xscaler-istio.caFolder" . }}/ca.crt
{{- end }}
{{- end -}}

{{/* In which form histograms are sent, and how large a request is. Inputs: . (root) */}}
{{- define "xscaler-istio.collector.opentelemetry.messages" -}}
{{- if eq .Values.metrics.histograms "classic" -}}
# Only the size limits a request. No sample of the chart's jobs is smaller than 125 bytes.
max_batch_size_bytes: {{ mul 125 .Values.xscaler.limits.samplesPerRequest }}
{{- else -}}
# Without these the exporter drops native histograms or sends none; 2.0 also needs the feature gate in its arguments.
convert_explicit_histograms_to_nhcb: true
keep_classic_histograms: {{ eq .Values.metrics.histograms "both" }}
protobuf_message: io.prometheus.write.v2.Request
# Only the size limits a request, its table of texts included. No series of the chart's jobs is smaller than 25 bytes.
max_batch_size_bytes: {{ mul 25 .Values.xscaler.limits.samplesPerRequest }}
{{- end -}}
{{- end -}}
