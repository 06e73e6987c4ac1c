# The metrics collector: it finds targets, every one answers, and xScaler takes what is sent.
# A file for the collector defines ready(), targets() with a line "health job url error" for each target, pushes(), which
# sets delivered, failed and waiting, in samples, and REFUSAL, the words with which its log says what xScaler refused.

# Targets of Prometheus' own API, which others embed. Inputs: port
targets_of_api() {
  fetch "$1" '/api/v1/targets?state=active' page || return 1
  sed 's/"discoveredLabels"/\n&/g' page | sed -n \
    's/.*"scrapePool":"\([^"]*\)","scrapeUrl":"\([^"]*\)".*"lastError":"\(\([^"\\]\|\\.\)*\)".*"health":"\([a-z]*\)".*/\5 \1 \2 \3/p'
}

# What Prometheus' remote storage counts, which others embed. A sample is counted each time it is sent, whatever comes of it;
# the time of the newest that is done with stays 0 until a first one is. The same page tells of refused lists of pods.
# Inputs: port
pushes_of_remote_storage() {
  fetch "$1" /metrics page || return 1
  failed=$(metric page prometheus_remote_storage_samples_failed_total)
  waiting=$(metric page prometheus_remote_storage_samples_pending)
  refusals=$(metric page prometheus_sd_kubernetes_failures_total)
  retried=$(metric page prometheus_remote_storage_samples_retried_total)
  delivered=$(($(metric page prometheus_remote_storage_samples_total) - failed - retried))
  done_with=$(metric page prometheus_remote_storage_queue_highest_sent_timestamp_seconds)
  [ "$done_with" -gt 0 ] && [ "$delivered" -ge 0 ] || delivered=0
}

REFUSED="kubectl -n $NAMESPACE logs $SELECT --prefix | grep -i '$REFUSAL' says why: 401 is the token,
      400 the tenant or a limit (docs/troubleshooting.md)"

check() {
  if ! ready; then
    wrong "is not ready: $(cat page.error)" "kubectl -n $NAMESPACE logs $SELECT --prefix"
    return
  fi
  if ! targets >list; then
    wrong "does not say what it scrapes" "kubectl -n $NAMESPACE logs $SELECT --prefix"
    return
  fi
  found=$(grep -c . list)
  up=$(grep -c '^up ' list)
  for job in $JOBS; do
    echo "$job $(grep -c "^[a-z]* $job " list)" >>totals
  done
  if grep -q '^down ' list; then
    down=$(grep -c '^down ' list)
    example=$(sed -n 's/^down [^ ]* //p' list | head -n 1)
    wrong "$down of $found targets cannot be scraped, for example $example" \
      "a NetworkPolicy may keep the collector from ports 15020 and 15014, and from its own and the log agents' pods; a
      slow page needs metrics.scrapeTimeout"
  elif [ "$up" -lt "$found" ]; then
    wrong "$((found - up)) of $found targets were not scraped yet" "wait for metrics.scrapeInterval, or raise tests.timeout"
  fi
  failed=0 waiting=0 delivered=0
  pushes
  if [ "$failed" -gt "$(first failed "$failed")" ]; then
    surely_wrong "xScaler refuses samples for good, $failed so far" "$REFUSED"
  elif [ "$failed" -gt 0 ] && [ "$delivered" -le 0 ]; then
    wrong "xScaler has taken nothing and refused $failed samples for good" "$REFUSED"
  elif [ "$failed" -gt 0 ] && [ "$delivered" -le "$(first delivered "$delivered")" ]; then
    wrong "xScaler refused $failed samples earlier and has taken none since this test began" "$REFUSED"
  elif [ "$found" -gt 0 ] && [ "$delivered" -le 0 ]; then
    wrong "xScaler has taken nothing yet, $waiting samples wait" \
      "kubectl -n $NAMESPACE logs $SELECT --prefix; is $PUSH_URL right, and does a proxy or a NetworkPolicy stand in between?"
  fi
  report "$up of $found targets up, $delivered samples taken by xScaler, $failed refused, $waiting waiting"
}

# Of all shards: is there anything of the mesh to scrape? The release's own pods always are (job self).
together() {
  [ -s totals ] || return
  awk '{sum[$1] += $2} END {for (job in sum) printf "%s %d  ", job, sum[job]}' totals >line
  report "targets: $(cat line)"
  if [ "$(awk '$1 != "self" {sum += $2} END {print sum + 0}' totals)" -eq 0 ]; then
    if [ "${refusals:-0}" -gt 0 ]; then
      wrong "no target: the Kubernetes API refuses the list of pods" \
        "the ServiceAccount needs list and watch of pods; kubectl auth can-i list pods -A --as=system:serviceaccount:$NAMESPACE:$ACCOUNT"
    else
      wrong "no target: no pod with a container istio-proxy, discovery or install-cni is known" \
        "is Istio installed, are namespaces labelled for injection, and are metrics.targets and metrics.namespaces right?"
    fi
  fi
}

main
