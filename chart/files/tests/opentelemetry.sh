REFUSAL='Dropping data'

ready() { fetch 13133 / page; }

# Of the receiver's API; the collector's own metrics do not tell targets apart.
targets() { targets_of_api 9090; }

pushes() {
  fetch 8888 /metrics page || return 1
  failed=$(metric page otelcol_exporter_send_failed_metric_points)
  delivered=$(metric page otelcol_exporter_sent_metric_points)
  waiting=$(metric page otelcol_exporter_queue_size)
  fetch 9090 /metrics page && refusals=$(metric page prometheus_sd_kubernetes_failures_total)
}
