REFUSAL='Dropping data'

ready() { fetch 13133 / page; }

# From the receiver's API; the collector's own metrics do not distinguish targets.
targets() { targets_of_api 9090; }

pushes() {
  fetch 8888 /metrics page || return 1
  failed=$(metric page otelcol_exporter_send_failed_metric_points)
  delivered=$(metric page otelcol_exporter_sent_metric_points)
  waiting=$(metric page otelcol_exporter_queue_size)
  # It follows redirects, and counts what their target accepts as sent.
  redirected=$(sed -n 's/^http_client_request_duration_count{.*http_response_status_code="3.*} //p' page |
    awk '{sum += $1} END {printf "%.0f\n", sum}')
  fetch 9090 /metrics page && refusals=$(metric page prometheus_sd_kubernetes_failures_total)
}
