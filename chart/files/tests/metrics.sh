# The metrics collector: it finds targets, each of them responds, and xScaler accepts the samples.
# A file for the collector defines ready(), targets() with a line "health job url error" for each target, pushes(), which
# sets delivered, failed and waiting, in samples, and redirected, in requests, where it follows redirects; and REFUSAL, the
# words of its log for samples that xScaler rejected.

# Targets of Prometheus' own API, which others embed. Inputs: port
targets_of_api() {
  fetch "$1" '/api/v1/targets?state=active' page || return 1
  sed 's/"discoveredLabels"/\n&/g' page | sed -n \
    's/.*"scrapePool":"\([^"]*\)","scrapeUrl":"\([^"]*\)".*"lastError":"\(\([^"\\]\|\\.\)*\)".*"health":"\([a-z]*\)".*/\5 \1 \2 \3/p'
}

# What Prometheus' remote storage counts, which others embed. It counts a sample each time it sends it, whatever the answer.
# The time of the newest sample that was accepted or rejected stays 0 until there is one. The same response counts refused
# lists of pods.
# Inputs: port
pushes_of_remote_storage() {
  fetch "$1" /metrics page || return 1
  failed=$(remote_storage failed_total)
  waiting=$(remote_storage pending)
  refusals=$(metric page prometheus_sd_kubernetes_failures_total)
  retried=$(remote_storage retried_total)
  delivered=$(($(remote_storage total) - failed - retried))
  done_with=$(metric page prometheus_remote_storage_queue_highest_sent_timestamp_seconds)
  [ "$done_with" -gt 0 ] && [ "$delivered" -ge 0 ] || delivered=0
}

# A counter of samples and native histograms together. Inputs: the end of its name
remote_storage() {
  echo $(($(metric page "prometheus_remote_storage_samples_$1") + $(metric page "prometheus_remote_storage_histograms_$1")))
}

REFUSED="kubectl -n $NAMESPACE logs $SELECT --prefix | grep -i '$REFUSAL' says why: 401 is the token,
      400 the tenant or a limit, 3xx a redirect (docs/troubleshooting.md)"

REDIRECTED="set xscaler.metrics.url to the address of the API, or correct the proxy that redirects $PUSH_URL"

check() {
  if ! ready; then
    wrong "is not ready: $(cat page.error)" "kubectl -n $NAMESPACE logs $SELECT --prefix"
    return
  fi
  if ! targets >list; then
    wrong "does not list its targets" "kubectl -n $NAMESPACE logs $SELECT --prefix"
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
      slow response needs a longer metrics.scrapeTimeout"
  elif [ "$up" -lt "$found" ]; then
    wrong "$((found - up)) of $found targets have not been scraped yet" "wait one metrics.scrapeInterval, or raise tests.timeout"
  fi
  failed=0 waiting=0 delivered=0 redirected=0
  pushes
  if [ "$redirected" -gt "$(first redirected "$redirected")" ]; then
    surely_wrong "redirects answer its pushes, $redirected so far" "$REDIRECTED"
  elif [ "$redirected" -gt 0 ] && [ "$delivered" -le "$(first delivered "$delivered")" ]; then
    wrong "redirects answered $redirected of its pushes, and it has sent none since this test began" "$REDIRECTED"
  elif [ "$failed" -gt "$(first failed "$failed")" ]; then
    surely_wrong "xScaler rejects samples permanently, $failed so far" "$REFUSED"
  elif [ "$failed" -gt 0 ] && [ "$delivered" -le 0 ]; then
    wrong "xScaler has accepted nothing and rejected $failed samples permanently" "$REFUSED"
  elif [ "$failed" -gt 0 ] && [ "$delivered" -le "$(first delivered "$delivered")" ]; then
    wrong "xScaler rejected $failed samples earlier and has accepted none since this test began" "$REFUSED"
  elif [ "$found" -gt 0 ] && [ "$delivered" -le 0 ]; then
    wrong "xScaler has accepted nothing yet, and $waiting samples are waiting" \
      "kubectl -n $NAMESPACE logs $SELECT --prefix; check that $PUSH_URL is right, and that no proxy or NetworkPolicy blocks it"
  fi
  [ "$delivered" -le 0 ] || : >accepted
  report "$up of $found targets are up; xScaler accepted $delivered samples and rejected $failed; $waiting are waiting"
}

# Over all shards: has the mesh a target? The release's own pods always are targets (job self).
together() {
  [ -s totals ] || return
  awk '{sum[$1] += $2} END {for (job in sum) printf "%s %d  ", job, sum[job]}' totals >line
  report "targets: $(cat line)"
  if [ ! -e accepted ] || [ -e sure ]; then judge_url xscaler.metrics.url; fi
  if [ "$(awk '$1 != "self" {sum += $2} END {print sum + 0}' totals)" -eq 0 ]; then
    if [ "${refusals:-0}" -gt 0 ]; then
      wrong "no target: the Kubernetes API rejects the list of pods" \
        "the ServiceAccount needs list and watch of pods; kubectl auth can-i list pods -A --as=system:serviceaccount:$NAMESPACE:$ACCOUNT"
    else
      wrong "no target: the collector finds no pod with a container istio-proxy, discovery or install-cni" \
        "check that Istio is installed, that namespaces are labelled for injection, and what metrics.targets, namespaces and metrics.namespaces exclude"
    fi
  fi
}

main
