{{/* OpenTelemetry Collector. Inputs as in _collector.tpl. A `$` is doubled: the collector expands variables. */}}

{{- define "xscaler-istio.collector.opentelemetry.config" -}}
{{- $xscaler := .root.Values.xscaler -}}
{{- $queue := .root.Values.opentelemetry.queue -}}
{{- $basic := eq $xscaler.auth.type "basic" -}}
{{- $auth := include "xscaler-istio.authFolder" .root -}}
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
      password_file: {{ $auth }}/token
  {{- else }}
  bearertokenauth:
    filename: {{ $auth }}/token
  {{- end }}
receivers:
  prometheus:
    # What is scraped and how it went, for `helm test` and people; the collector's own metrics do not tell.
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
  # Refuses scrapes before the kernel ends the process, which would lose the whole queue.
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
  # One scrape is one batch otherwise, and batches are sent one after the other.
  batch:
    timeout: 1s
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
        X-Scope-OrgID: ${file:{{ $auth }}/tenant-id}
        {{- end }}
        {{- range $name, $value := $xscaler.extraHeaders }}
        {{ quote $name }}: {{ $value | replace "$" "$$" | quote }}
        {{- end }}
      {{- if $xscaler.tls.ca.name }}
      tls:
        ca_file: {{ include "xscaler-istio.caFolder" .root }}/ca.crt
      {{- end }}
      {{- with $xscaler.proxyUrl }}
      proxy_url: {{ . | replace "$" "$$" | quote }}
      {{- end }}
    # Names, labels and series as the other collectors send them.
    translation_strategy: UnderscoreEscapingWithoutSuffixes
    disable_scope_info: true
    target_info:
      enabled: false
    # Requests are cut by size alone. No sample of the chart's jobs is smaller than 125 bytes.
    max_batch_size_bytes: {{ mul 125 .root.Values.limits.samplesPerRequest }}
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
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.jobSettings" -}}
{{ include "xscaler-istio.prometheusScraper" . }}
{{- end -}}

{{- define "xscaler-istio.collector.opentelemetry.cannot" -}}
- key: opentelemetry.persistence.enabled
  because: this collector keeps nothing on disk
  set: false
{{- end -}}
