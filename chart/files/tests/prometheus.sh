ready() { fetch 9090 /-/ready page; }

targets() { targets_of_api 9090; }

pushes() {
  pushes_of_remote_storage 9090
  refusals=$(metric page prometheus_sd_kubernetes_failures_total)
}
