{{/* Grafana Alloy. Inputs as in _collector.tpl */}}

{{- define "xscaler-istio.collector.alloy.config" -}}
{{- $root := .root -}}
{{- $metrics := $root.Values.metrics -}}
{{- $xscaler := $root.Values.xscaler -}}
{{- $queue := $root.Values.alloy.queue -}}
discovery.kubernetes "pods" {
  role = "pod"
  {{- with include "xscaler-istio.alloy.namespaces" (dict "root" $root "component" "metrics") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
}
{{- range $name := include "xscaler-istio.jobNames" $root | trim | splitList " " }}
{{- $input := dict "root" $root "shard" $.shard "job" $name "language" "rulesAsAlloy" }}
{{- include "xscaler-istio.loadJob" $input }}
{{- $job := include "xscaler-istio.scrapeSettings" $input | fromYaml }}

{{ include "xscaler-istio.comment" (dict "text" $input.file.why "mark" "//") }}
discovery.relabel {{ $name | quote }} {
  targets = discovery.kubernetes.pods.targets
  {{- include "xscaler-istio.rulesAsAlloy" (include "xscaler-istio.targetRules" $input | fromYamlArray) | trim | nindent 2 }}
}

prometheus.scrape {{ $name | quote }} {
  targets = discovery.relabel.{{ $name }}.output
  forward_to = [prometheus.relabel.{{ $name }}.receiver, prometheus.relabel.report.receiver]
  job_name = {{ $name | quote }}
  scrape_interval = {{ default $metrics.scrapeInterval $job.scrape_interval | quote }}
  scrape_timeout = {{ default $metrics.scrapeTimeout $job.scrape_timeout | quote }}
  scrape_protocols = {{ toRawJson $job.scrape_protocols }}
  {{- if $input.file.merged }}
  // Alloy checks names before it drops series, and would fail the scrape for an application's name in quotation marks.
  metric_name_validation_scheme = "utf8"
  metric_name_escaping_scheme = "underscores"
  {{- end }}
  metrics_path = {{ $input.file.metrics_path | quote }}
  {{- with $input.file.params }}
  params = {{ toRawJson . | replace ":" " = " }}
  {{- end }}
  follow_redirects = {{ $job.follow_redirects }}
  {{- with include "xscaler-istio.collector.alloy.conversion" $metrics.histograms }}{{ . | nindent 2 }}{{ end }}
  {{- with $job.sample_limit }}
  sample_limit = {{ int . }}
  {{- end }}
  {{- with $job.body_size_limit }}
  body_size_limit = {{ . | quote }}
  {{- end }}
}

prometheus.relabel {{ $name | quote }} {
  forward_to = [prometheus.remote_write.xscaler.receiver]
  // The cache grows with the series; beyond a fixed size, every sample would be relabelled again.
  max_cache_size = 0
  cache_ttl = "10m"
  rule {
    source_labels = ["__name__"]
    regex = {{ include "xscaler-istio.collector.alloy.report" . | quote }}
    action = "drop"
  }
  {{- include "xscaler-istio.metricRulesText" $input | trim | nindent 2 }}
}
{{- end }}

// The report of each scrape. Prometheus does not relabel it; here it has its own path.
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
    // A redirect turns a push into a GET that any web server answers with 200, and takes the token to another host.
    follow_redirects = false
    {{- with include "xscaler-istio.collector.alloy.carrying" $metrics.histograms }}{{ . | nindent 4 }}{{ end }}
    metadata_config {
      max_samples_per_send = {{ int $root.Values.xscaler.limits.samplesPerRequest }}
    }
    queue_config {
      max_samples_per_send = {{ int $root.Values.xscaler.limits.samplesPerRequest }}
      capacity = {{ int $queue.capacity }}
      max_shards = {{ int $queue.maxShards }}
      min_backoff = "1s"
      max_backoff = "30s"
      // xScaler answers 429 for its rate limit.
      retry_on_http_429 = true
      sample_age_limit = {{ $queue.sampleAgeLimit | quote }}
    }
  }
  // Each truncation drops the older two thirds, sent or not: 4h keep at least 2h.
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
fixedFlags: [storage.path, server.http.listen-addr]
{{- end -}}

{{- define "xscaler-istio.collector.alloy.jobSettings" -}}
{{ include "xscaler-istio.prometheusScraper" . }}
{{- end -}}

{{- define "xscaler-istio.collector.alloy.histograms" -}}
converts: before
# Alloy has remote write 2.0 only with this level; `alloy validate` does not say so.
args: [--stability.level=experimental]
undoneBy: --stability\.level=(?:generally-available|public-preview)
{{- end -}}

{{- define "xscaler-istio.collector.alloy.cannot" -}}
{{- end -}}

{{- define "xscaler-istio.collector.alloy.numberRules" -}}
[plain-numbers]
{{- end -}}

{{/* The series that a scrape itself gives, as a regular expression. */}}
{{- define "xscaler-istio.collector.alloy.report" -}}
up|scrape_(duration_seconds|samples_scraped|samples_post_metric_relabeling|series_added)
{{- end -}}

{{/* How a component that scrapes converts histograms. Inputs: metrics.histograms */}}
{{- define "xscaler-istio.collector.alloy.conversion" -}}
{{- if ne . "classic" -}}
convert_classic_histograms_to_nhcb = true
scrape_classic_histograms = {{ eq . "both" }}
{{- end -}}
{{- end -}}

{{/* How an endpoint carries native histograms. Inputs: metrics.histograms */}}
{{- define "xscaler-istio.collector.alloy.carrying" -}}
{{- if ne . "classic" -}}
// Without both of these Alloy drops every native histogram, and no counter shows it.
protobuf_message = "io.prometheus.write.v2.Request"
send_native_histograms = true
{{- end -}}
{{- end -}}
