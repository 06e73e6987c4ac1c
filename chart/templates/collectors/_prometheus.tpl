{{/* Prometheus in agent mode. Inputs as in _collector.tpl */}}

{{- define "xscaler-istio.collector.prometheus.config" -}}
{{- $xscaler := .root.Values.xscaler -}}
{{- $queue := .root.Values.prometheus.queue -}}
global:
  scrape_interval: {{ .root.Values.metrics.scrapeInterval }}
  scrape_timeout: {{ .root.Values.metrics.scrapeTimeout }}
  # Names that every query language understands without quotes.
  metric_name_validation_scheme: legacy
scrape_configs:
{{- range $job := include "xscaler-istio.jobNames" .root | trim | splitList " " }}
-
  {{- include "xscaler-istio.job" (dict "root" $.root "shard" $.shard "job" $job) | nindent 2 }}
{{- end }}
remote_write:
- name: xscaler
  url: {{ include "xscaler-istio.metricsUrl" .root | quote }}
  http_headers:
    X-Scope-OrgID:
      {{- with $xscaler.tenantId }}
      values: [{{ . | quote }}]
      {{- else }}
      files: [{{ include "xscaler-istio.authFolder" .root }}/tenant-id]
      {{- end }}
    {{- range $name, $value := $xscaler.extraHeaders }}
    {{ quote $name }}:
      values: [{{ quote $value }}]
    {{- end }}
  # Credential files are read for every request: a rotated Secret needs no restart.
  {{- if eq $xscaler.auth.type "basic" }}
  basic_auth:
    {{- with include "xscaler-istio.usernameFile" .root }}
    username_file: {{ . }}
    {{- else }}
    username: {{ $xscaler.auth.username | quote }}
    {{- end }}
    password_file: {{ include "xscaler-istio.tokenFile" .root }}
  {{- else }}
  authorization:
    type: Bearer
    credentials_file: {{ include "xscaler-istio.tokenFile" .root }}
  {{- end }}
  {{- if $xscaler.tls.ca.name }}
  tls_config:
    ca_file: {{ include "xscaler-istio.caFolder" .root }}/ca.crt
  {{- end }}
  {{- if $xscaler.proxyUrl }}
  proxy_url: {{ $xscaler.proxyUrl | quote }}
  {{- with $xscaler.noProxy }}
  no_proxy: {{ join "," . | quote }}
  {{- end }}
  {{- else }}
  proxy_from_environment: true
  {{- end }}
  # A redirect turns a push into a GET that any web server answers with 200, and the samples count as delivered.
  follow_redirects: false
  {{- if ne .root.Values.metrics.histograms "classic" }}
  # Without both of these Prometheus drops every native histogram, and no counter shows it.
  protobuf_message: io.prometheus.write.v2.Request
  send_native_histograms: true
  {{- end }}
  remote_timeout: 30s
  metadata_config:
    max_samples_per_send: {{ .root.Values.xscaler.limits.samplesPerRequest }}
  queue_config:
    max_samples_per_send: {{ .root.Values.xscaler.limits.samplesPerRequest }}
    capacity: {{ $queue.capacity }}
    max_shards: {{ $queue.maxShards }}
    min_backoff: 1s
    max_backoff: 30s
    # xScaler answers 429 for its rate limit; dropped by default, which loses data.
    retry_on_http_429: true
    sample_age_limit: {{ $queue.sampleAgeLimit }}
{{- end -}}

{{- define "xscaler-istio.collector.prometheus.workload" -}}
configFile: prometheus.yml
storageFolder: /prometheus
port: 9090
readinessPath: /-/ready
livenessPath: /-/healthy
# Twice the flush deadline: Prometheus waits once for the queue and once for its requests.
terminationGracePeriodSeconds: 60
reload: watch
args:
- --agent
- --config.file=/etc/collector/prometheus.yml
# A change of values does not restart the collector: that would lose unsent samples.
- --config.auto-reload
- --config.auto-reload-interval=30s
- --storage.agent.path=/prometheus
# Each truncation drops the older two thirds, sent or not: 4h keep at least 2h.
- --storage.agent.wal-truncate-frequency=4h
- --storage.agent.retention.max-time=6h
- --storage.remote.flush-deadline=25s
- --web.listen-address=:9090
fixedFlags: [agent, config.file, storage.agent.path, web.listen-address]
repeatableFlags: [enable-feature]
{{- end -}}

{{- define "xscaler-istio.collector.prometheus.jobSettings" -}}
{{ include "xscaler-istio.prometheusScraper" . }}
{{- include "xscaler-istio.prometheusConversion" . }}
{{- end -}}

{{- define "xscaler-istio.collector.prometheus.histograms" -}}
converts: before
args: []
undoneBy: ""
{{- end -}}

{{- define "xscaler-istio.collector.prometheus.cannot" -}}
{{- end -}}

{{- define "xscaler-istio.collector.prometheus.numberRules" -}}
[plain-numbers]
{{- end -}}
