{{/* Grafana Alloy. Inputs as in _collector.tpl */}}

{{- define "xscaler-istio.collector.alloy.config" -}}
{{- $root := .root -}}
{{- $metrics := $root.Values.metrics -}}
{{- $xscaler := $root.Values.xscaler -}}
{{- $queue := $root.Values.alloy.queue -}}
// Written from files/jobs, files/profiles and files/rules of the chart, where the reasons stand.
discovery.kubernetes "pods" {
  role = "pod"
  {{- with include "xscaler-istio.alloy.namespaces" (dict "root" $root "component" "metrics") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
}
{{- range $name := include "xscaler-istio.jobNames" $root | trim | splitList " " }}
{{- $job := include "xscaler-istio.job" (dict "root" $root "shard" $.shard "job" $name) | fromYaml }}

discovery.relabel {{ $name | quote }} {
  targets = discovery.kubernetes.pods.targets
  {{- include "xscaler-istio.alloy.rules" $job.relabel_configs | trim | nindent 2 }}
}

prometheus.scrape {{ $name | quote }} {
  targets = discovery.relabel.{{ $name }}.output
  forward_to = [prometheus.relabel.{{ $name }}.receiver, prometheus.relabel.report.receiver]
  job_name = {{ $name | quote }}
  scrape_interval = {{ default $metrics.scrapeInterval $job.scrape_interval | quote }}
  scrape_timeout = {{ default $metrics.scrapeTimeout $job.scrape_timeout | quote }}
  scrape_protocols = {{ toRawJson $job.scrape_protocols }}
  scrape_fallback_protocol = {{ $job.fallback_scrape_protocol | quote }}
  metric_name_validation_scheme = "legacy"
  metrics_path = {{ $job.metrics_path | quote }}
  honor_labels = {{ $job.honor_labels }}
  {{- with $job.sample_limit }}
  sample_limit = {{ int . }}
  {{- end }}
  {{- with $job.body_size_limit }}
  body_size_limit = {{ . | quote }}
  {{- end }}
}

prometheus.relabel {{ $name | quote }} {
  forward_to = [prometheus.remote_write.xscaler.receiver]
  // The cache follows the series instead of a fixed number, past which every sample is relabelled anew.
  max_cache_size = 0
  cache_ttl = "10m"
  rule {
    source_labels = ["__name__"]
    regex = {{ include "xscaler-istio.collector.alloy.report" . | quote }}
    action = "drop"
  }
  {{- include "xscaler-istio.alloy.rules" $job.metric_relabel_configs | trim | nindent 2 }}
}
{{- end }}

// What a scrape says of itself. Prometheus sends it past metric relabelling; here it takes a way of its own.
prometheus.relabel "report" {
  forward_to = [prometheus.remote_write.xscaler.receiver]
  max_cache_size = 0
  cache_ttl = "10m"
  rule {
    source_labels = ["__name__"]
    regex = {{ include "xscaler-istio.collector.alloy.report" . | quote }}
    action = "keep"
  }
}
{{- include "xscaler-istio.alloy.files" $root }}

prometheus.remote_write "xscaler" {
  endpoint {
    name = "xscaler"
    url = {{ include "xscaler-istio.metricsUrl" $root | quote }}
    {{- $tenant := empty $xscaler.tenantId | ternary "string.trim_space(local.file.tenant.content)" (quote $xscaler.tenantId) }}
    headers = {{ set (include "xscaler-istio.alloy.extraHeaders" $root | fromJson) "X-Scope-OrgID" $tenant | include "xscaler-istio.alloy.map" }}
    {{- include "xscaler-istio.alloy.credentials" $root | nindent 4 }}
    remote_timeout = "30s"
    metadata_config {
      max_samples_per_send = {{ int $root.Values.limits.samplesPerRequest }}
    }
    queue_config {
      max_samples_per_send = {{ int $root.Values.limits.samplesPerRequest }}
      capacity = {{ int $queue.capacity }}
      max_shards = {{ int $queue.maxShards }}
      min_backoff = "1s"
      max_backoff = "30s"
      // xScaler answers 429 for its rate limit.
      retry_on_http_429 = true
      sample_age_limit = {{ $queue.sampleAgeLimit | quote }}
    }
  }
  // Each truncation drops the older two thirds whether sent or not: 4h keeps 2h for certain.
  wal {
    truncate_frequency = "4h"
    max_keepalive_time = "6h"
  }
}
{{ end -}}

{{- define "xscaler-istio.collector.alloy.workload" -}}
configFile: config.alloy
storageFolder: /var/lib/alloy
port: 12345
readinessPath: /-/ready
# Not /-/healthy: one component without its file would restart the collector, which would lose what is not yet sent.
livenessPath: /-/ready
terminationGracePeriodSeconds: 60
reload: restart
args:
- run
- --storage.path=/var/lib/alloy
- --server.http.listen-addr=:12345
- --disable-reporting
- /etc/collector/config.alloy
{{- end -}}

{{- define "xscaler-istio.collector.alloy.jobSettings" -}}
{{ include "xscaler-istio.prometheusScraper" . }}
{{- end -}}

{{- define "xscaler-istio.collector.alloy.cannot" -}}
{{- end -}}

{{/* The series that a scrape itself gives, as a regular expression. */}}
{{- define "xscaler-istio.collector.alloy.report" -}}
up|scrape_duration_seconds|scrape_samples_scraped|scrape_samples_post_metric_relabeling|scrape_series_added
{{- end -}}
